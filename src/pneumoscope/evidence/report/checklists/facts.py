"""The records from which checklist items are answered, and the form of an answer.

Each answer repeats a record or states what the software does. What a record cannot contain - funding,
ethics, who labelled the films - is left without an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pneumoscope.evidence.report.words import sentence

if TYPE_CHECKING:
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import TargetResult


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one item, and whether it is complete."""

    text: str
    status: Literal["answered", "in part", "not applicable"] = "answered"


@dataclass(frozen=True, slots=True)
class Facts:
    """An evaluation and its first bundle."""

    evaluation: Evaluation
    bundle: BundleResult

    @property
    def target(self) -> TargetResult:
        """The first question of the bundle."""
        return self.bundle.targets[0]

    def recipe(self, *keys: str) -> str:
        """``key value`` of those of these keys that the recipe has."""
        recipe = self.bundle.meta.recipe
        return ", ".join(f"{key.replace('_', ' ')} {recipe[key]}" for key in keys if key in recipe)

    def counts(self, split: str) -> str:
        """``normal 1142, ...`` of one split of the training record, or ``""``."""
        films = self.bundle.meta.data.get("films", {}).get(split, {})
        return ", ".join(f"{name} {number:,}" for name, number in films.items())


Question = Callable[[Facts], Answer | None]
"""Answers one item; None if the records contain no answer."""


def in_part(text: str, missing: str) -> Answer:
    """An answer that lacks something no record contains."""
    return Answer(f"{sentence(text)} Not recorded: {missing}.", "in part")


def versions(f: Facts) -> str:
    """Versions of pneumoscope and of the packages that determine the figures."""
    packages = ", ".join(f"{name} {number}" for name, number in f.evaluation.packages.items())
    return f"pneumoscope {f.evaluation.version}" + (f", {packages}" if packages else "")
