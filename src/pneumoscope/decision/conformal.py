"""Class-conditional split conformal prediction: sets of classes that hold the true one.

Of the films of each class, at least a share 1 - alpha get a set with that class in it, as long as
they are exchangeable with the calibration films (Vovk 2012; Sadinle, Lei and Wasserman 2019). A set
of two classes, or of none, means that the film should be read by somebody else. numpy only.

A bundle keeps the sorted scores of its calibration films (`Scores`), so that whoever reads films
chooses the error; `Scores.at` makes limits of them (`Limits`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.reader_settings import ERROR
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MOST_SCORES = 999
"""Of one class in a bundle: enough for errors in steps of 0.1 %."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Scores of one question, ascending.

    Attributes:
        negative: 1 - P(positive) of the calibration films that are not.
        positive: P(positive) of those that are.
    """

    negative: tuple[float, ...]
    positive: tuple[float, ...]

    @classmethod
    def of(cls, p: NDArray[np.floating[Any]], positive: NDArray[np.bool_]) -> Sides:
        """Scores of calibration films, see `scores_of`.

        Args:
            p: P(positive), (films,).
            positive: bool (films,).

        Raises:
            UsageError: There are no films, or lengths differ.
        """
        if p.ndim != 1 or len(p) != len(positive) or not len(p):
            raise UsageError(f"probabilities {p.shape} for {len(positive)} films")
        return cls(scores_of(1 - p[~positive]), scores_of(p[positive]))


@dataclass(frozen=True, slots=True)
class Limits:
    """From which probability on a class is in the set, at one error.

    Attributes:
        error: Share of the films of either class whose set may miss it.
        questions: Positive name or finding to the limits of 1 - P and of P; a finding that the
            bundle has no scores of is missing.
        kinds: Kind to the limit of its share of P(positive).
    """

    error: float
    questions: Mapping[str, tuple[float, float]]
    kinds: Mapping[str, float]

    def holds(self, name: str, p: float) -> tuple[bool, bool]:
        """Whether the set of that question holds the negative side, and the positive one."""
        negative, positive = self.questions[name]
        return 1.0 - p >= negative, p >= positive


@dataclass(frozen=True, slots=True)
class Scores:
    """What a bundle keeps of its calibration films.

    Attributes:
        questions: Positive name, or finding, to its scores.
        kinds: Kind of disease to its share of P(positive) on the films that have it, ascending;
            empty where there is one kind.
    """

    questions: Mapping[str, Sides]
    kinds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def smallest_error(self) -> float:
        """The smallest error at which a film of any question can get a single class."""
        return min(
            max(1 / (len(s.negative) + 1), 1 / (len(s.positive) + 1))
            for s in self.questions.values()
        )

    def at(self, error: float) -> Limits:
        """The limits for an error.

        A kind, or a finding, that has too few films for the error is in every set.

        Raises:
            UsageError: The error is not in (0, 1), or no question has films enough.
        """
        ERROR.check(error)
        if error < self.smallest_error * (1 - 1e-9):
            raise UsageError(
                f"error {error:g} is smaller than the calibration films of the bundle or of the site support",
                f"The smallest is {_rounded_up(self.smallest_error):g}.",
            )
        return Limits(
            error,
            {
                name: (_limit(s.negative, error), _limit(s.positive, error))
                for name, s in self.questions.items()
            },
            {name: _limit(own, error) for name, own in self.kinds.items()},
        )


def scores_of(p: NDArray[np.floating[Any]]) -> tuple[float, ...]:
    """Scores as a bundle keeps them: ascending, at most `MOST_SCORES`, rounded down.

    Rounded down, and of many the lower neighbour of each quantile: sets grow, never shrink.

    Args:
        p: Probabilities of the true class, (n,).
    """
    ascending = np.sort(np.asarray(p, np.float64))
    if len(ascending) > MOST_SCORES:
        places = np.arange(1, MOST_SCORES + 1) * (len(ascending) + 1) // (MOST_SCORES + 1)
        ascending = ascending[places - 1]
    return tuple(_rounded_down(value) for value in ascending.tolist())


def _rounded_down(value: float) -> float:
    """To six significant digits: a rare finding's probabilities are small."""
    near = float(f"{value:.6g}")
    if near <= value:
        return near
    unit = 10.0 ** (math.floor(math.log10(value)) - 5)
    return float(f"{near - unit:.6g}")


def _rounded_up(value: float) -> float:
    return math.ceil(value * 1e4) / 1e4


def _limit(scores: tuple[float, ...], error: float) -> float:
    """The m-th smallest score, m = floor(error (n + 1)); 0 if that is none."""
    # Rounded so that 0.05 * 20 is 1 and not a hair less.
    m = math.floor(round(error * (len(scores) + 1), 9))
    return scores[m - 1] if m else 0.0
