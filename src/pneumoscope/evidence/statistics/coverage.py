"""How often conformal sets contain the truth: with given limits, and recalibrated on repeated splits.

Sets and limits are those of the product, `pneumoscope.decision.conformal`. A question has two sides:
the positive one is in the set if P(positive) reaches its limit, the negative one if 1 - P does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.reader_settings import DEFAULT_ERROR, ERROR
from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.shares import share_figure
from pneumoscope.metrics import as_bools

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.decision.conformal import Limits
    from pneumoscope.evidence.statistics.intervals import Array, Bootstrap, Figure

SPLITS = 20
_ALWAYS = (0.0, 0.0)
"""Limits at which every set contains both sides."""


@dataclass(frozen=True, slots=True)
class SetCoverage:
    """Conformal sets with given limits, on films that had no part in choosing them.

    Attributes:
        error: Share of the films of either side whose set may miss it, in (0, 1).
        limits: Of 1 - P(positive) for the negative side, of P(positive) for the positive one.
        films: Number of films.
        patients: Number of their patients.
        by_class: Name of the side to the share of its films whose set contains it; should be at
            least 1 - ``error``.
        undetermined: Share of films with both sides in the set.
        empty: Share of films with neither.
        single: Share of films with exactly one.
        error_of_single: Share of wrong sides among these.
    """

    error: float
    limits: tuple[float, float]
    films: int
    patients: int
    by_class: dict[str, Figure]
    undetermined: Figure
    empty: Figure
    single: Figure
    error_of_single: Figure


@dataclass(frozen=True, slots=True)
class OverSplits:
    """A share over repeated splits; None (with a note) if it does not exist.

    Attributes:
        mean: Mean over the splits.
        lowest: Lowest share of any split.
        highest: Highest share of any split.
        note: Why it does not exist, or its limitation.
    """

    mean: float | None
    lowest: float | None
    highest: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class RecalibratedCoverage:
    """Conformal sets of patients that had no part in the calibration of the limits.

    Attributes:
        error: As in `SetCoverage`.
        limits: Likewise, calibrated on all films.
        by_class: Likewise, over splits; so are the following.
        undetermined: Likewise.
        empty: Likewise.
        single: Likewise.
        error_of_single: Likewise.
        splits: Number of times that patients were divided into halves.
    """

    error: float
    limits: tuple[float, float]
    by_class: dict[str, OverSplits]
    undetermined: OverSplits
    empty: OverSplits
    single: OverSplits
    error_of_single: OverSplits
    splits: int


def sets_of(limits: Limits, name: str, p: Array) -> NDArray[np.bool_]:
    """The sets of films, bool (films, 2): whether they contain the negative and the positive side.

    Args:
        limits: Limits of the product.
        name: Name of the question.
        p: P(positive), (films,).
    """
    return np.array([limits.holds(name, x) for x in p.tolist()], bool).reshape(-1, 2)


def set_coverage(
    positive: NDArray[np.bool_],
    p: Array,
    limits: Limits,
    name: str,
    names: tuple[str, str],
    boot: Bootstrap,
) -> SetCoverage:
    """Coverage of sets with given limits.

    Args:
        positive: bool (films,).
        p: P(positive), (films,).
        limits: Limits of the product.
        name: Name of the question.
        names: Names of the negative and the positive side.
        boot: Draws of the films' patients.

    Raises:
        UsageError: Lengths differ, or a probability is NaN.
    """
    boot.check(positive=positive, p=p)
    positive = as_bools(positive)
    in_set = sets_of(limits, name, p)
    size, correct = in_set.sum(axis=1), np.where(positive, in_set[:, 1], in_set[:, 0])
    all_films = np.ones(len(positive), bool)
    single = size == 1
    return SetCoverage(
        error=limits.error,
        limits=limits.questions[name],
        films=len(positive),
        patients=boot.patients,
        by_class={
            side: share_figure(correct, films, boot, f"no film of class {side}")
            for side, films in zip(names, (~positive, positive), strict=True)
        },
        undetermined=share_figure(size == 2, all_films, boot),
        empty=share_figure(size == 0, all_films, boot),
        single=share_figure(single, all_films, boot),
        error_of_single=share_figure(
            ~correct, single, boot, "no film has just one class in its set"
        ),
    )


def recalibrated_coverage(
    positive: NDArray[np.bool_],
    p: Array,
    names: tuple[str, str],
    boot: Bootstrap,
    error: float = DEFAULT_ERROR,
) -> RecalibratedCoverage:
    """Calibrates limits on half of the patients and measures sets on the others, `SPLITS` times.

    Args:
        positive: bool (films,).
        p: P(positive), (films,).
        names: Names of the negative and the positive side.
        boot: Knows the films' patients; its draws are not used.
        error: Share of the films of either side whose set may miss it, in (0, 1).

    Raises:
        UsageError: Lengths differ, there is one patient only, or ``error`` is out of range.
    """
    boot.check(positive=positive, p=p)
    positive = as_bools(positive)
    ERROR.check(error)
    if boot.patients < 2:
        raise UsageError("conformal coverage needs films of at least two patients")
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(SPLITS):
        half = np.zeros(boot.patients, bool)
        half[rng.permutation(boot.patients)[: boot.patients // 2]] = True
        calibrates = half[boot.group]
        limits = _limits(positive[calibrates], p[calibrates], error)
        rest = p[~calibrates]
        in_set = np.stack([1 - rest >= limits[0], rest >= limits[1]], axis=1)
        rows.append(_shares(in_set, positive[~calibrates]))
    shares = np.array(rows)
    least = np.ceil(round(1 / error - 1, 9))  # with fewer films both sides are in every set
    classes = {}
    for k, (name, films) in enumerate(zip(names, (~positive, positive), strict=True)):
        number = int(films.sum())
        note = ""
        if number // 2 < least:
            note = f"{number} films are too few to leave the class out of a set"
        classes[name] = _over(shares[:, k], f"no film of class {name}", note)
    return RecalibratedCoverage(
        error=error,
        limits=_limits(positive, p, error),
        by_class=classes,
        undetermined=_over(shares[:, 2]),
        empty=_over(shares[:, 3]),
        single=_over(shares[:, 4]),
        error_of_single=_over(shares[:, 5], "no film has just one class in its set"),
        splits=SPLITS,
    )


def _limits(positive: NDArray[np.bool_], p: Array, error: float) -> tuple[float, float]:
    """The limits that the product would derive from these films."""
    try:
        return Scores({"": Sides.of(p, positive)}).at(error).questions[""]
    except UsageError:  # too few films for this error
        return _ALWAYS


def _shares(in_set: NDArray[np.bool_], positive: NDArray[np.bool_]) -> list[float]:
    """Coverage of both sides, then undetermined, empty, single, errors of single; NaN if of none."""
    size, correct = in_set.sum(axis=1), np.where(positive, in_set[:, 1], in_set[:, 0])
    return [
        _mean(correct[~positive]),
        _mean(correct[positive]),
        _mean(size == 2),
        _mean(size == 0),
        _mean(size == 1),
        _mean(~correct[size == 1]),
    ]


def _mean(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _over(shares: Array, missing: str = "", note: str = "") -> OverSplits:
    known = shares[np.isfinite(shares)]
    if not len(known):
        return OverSplits(None, None, None, missing)
    return OverSplits(float(known.mean()), float(known.min()), float(known.max()), note)
