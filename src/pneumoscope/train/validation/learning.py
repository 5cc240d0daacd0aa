"""Whether a training has learned anything, by its validation films."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.named_figures import named_figure
from pneumoscope.metrics import roc_auc
from pneumoscope.train.validation import findings
from pneumoscope.train.validation.predictions import PLAIN
from pneumoscope.train.validation.scores import measurable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.evidence.statistics.intervals import Figure
    from pneumoscope.records import OperatingPoint
    from pneumoscope.train.validation.predictions import Validation

_CHANCE = 0.5


def learned_nothing(
    validation: Validation,
    names: Sequence[str],
    points: Sequence[OperatingPoint],
    draws: int = 2000,
) -> tuple[str, ...]:
    """Why a network is of no use: its AUC may be chance, or is worse, or it never calls a class.

    Args:
        validation: Predictions of the calibrated network.
        names: Classes, the negative one first; or findings.
        points: The default operating point; for findings one each, in their order.
        draws: Number of draws of the patient bootstrap.

    Returns:
        Sentences without their full stop; none if the network has learned something.
    """
    if validation.negative is None:
        return _of_findings(validation, names, points, draws)
    ill, p = validation.ill, validation.p_positive()
    boot = Bootstrap.of(validation.patients, draws)
    reasons = _chance(named_figure("auc", lambda w: roc_auc(ill, p, w), ill, boot), "the AUC")
    called = p >= points[0].threshold
    positive = names[1] if len(names) == 2 else "positive"
    if not called.any():
        reasons.append(f"no validation film is called {positive}")
    if called.all():
        reasons.append(f"no validation film is called {names[0]}")
    chosen = set(validation.probabilities[PLAIN].argmax(axis=1).tolist())
    if len(names) > 2:
        never = [name for i, name in enumerate(names) if i not in chosen]
        reasons += (f"{name} is the most probable class of no validation film" for name in never)
    return tuple(reasons)


def _of_findings(
    validation: Validation, names: Sequence[str], points: Sequence[OperatingPoint], draws: int
) -> tuple[str, ...]:
    known = set(measurable(validation.truth).tolist())
    if not known:
        return ()
    boot = Bootstrap.of(validation.patients, draws)
    reasons = _chance(
        findings.mean_auc_figure(findings.macro_auc(validation), boot, validation.truth),
        "the mean AUC",
    )
    for i, (name, point) in enumerate(zip(names, points, strict=True)):
        p = validation.probabilities[PLAIN][:, i]
        called = p[~np.isnan(validation.truth[:, i])] >= point.threshold
        if i in known and (called.all() or not called.any()):
            films = "every validation film" if called.all() else "no validation film"
            reasons.append(f"{name} is called on {films}")
    return tuple(reasons)


def _chance(figure: Figure, what: str) -> list[str]:
    # Where there is no interval, the value is all that is known.
    low = figure.value if figure.low is None else figure.low
    if figure.value is None or low is None or low > _CHANCE:
        return []
    interval = "" if figure.low is None else f" [{figure.low:.3f}, {figure.high:.3f}]"
    high = figure.value if figure.high is None else figure.high
    chance = "is worse than chance" if high < _CHANCE else "may be chance"
    return [f"{what} on the validation films is {figure.value:.3f}{interval}, which {chance} (0.5)"]
