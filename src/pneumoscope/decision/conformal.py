"""Class-conditional split conformal prediction: sets that contain the true class.

Of the films of each class, at least a share 1 - alpha get a set with that class in it, provided that
they are exchangeable with the calibration films (Vovk 2012; Sadinle, Lei and Wasserman 2019). A set
of two classes, or an empty one, means that somebody else should read the film. numpy only.

A bundle keeps the sorted scores of its calibration films (`Scores`), so that readers can choose the
error. `Scores.at` turns them into limits (`Limits`).

The limit that keeps a negative film from a positive verdict may have to hold in further groups of films,
such as those of each hospital: pooled, a large hospital hides what happens in a small one. It may also have
to hold in sources as networks judge them that were trained without them (`Scores.left_out`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.reader_settings import DEFAULT_ERROR, ERROR
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MOST_SCORES = 999
"""Scores of one class in a bundle, at most: enough for errors in steps of 0.1 %."""
LEAST_FILMS = round(1 / DEFAULT_ERROR) - 1
"""Calibration films, at least, for a limit at `DEFAULT_ERROR`."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Scores of one question, ascending.

    Attributes:
        negative: 1 - P(positive) of the negative calibration films, or lower where the limit has to hold in
            further groups of films, see `Sides.of`.
        positive: P(positive) of the positive ones.
    """

    negative: tuple[float, ...]
    positive: tuple[float, ...]

    @classmethod
    def of(
        cls,
        p: NDArray[np.floating[Any]],
        positive: NDArray[np.bool_],
        others: Sequence[NDArray[np.floating[Any]]] = (),
    ) -> Sides:
        """Scores of calibration films, see `scores_of`.

        Args:
            p: P(positive), (films,).
            positive: bool (films,).
            others: P(positive) of further groups of negative films, in each of which the limit of the
                negative side is to hold, too, from an error of 1 / (n + 1) on; each (n,) with n at least
                `LEAST_FILMS`.

        Raises:
            UsageError: There are no films, or the lengths differ.
        """
        if p.ndim != 1 or len(p) != len(positive) or not len(p):
            raise UsageError(f"probabilities {p.shape} for {len(positive)} films")
        negative = _strictest(scores_of(1 - p[~positive]), [scores_of(1 - q) for q in others])
        return cls(negative, scores_of(p[positive]))


@dataclass(frozen=True, slots=True)
class Limits:
    """The probabilities from which a class is in the set, at one error.

    Attributes:
        error: Share of the films of either class whose set may lack their class.
        questions: Positive name or finding to the limits of 1 - P and of P; findings for which the
            bundle has no scores are missing.
        kinds: Kind to the limit of its share of P(positive).
    """

    error: float
    questions: Mapping[str, tuple[float, float]]
    kinds: Mapping[str, float]

    def holds(self, name: str, p: float) -> tuple[bool, bool]:
        """Whether the set for that question contains the negative side, and the positive one."""
        negative, positive = self.questions[name]
        return 1.0 - p >= negative, p >= positive


@dataclass(frozen=True, slots=True)
class Scores:
    """Conformal scores of a bundle's calibration films.

    Attributes:
        questions: Positive name, or finding, to its scores.
        kinds: Kind of disease to its share of P(positive) on the films that have it, ascending;
            empty if there is only one kind.
        sources: Sources of calibration films for each of which the limit of the negative side holds, to the
            smallest error at which it does; empty if it holds only for all films together.
        left_out: The same for sources whose negative films are judged by a network that was trained without
            them: an estimate for hospitals that the network has not seen.
    """

    questions: Mapping[str, Sides]
    kinds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    sources: Mapping[str, float] = field(default_factory=dict)
    left_out: Mapping[str, float] = field(default_factory=dict)

    @property
    def smallest_error(self) -> float:
        """The smallest error at which a film of any question can get a single class."""
        return min(
            max(1 / (len(s.negative) + 1), 1 / (len(s.positive) + 1))
            for s in self.questions.values()
        )

    def at(self, error: float) -> Limits:
        """The limits for an error.

        A kind or finding with too few films for the error is in every set.

        Raises:
            UsageError: The error is not in (0, 1), or no question has enough films.
        """
        ERROR.check(error)
        if error < self.smallest_error * (1 - 1e-9):
            raise UsageError(
                f"error {error:g} is smaller than the calibration films of the bundle or of the site support",
                f"The smallest is {_rounded_up(self.smallest_error):g}.",
            )
        return Limits(
            error=error,
            questions={
                name: (_limit(s.negative, error), _limit(s.positive, error))
                for name, s in self.questions.items()
            },
            kinds={name: _limit(shares, error) for name, shares in self.kinds.items()},
        )


def scores_of(p: NDArray[np.floating[Any]]) -> tuple[float, ...]:
    """Scores as a bundle keeps them: ascending, at most `MOST_SCORES`, rounded down.

    Of more scores it keeps the lower neighbour of each quantile. Like rounding down, this can only
    make sets larger.

    Args:
        p: Probabilities of the true class, (n,).
    """
    ascending = np.sort(np.asarray(p, np.float64))
    if len(ascending) > MOST_SCORES:
        places = np.arange(1, MOST_SCORES + 1) * (len(ascending) + 1) // (MOST_SCORES + 1)
        ascending = ascending[places - 1]
    return tuple(_rounded_down(value) for value in ascending.tolist())


def _strictest(scores: tuple[float, ...], others: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """Scores whose limit at any error is the lowest of the limits of all groups.

    A group that is too small for an error counts with its lowest score, which promises nothing for it.
    """
    lowest = np.array(scores)
    errors = np.arange(1, len(scores) + 1) / (len(scores) + 1)
    for group in map(np.array, others):
        places = np.floor(np.round(errors * (len(group) + 1), 9)).astype(int)
        lowest = np.minimum(lowest, group[np.clip(places - 1, 0, len(group) - 1)])
    return tuple(lowest.tolist())


def _rounded_down(value: float) -> float:
    """To six significant digits, because the probabilities of rare findings are small."""
    near = float(f"{value:.6g}")
    if near <= value:
        return near
    unit = 10.0 ** (math.floor(math.log10(value)) - 5)
    return float(f"{near - unit:.6g}")


def _rounded_up(value: float) -> float:
    return math.ceil(value * 1e4) / 1e4


def _limit(scores: tuple[float, ...], error: float) -> float:
    """The m-th smallest score, m = floor(error (n + 1)); 0 if there is none."""
    # Rounded so that 0.05 * 20 is exactly 1; an error just below 1 becomes 1 by that.
    m = min(math.floor(round(error * (len(scores) + 1), 9)), len(scores))
    return scores[m - 1] if m else 0.0
