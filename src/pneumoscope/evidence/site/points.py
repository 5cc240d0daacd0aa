"""Carries the operating points of an older bundle over to a new one: the same sensitivity or
specificity on the same films.

All figures come from films that had no part in choosing the thresholds. Differences are paired: both
bundles are measured on the same draws of patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.statistics.calls import threshold_samples
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.evidence.statistics.shares import share_figure
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
"""The threshold if the older bundle called no film positive; 0.001 if it called all of them positive."""


@dataclass(frozen=True, slots=True)
class Older:
    """A bundle that was used before.

    Attributes:
        title: Name and version of the bundle, and the site profile if there was one.
        points: Its operating points.
        calibration: Calibration of the site profile that was used with it, or None.
    """

    title: str
    points: tuple[OperatingPoint, ...]
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class CarriedPoint:
    """One operating point, before and after.

    Attributes:
        name: Name of the point.
        keeps: ``"sensitivity"``, ``"specificity"``, or ``"both"``, as far as one threshold can.
        old_threshold: On the older P(positive).
        new_threshold: On the site's.
        old_sensitivity: On these films.
        old_specificity: Likewise.
        sensitivity_change: New minus old, cross-fitted and paired.
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
    """Calls of the older bundle by name of the point, in the order of its points."""

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
    """Chooses the new thresholds on the given films."""

    def choose(rows: NDArray[np.intp], p: Array) -> Sequence[OperatingPoint]:
        points = []
        for point in calls.points:
            keeps = kept_by(point)
            threshold = matching(positive[rows], p, calls.called[point.name][rows], keeps)
            rule = f"keeps the {keeps} of {older.title} at {point.name} on the site's films"
            if keeps == BOTH:
                rule = f"as sensitive and specific as {older.title} at {point.name} on the site's films"
            points.append(OperatingPoint(point.name, threshold, rule))
        return points

    return choose


def kept_by(point: OperatingPoint) -> str:
    """What a point promises, by the beginning of its rule, see `thresholds.choose`."""
    for side in (SENSITIVITY, SPECIFICITY):
        if point.rule.startswith((side, f"keeps the {side}")):
            return side
    return BOTH


def matching(positive: NDArray[np.bool_], p: Array, called: NDArray[np.bool_], keeps: str) -> float:
    """The threshold on new probabilities that matches older calls.

    Args:
        positive: bool (films,), with both classes.
        p: New P(positive), (films,).
        called: Whether the older bundle called each film positive, (films,).
        keeps: ``"sensitivity"``: the highest threshold with at least as many hits;
            ``"specificity"``: the lowest with at most as many false alarms; ``"both"``: the middle
            of those at which the worse of the two changes is best.
    """
    ill, well = np.sort(p[positive])[::-1], np.sort(p[~positive])[::-1]
    hits, false = int(called[positive].sum()), int(called[~positive].sum())
    if keeps == SENSITIVITY:
        threshold = ill[hits - 1] if hits else NOBODY
    elif keeps == SPECIFICITY:
        threshold = np.nextafter(well[false], 2.0) if false < len(well) else 1 - NOBODY
    else:
        candidates = np.unique(p)
        gain = (np.searchsorted(-ill, -candidates, "right") - hits) / len(ill)
        loss = (np.searchsorted(-well, -candidates, "right") - false) / len(well)
        worse = np.minimum(gain, -loss)
        threshold = np.median(candidates[worse >= worse.max() - 1e-9])
    return float(np.clip(threshold, 1 - NOBODY, NOBODY))


def compared(
    points: Sequence[OperatingPoint],
    older: OlderCalls,
    called: Calls,
    positive: NDArray[np.bool_],
    boot: Bootstrap,
) -> tuple[CarriedPoint, ...]:
    """Compares old and new calls.

    Args:
        points: The new ones.
        older: The old ones with their calls.
        called: The new calls by name, cross-fitted, (films,) each.
        positive: bool (films,).
        boot: Draws of the films' patients.
    """
    all_films = np.ones(len(positive), bool)
    carried = []
    for new, old in zip(points, older.points, strict=True):
        was, now = older.called[old.name], called[new.name]
        before, after = (threshold_samples(positive, calls, boot) for calls in (was, now))
        sensitivity, specificity = figures(before, positive, boot)
        carried.append(
            CarriedPoint(
                name=new.name,
                keeps=kept_by(old),
                old_threshold=old.threshold,
                new_threshold=new.threshold,
                old_sensitivity=sensitivity,
                old_specificity=specificity,
                sensitivity_change=_change(SENSITIVITY, before, after, positive, boot),
                specificity_change=_change(SPECIFICITY, before, after, ~positive, boot),
                changed=share_figure(was != now, all_films, boot),
            )
        )
    return tuple(carried)


def _change(
    name: str,
    before: Mapping[str, Array],
    after: Mapping[str, Array],
    films: NDArray[np.bool_],
    boot: Bootstrap,
) -> Figure:
    """The change of a figure, with the degrees of freedom of the patients of its class alone."""
    sample = after[name] - before[name]
    return figure_of(sample, boot, "correlation", patients=boot.patients_with(films))


def figures(
    samples: Mapping[str, Array], positive: NDArray[np.bool_], boot: Bootstrap
) -> tuple[Figure, Figure]:
    """Sensitivity and specificity with intervals, from `calls.threshold_samples`."""
    return (
        figure_of(samples[SENSITIVITY], boot, "unit", trials=boot.patients_with(positive)),
        figure_of(samples[SPECIFICITY], boot, "unit", trials=boot.patients_with(~positive)),
    )
