"""What the product decides about every film of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.decision.decide import Decision
    from pneumoscope.decision.rules import Rules


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """The decisions about the films, in their order.

    Attributes:
        decisions: One per film, made by the rules that the bundle ships with.
        rules: These rules.
        labels: Label of each film, (films,): ``"NORMAL"``, the positive name, ``"UNDETERMINED"`` or
            ``"REFUSED"``.
        called: Whether each film is called positive, whatever its set and the gate say, bool
            (films,).
        in_set: Whether each film's conformal set contains NORMAL and the positive name, bool
            (films, 2); without sets, what it is called.
    """

    decisions: tuple[Decision, ...]
    rules: Rules
    labels: NDArray[np.str_]
    called: NDArray[np.bool_]
    in_set: NDArray[np.bool_]

    @classmethod
    def of(cls, decisions: Sequence[Decision], rules: Rules) -> Outcomes:
        """From the decisions about all films."""
        positive = rules.offered.labels.positive
        return cls(
            decisions=tuple(decisions),
            rules=rules,
            labels=np.array([decision.label for decision in decisions]),
            called=np.array([decision.called == positive for decision in decisions], bool),
            in_set=np.array(
                [[name in d.classes for name in (NORMAL, positive)] for d in decisions], bool
            ).reshape(-1, 2),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Every label that a film can get, verdicts first."""
        return (NORMAL, self.rules.offered.labels.positive, UNDETERMINED, REFUSED)

    @property
    def refused(self) -> NDArray[np.bool_]:
        """Films that the gate refuses, bool (films,)."""
        return self.labels == REFUSED

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Films with a verdict, NORMAL or positive, bool (films,)."""
        return ~self.refused & (self.labels != UNDETERMINED)

    def shown_of(self, finding: str | None) -> NDArray[np.bool_]:
        """Films with an answer to one question, bool (films,).

        Args:
            finding: With several findings, one of them: films that are not refused and
                on which it is not undetermined. None for the verdict.
        """
        if finding is None:
            return self.shown
        undetermined = [
            any(f.name == finding and f.undetermined for f in decision.findings)
            for decision in self.decisions
        ]
        return ~self.refused & ~np.array(undetermined, bool)
