"""All figures of a calibrated network on the validation films."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.train.validation import classes, findings, localise
from pneumoscope.train.validation.baseline import statistics_baseline
from pneumoscope.train.validation.learning import learned_nothing

if TYPE_CHECKING:
    from pneumoscope.data import FilmSet
    from pneumoscope.decision.explain import Run
    from pneumoscope.train.validation.calibrate import Calibrated


def measure(calibrated: Calibrated, run: Run, films: FilmSet, size: int) -> dict[str, Any]:
    """The figures of the model card.

    Args:
        calibrated: Predictions and operating points.
        run: The calibrated network.
        films: All films, with their splits.
        size: Side of the network's input in pixels.

    Returns:
        What `classes.figures` or `findings.figures` measures; ``classes``, their number;
        ``heatmaps``, see `localise.measure`; ``statistics_baseline``; and, if there is a reason,
        ``learned_nothing``, see `learning.learned_nothing`.
    """
    count = len(films.names)
    validation, points = calibrated.validation, calibrated.points
    several = films.task == "multilabel"
    reasons = learned_nothing(validation, films.names, points[: count if several else 1])
    return {
        **(
            findings.figures(validation, films.names, points[:count])
            if several
            else classes.figures(validation, points[0], calibrated.calibration.prevalence)
        ),
        "classes": count,
        "heatmaps": localise.measure(run, films, size),
        "statistics_baseline": statistics_baseline(films),
        **({"learned_nothing": list(reasons)} if reasons else {}),
    }
