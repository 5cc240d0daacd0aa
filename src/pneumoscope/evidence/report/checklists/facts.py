"""What answers to checklist items are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pneumoscope.evidence.report.words import (
    sentence,
)

if TYPE_CHECKING:
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import TargetResult


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and whether it is a whole one."""

    text: str
    status: Literal["answered", "in part", "not applicable"] = "answered"


@dataclass(frozen=True, slots=True)
class Facts:
    """What answers are made of: the evaluation and its first bundle."""

    evaluation: Evaluation
    bundle: BundleResult

    @property
    def target(self) -> TargetResult:
        return self.bundle.targets[0]

    def recipe(self, *keys: str) -> str:
        """``key value`` of what the recipe records of these keys."""
        own = self.bundle.meta.recipe
        return ", ".join(f"{key.replace('_', ' ')} {own[key]}" for key in keys if key in own)

    def counts(self, side: str) -> str:
        """``normal 1142, ...`` of the training record, or nothing."""
        films = self.bundle.meta.data.get("films", {}).get(side, {})
        return ", ".join(f"{name} {number:,}" for name, number in films.items())


def in_part(text: str, missing: str) -> Answer:
    return Answer(f"{sentence(text)} Not recorded: {missing}.", "in part")


def versions(f: Facts) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in f.evaluation.packages.items())
    return f"pneumoscope {f.evaluation.version}" + (f", {packages}" if packages else "")
