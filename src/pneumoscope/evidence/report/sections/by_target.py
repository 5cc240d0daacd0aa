"""Repeats a part of a section for each question of a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.blocks import Heading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import (
        TargetResult,
    )
    from pneumoscope.evidence.report.blocks import Block

    Part = Callable[[Evaluation, BundleResult, TargetResult], Iterator[Block]]


def each_target(evaluation: Evaluation, bundle: BundleResult, part: Part) -> Iterator[Block]:
    """The part for each question, below the question's name if there are several."""
    for target in bundle.targets:
        if len(bundle.targets) > 1:
            yield Heading(target.name, 2)
        yield from part(evaluation, bundle, target)
