"""Reporting checklists, filled from the records.

CLAIM 2024, TRIPOD+AI and STARD-AI ask for more than records can hold; such an item says "not done",
and whoever writes the paper answers it. The items lie in ``checklist_items`` as TOML, in our own
few words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pneumoscope.evidence.report.blocks import Heading, Paragraph, Table
from pneumoscope.evidence.report.checklists.answers import answers_of
from pneumoscope.evidence.report.checklists.items import NAMES, OPEN, load
from pneumoscope.evidence.report.words import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pneumoscope.evidence.evaluation.results import Evaluation
    from pneumoscope.evidence.report.blocks import Block
    from pneumoscope.evidence.report.checklists.facts import Answer
    from pneumoscope.evidence.report.checklists.items import Checklist

    Status = Literal["answered", "in part", "not done", "not applicable"]


def filled(
    checklist: Checklist, answers: Mapping[str, Answer | None]
) -> list[tuple[str, str, Status, str]]:
    """Number, question, status and answer of every item."""
    rows: list[tuple[str, str, Status, str]] = []
    for number, text, key in checklist.items:
        answer = None if key == OPEN else answers[key]
        if answer is None:
            rows.append((number, text, "not done", ""))
        else:
            rows.append((number, text, answer.status, answer.text))
    return rows


def sections(evaluation: Evaluation) -> Iterator[Block]:
    """The three checklists as sections of a report."""
    answers = answers_of(evaluation)
    title = evaluation.bundles[0].title
    for name in NAMES:
        checklist = load(name)
        rows = filled(checklist, answers)
        told = [row[2] for row in rows]
        yield Heading(f"Checklist: {checklist.title}")
        yield read(
            "What a paper on this evaluation would have to report, and what the records already answer. Not "
            "done means that no record answers it: it is open, whatever the figures say."
        )
        tally = ", ".join(
            f"{told.count(status)} {status}"
            for status in ("answered", "in part", "not applicable", "not done")
        )
        yield Paragraph(f"Filled for {title}: of {len(rows)} entries {tally}.")
        yield Table(
            ("item", "asks for", "status", "from the records"),
            tuple(rows),
            words=frozenset({1, 2, 3}),
            widths=(0.6, 3, 1.2, 6),
        )
        yield Paragraph(f"{checklist.source}. {checklist.note}", soft=True)
