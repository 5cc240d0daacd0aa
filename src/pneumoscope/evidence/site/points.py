"""Operating points of an older bundle on a new one: the same sensitivity or specificity on the same
films.

Every figure is of calls by thresholds that the film had no part in choosing, and differences are
paired: both bundles are measured on the same draws of patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.statistics.calls import threshold_samples
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.records import OperatingPoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pneumoscope.decision.calibration import Calibration
    from pneumoscope.evidence.site.fit import Choose

    Array = NDArray[np.float64]
    Calls = Mapping[str, NDArray[np.bool_]]

SENSITIVITY, SPECIFICITY, BOTH = "sensitivity", "specificity", "both"
NOBODY = 0.999
"""The threshold where the older one called no film positive; 0.001 where it called all of them."""


@dataclass(frozen=True, slots=True)
class Older:
    """What was in use before.

    Attributes:
        title: Name and version of the bundle, and the site profile if there was one.
        points: Its operating points.
        calibration: Of the site profile that was in use with it, or None.
    """

    title: str
    points: tuple[OperatingPoint, ...]
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class CarriedPoint:
    """One operating point, before and after.

    Attributes:
        name: Of the point.
        keeps: ``"sensitivity"``, ``"specificity"``, or ``"both"`` as well as one threshold can.
        old_threshold: On the older P(positive).
        new_threshold: On the site's.
        old_sensitivity: On these films.
        old_specificity: Likewise.
        sensitivity_change: New less old, cross-fitted and paired.
        specificity_change: Likewise.
        changed: Share of films whose label changes.
    """

    name: str
    keeps: str
    old_threshold: float
    new_threshold: float
    old_sensitivity: Figure
    old_specificity: Figure
    sensitivity_change: Figure
    specificity_change: Figure
    changed: Figure


@dataclass(frozen=True, slots=True, eq=False)
class OlderCalls:
    """What the older bundle called the films: by name, in the order of its points."""

    points: tuple[OperatingPoint, ...]
    called: Calls


def older_calls(older: Older, p: Array) -> OlderCalls:
    """Calls of the older bundle.

    Args:
        older: With its points.
        p: P(positive) as the older bundle gives it, (films,).
    """
    if older.calibration is not None:
        p = older.calibration.apply(np.stack([1 - p, p], axis=1), 0)[:, 1]
    return OlderCalls(older.points, {q.name: p >= q.threshold for q in older.points})


def carrying(calls: OlderCalls, older: Older, positive: NDArray[np.bool_]) -> Choose:
    """Chooses the new thresholds, on the films given."""

    def choose(rows: NDArray[np.intp], p: Array) -> Sequence[OperatingPoint]:
        found = []
        for point in calls.points:
            keeps = kept_by(point)
            threshold = matching(positive[rows], p, calls.called[point.name][rows], keeps)
            rule = f"keeps the {keeps} of {older.title} at {point.name} on the site's films"
            if keeps == BOTH:
                rule = f"as sensitive and specific as {older.title} at {point.name} on the site's films"
            found.append(OperatingPoint(point.name, threshold, rule))
        return found

    return choose


def kept_by(point: OperatingPoint) -> str:
    """What a point promises: its rule begins with it, as those of `thresholds.choose` do."""
    for side in (SENSITIVITY, SPECIFICITY):
        if point.rule.startswith((side, f"keeps the {side}")):
            return side
    return BOTH


def matching(positive: NDArray[np.bool_], p: Array, called: NDArray[np.bool_], keeps: str) -> float:
    """The threshold on new probabilities that does what older calls did.

    Args:
        positive: bool (films,), both kinds.
        p: New P(positive), (films,).
        called: What the older bundle called positive, (films,).
        keeps: ``"sensitivity"``: the highest threshold with at least as many hits;
            ``"specificity"``: the lowest with at most as many false alarms; ``"both"``: the middle
            of those at which the worse of the two changes is best.
    """
    ill, well = np.sort(p[positive])[::-1], np.sort(p[~positive])[::-1]
    hits, false = int(called[positive].sum()), int(called[~positive].sum())
    if keeps == SENSITIVITY:
        found = ill[hits - 1] if hits else NOBODY
    elif keeps == SPECIFICITY:
        found = np.nextafter(well[false], 2.0) if false < len(well) else 1 - NOBODY
    else:
        candidates = np.unique(p)
        gain = (np.searchsorted(-ill, -candidates, "right") - hits) / len(ill)
        loss = (np.searchsorted(-well, -candidates, "right") - false) / len(well)
        worse = np.minimum(gain, -loss)
        found = np.median(candidates[worse >= worse.max() - 1e-9])
    return float(np.clip(found, 1 - NOBODY, NOBODY))


def compared(
    points: Sequence[OperatingPoint],
    older: OlderCalls,
    called: Calls,
    positive: NDArray[np.bool_],
    boot: Bootstrap,
) -> tuple[CarriedPoint, ...]:
    """Old and new calls side by side.

    Args:
        points: The new ones.
        older: The old ones with their calls.
        called: The new calls by name, cross-fitted, (films,) each.
        positive: bool (films,).
        boot: Draws of the films' patients.
    """
    found = []
    for new, old in zip(points, older.points, strict=True):
        was, now = older.called[old.name], called[new.name]
        before, after = (threshold_samples(positive, calls, boot) for calls in (was, now))
        changed = boot.over(lambda w, differs=was != now: (w @ differs) / w.sum(axis=1))  # type: ignore[misc]
        found.append(
            CarriedPoint(
                new.name,
                kept_by(old),
                old.threshold,
                new.threshold,
                *figures(before, positive, boot),
                figure_of(after[SENSITIVITY] - before[SENSITIVITY], boot, "correlation"),
                figure_of(after[SPECIFICITY] - before[SPECIFICITY], boot, "correlation"),
                figure_of(changed, boot, "unit", trials=boot.patients),
            )
        )
    return tuple(found)


def figures(
    samples: Mapping[str, Array], positive: NDArray[np.bool_], boot: Bootstrap
) -> tuple[Figure, Figure]:
    """Sensitivity and specificity with intervals, from `calls.threshold_samples`."""
    return (
        figure_of(samples[SENSITIVITY], boot, "unit", trials=boot.patients_with(positive)),
        figure_of(samples[SPECIFICITY], boot, "unit", trials=boot.patients_with(~positive)),
    )
