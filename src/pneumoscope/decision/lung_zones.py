"""Where the heat of a verdict lies, in words: upper, middle and lower zone of either lung."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.lung_regions import lung_grid, resized
from pneumoscope.records import ZoneHeat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pneumoscope.decision.decide import Decision
    from pneumoscope.decision.explain import Subject
    from pneumoscope.records import Explanation, FilmFacts

MIRRORED = "mirrored"
"""The gate's reason that right and left look exchanged."""
ZONES = ("upper zone", "middle zone", "lower zone")
"""Thirds of a lung's height, from above."""
SIDES = ("right", "left")
"""The patient's: the right lung is on the left of the picture."""
NAMED = 0.5
"""A zone is named if it has at least this part of the hottest zone's heat."""
_SMALLEST = 0.2
"""Least share of both lungs that either must have."""
_GAP = 0.8
"""Between the lungs, the highest column of lung has at most this part of the lower lung's height."""


def named_zones(
    decision: Decision, subject: Subject, explanation: Explanation | None, facts: FilmFacts
) -> tuple[ZoneHeat, ...]:
    """The zones that are named beside a verdict; see `zones_of`.

    Args:
        decision: What was decided about the film.
        subject: The film with the heatmap of the decision.
        explanation: Whether the heatmap explains the decision; None without a heatmap.
        facts: What the film's file says about it.

    Returns:
        Nothing unless the verdict is positive, its heatmap reliable, and the network looks for
        lungs. The zones have no sides if the gate, or the file, says that the film is mirrored.
    """
    reliable = explanation is not None and explanation.reliable
    if subject.lungs is None or not reliable or decision.label != decision.positive:
        return ()
    mirrored = any(reason.code == MIRRORED for reason in decision.gate.reasons)
    # PS3.3 C.7.6.1.1.1: rows of an upright chest film run to the patient's left.
    reversed_rows = (facts.row_direction or "").startswith("R")
    return zones_of(subject.heatmap, subject.lungs, sides=not (mirrored or reversed_rows))


def zones_of(
    heatmap: NDArray[np.floating[Any]], field: NDArray[np.floating[Any]], *, sides: bool = True
) -> tuple[ZoneHeat, ...]:
    """The zones with the most heat, the hottest first.

    Args:
        heatmap: Float (h, w), >= 0.
        field: The film's lung field, float (h, w) in [0, 1].
        sides: Whether the picture tells right from left; not that of a mirrored film. Without sides,
            or if the field does not fall apart into two lungs, a zone is that of both lungs.

    Returns:
        Every zone that has at least `NAMED` of the hottest zone's heat; none without heat on lungs.
    """
    lungs, heat = lung_grid(field), resized(heatmap)
    total = float(heat.sum())
    if not total > 0 or not lungs.any():
        return ()
    cut = between(lungs)
    shares: dict[str, float] = {}
    for side, lung in _lungs(lungs, cut):
        for zone, part in zip(ZONES, thirds(lung), strict=True):
            name = f"{side} {zone}" if sides and cut is not None else zone
            shares[name] = shares.get(name, 0.0) + float(heat[part].sum()) / total
    hottest = max(shares.values())
    named = [ZoneHeat(name, share) for name, share in shares.items() if share >= NAMED * hottest]
    return tuple(sorted(named, key=lambda zone: -zone.share)) if hottest > 0 else ()


def between(lungs: NDArray[np.bool_]) -> int | None:
    """The first column of the lung on the right of the picture; None if there are not two lungs.

    The lungs are cut in the middle of the columns with the least lung, between the two halves of
    their area.

    Args:
        lungs: bool (rows, columns).
    """
    columns = lungs.sum(axis=0)
    cumulated = np.cumsum(columns)
    total = int(cumulated[-1])
    if not total:
        return None
    inner = np.flatnonzero(
        (cumulated >= _SMALLEST * total) & (cumulated <= (1 - _SMALLEST) * total)
    )
    if not len(inner):
        return None
    lowest = inner[columns[inner] == columns[inner].min()]
    cut = int(lowest[len(lowest) // 2])
    lower = min(columns[:cut].max(initial=0), columns[cut + 1 :].max(initial=0))
    return cut if columns[cut] <= _GAP * lower else None


def thirds(lung: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], ...]:
    """Upper, middle and lower third of a lung's height, each bool (rows, columns)."""
    rows = np.flatnonzero(lung.any(axis=1))
    edges = np.linspace(rows[0], rows[-1] + 1, len(ZONES) + 1)
    middle = np.arange(len(lung)) + 0.5
    return tuple(
        lung & ((middle >= above) & (middle < below))[:, None] for above, below in pairwise(edges)
    )


def _lungs(lungs: NDArray[np.bool_], cut: int | None) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Each lung with the patient's side; all lung as one if there are not two."""
    if cut is None:
        yield "", lungs
        return
    on_the_left = np.arange(lungs.shape[1]) < cut
    yield SIDES[0], lungs & on_the_left
    yield SIDES[1], lungs & ~on_the_left
