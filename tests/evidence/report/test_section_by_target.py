"""Parts of a section that are repeated for each question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
from pneumoscope.evidence.evaluation.target_results import TargetResult
from pneumoscope.evidence.report.blocks import Block, Heading, Paragraph
from pneumoscope.evidence.report.sections.by_target import each_target


def part(_evaluation: Evaluation, bundle: BundleResult, target: TargetResult) -> Iterator[Block]:
    yield Paragraph(f"{bundle.title} on {target.name}")


def test_a_single_question_needs_no_heading(record: Evaluation) -> None:
    made = list(each_target(record, record.bundles[0], part))
    assert made == [Paragraph("tiny 1 on PNEUMONIA")]


def test_several_questions_stand_below_their_names_in_order(record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    names = ("Mass", "Nodule")
    several = replace(bundle, targets=tuple(replace(target, name=name) for name in names))
    assert list(each_target(record, several, part)) == [
        Heading("Mass", 2), Paragraph("tiny 1 on Mass"),
        Heading("Nodule", 2), Paragraph("tiny 1 on Nodule"),
    ]  # fmt: skip
