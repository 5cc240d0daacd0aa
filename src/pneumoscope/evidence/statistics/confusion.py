"""Confusion matrices of draws of patients, and figures of a total matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array


@dataclass(frozen=True, slots=True)
class Confusion:
    """Calls by true class.

    Attributes:
        labels: Class names.
        counts: ``counts[i][j]``: number of films of class i that were called j.
        rows: ``rows[i][j]``: the same as a share of the films of class i.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    rows: tuple[tuple[Figure, ...], ...]


def confusion(
    truth: NDArray[np.intp], called: NDArray[np.intp], labels: Sequence[str], boot: Bootstrap
) -> Confusion:
    """Counts, and shares of each true class with intervals.

    Args:
        truth: Class of each film, (films,), in [0, classes).
        called: Its call, likewise.
        labels: Class names.
        boot: Draws of the films' patients.
    """
    boot.check(truth=truth, called=called)
    table = tables(truth, called, len(labels), boot)
    with np.errstate(invalid="ignore"):
        shares = table / table.sum(axis=2, keepdims=True)
    rows = []
    for i, name in enumerate(labels):
        trials = boot.patients_with(truth == i)
        reason = f"no film of class {name}"
        rows.append(
            tuple(
                figure_of(shares[:, i, j], boot, "unit", reason, trials) for j in range(len(labels))
            )
        )
    counts = tuple(tuple(int(n) for n in row) for row in table[0])
    return Confusion(tuple(labels), counts, tuple(rows))


def tables(
    truth: NDArray[np.intp], called: NDArray[np.intp], classes: int, boot: Bootstrap
) -> Array:
    """Confusion matrices (draws + 1, true class, called class)."""
    cell = (truth * classes + called)[:, None] == np.arange(classes**2)
    return boot.sums(cell).reshape(-1, classes, classes)


def mcc(table: Array) -> Array:
    """Matthews' correlation of tables (draws, classes, classes), Gorodkin 2004, eq. 8."""
    total, right = table.sum(axis=(1, 2)), np.einsum("dii->d", table)
    rows, columns = table.sum(axis=2), table.sum(axis=1)
    top = right * total - (rows * columns).sum(axis=1)
    bottom = (total**2 - (rows**2).sum(axis=1)) * (total**2 - (columns**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / np.sqrt(bottom), np.nan)


def kappa(table: Array) -> Array:
    """Cohen's kappa (1960) of tables (draws, classes, classes)."""
    total, right = table.sum(axis=(1, 2)), np.einsum("dii->d", table)
    chance = (table.sum(axis=2) * table.sum(axis=1)).sum(axis=1) / total**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance < 1, (right / total - chance) / (1 - chance), np.nan)
