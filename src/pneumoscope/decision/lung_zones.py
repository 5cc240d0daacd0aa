"""Where the heat of a verdict lies, in words: upper, middle and lower zone of either lung."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

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
    """The zones that are named beside a verdict; see `hottest_zones`.

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
    sides = not (mirrored or reversed_rows)
    return hottest_zones(subject.lung_cells, subject.heat_cells, sides=sides)


def hottest_zones(
    lungs: NDArray[np.bool_], heat: NDArray[np.float32], *, sides: bool = True
) -> tuple[ZoneHeat, ...]:
    """The zones with the most heat, the hottest first.

    Args:
        lungs: The film's lungs, see `lung_grid`.
        heat: Its heatmap at the size of ``lungs``, >= 0.
        sides: Whether the picture tells right from left; not that of a mirrored film. Without sides,
            or if the field does not fall apart into two lungs, a zone is that of both lungs.

    Returns:
        Every zone that has at least `NAMED` of the hottest zone's heat; none without heat on lungs.
    """
    total = float(heat.sum())
    if not total > 0 or not lungs.any():
        return ()
    cut = between(lungs)
    shares: dict[str, float] = {}
    for side, columns in _lungs(cut):
        lung, hot = lungs[:, columns], heat[:, columns]
        for zone, rows in zip(ZONES, thirds(lung), strict=True):
            name = f"{side} {zone}" if sides and cut is not None else zone
            share = float(hot[rows][lung[rows]].sum()) / total
            shares[name] = shares.get(name, 0.0) + share
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
    # Python's integers: calls of numpy would cost more for so few columns.
    columns: list[int] = lungs.sum(axis=0).tolist()
    total = sum(columns)
    if not total:
        return None
    inner = [
        column
        for column, area in enumerate(accumulate(columns))
        if _SMALLEST * total <= area <= (1 - _SMALLEST) * total
    ]
    if not inner:
        return None
    least = min(columns[column] for column in inner)
    lowest = [column for column in inner if columns[column] == least]
    cut = lowest[len(lowest) // 2]
    lower = min(max(columns[:cut], default=0), max(columns[cut + 1 :], default=0))
    return cut if columns[cut] <= _GAP * lower else None


def thirds(lung: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The rows of the upper, middle and lower third of a lung's height: those whose middle is there."""
    rows = np.flatnonzero(lung.any(axis=1))
    first, end = int(rows[0]), int(rows[-1]) + 1
    step = (end - first) / len(ZONES)
    edges = [first, *(math.ceil(first + i * step - 0.5) for i in range(1, len(ZONES))), end]
    return tuple(slice(above, below) for above, below in pairwise(edges))


def _lungs(cut: int | None) -> Iterator[tuple[str, slice]]:
    """The columns of each lung with the patient's side; all of them if there are not two lungs."""
    if cut is None:
        yield "", slice(None)
        return
    yield SIDES[0], slice(cut)
    yield SIDES[1], slice(cut, None)
