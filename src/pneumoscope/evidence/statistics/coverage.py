"""Whether conformal sets keep their promise on new patients: repeated splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision import conformal
from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.ranking import check_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Bootstrap

SPLITS = 20


@dataclass(frozen=True, slots=True)
class OverSplits:
    """A share over repeated splits; None (with a note) if it does not exist.

    Attributes:
        mean: Over the splits.
        lowest: Of one split.
        highest: Of one split.
        note: Why it does not exist, or what it cannot tell.
    """

    mean: float | None
    lowest: float | None
    highest: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ConformalCoverage:
    """What conformal sets do on patients that they were not calibrated on.

    Attributes:
        alpha: Error rate allowed in each class; coverage should be 1 - alpha.
        least: Probability from which on a class is in the set, calibrated on all films.
        by_class: Class name to the share of its films whose set holds it.
        undetermined: Share of films with more than one class in the set.
        empty: Share of films with none: they look like no class.
        single: Share of films with exactly one class.
        error_of_single: Share of wrong classes among these.
        splits: How often patients were halved.
    """

    alpha: float
    least: tuple[float, ...]
    by_class: dict[str, OverSplits]
    undetermined: OverSplits
    empty: OverSplits
    single: OverSplits
    error_of_single: OverSplits
    splits: int


def conformal_coverage(
    truth: NDArray[np.intp],
    p: NDArray[np.floating],
    labels: Sequence[str],
    boot: Bootstrap,
    alpha: float = 0.05,
    splits: int = SPLITS,
) -> ConformalCoverage:
    """Calibrates on half of the patients, measures on the others, ``splits`` times.

    Args:
        truth: Class of each film, (films,), in [0, classes).
        p: Probabilities (films, classes).
        labels: Class names.
        boot: Knows the films' patients; its draws are not used.
        alpha: Error rate allowed in each class, in (0, 1).
        splits: How often.

    Raises:
        UsageError: Shapes do not fit, or there is one patient only.
    """
    check_classes(truth, p, labels, boot)
    if boot.patients < 2:
        raise UsageError("conformal coverage needs films of at least two patients")
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(splits):
        half = np.zeros(boot.patients, bool)
        half[rng.permutation(boot.patients)[: boot.patients // 2]] = True
        calibrates = half[boot.group]
        least = conformal.least_probabilities(p[calibrates], truth[calibrates], alpha)
        rows.append(_shares(conformal.sets(p[~calibrates], least), truth[~calibrates]))
    shares = np.array(rows)
    few = np.ceil(round(1 / alpha - 1, 9))  # below this a class is in every set
    classes = {}
    for k, label in enumerate(labels):
        number = int((truth == k).sum())
        note = ""
        if number // 2 < few:
            note = f"{number} films are too few to leave the class out of a set"
        classes[label] = _over(shares[:, k], f"no film of class {label}", note)
    n = len(labels)
    return ConformalCoverage(
        alpha,
        tuple(conformal.least_probabilities(p, truth, alpha).tolist()),
        classes,
        undetermined=_over(shares[:, n]),
        empty=_over(shares[:, n + 1]),
        single=_over(shares[:, n + 2]),
        error_of_single=_over(shares[:, n + 3], "no film has just one class in its set"),
        splits=splits,
    )


def _shares(found: NDArray[np.bool_], truth: NDArray[np.intp]) -> list[float]:
    """Coverage by class, then undetermined, empty, single, errors of single; NaN if of none."""
    held, size = found[np.arange(len(truth)), truth], found.sum(axis=1)
    shares = [_mean(held[truth == k]) for k in range(found.shape[1])]
    return [
        *shares,
        _mean(size > 1),
        _mean(size == 0),
        _mean(size == 1),
        _mean(~held[size == 1]),
    ]


def _mean(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _over(shares: NDArray[np.float64], missing: str = "", note: str = "") -> OverSplits:
    own = shares[np.isfinite(shares)]
    if not len(own):
        return OverSplits(None, None, None, missing)
    return OverSplits(float(own.mean()), float(own.min()), float(own.max()), note)
