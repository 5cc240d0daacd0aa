"""Reporting checklists, filled in from the records.

CLAIM 2024, TRIPOD+AI and STARD-AI ask for more than records can contain. Such an item is marked "not
done"; the authors of the paper have to answer it. The items are stored beside this module as TOML, in
our own short wording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pneumoscope.evidence.report.blocks import Heading, Paragraph, Table
from pneumoscope.evidence.report.checklists.answers import answers_of
from pneumoscope.evidence.report.checklists.items import NAMES, OPEN, load
from pneumoscope.evidence.report.words import how_to_read

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
    """One section of a report for each checklist."""
    answers = answers_of(evaluation)
    title = evaluation.bundles[0].title
    for name in NAMES:
        checklist = load(name)
        rows = filled(checklist, answers)
        statuses = [row[2] for row in rows]
        yield Heading(f"Checklist: {checklist.title}")
        yield how_to_read(
            "What a paper on this evaluation has to report, and which items the records already answer. "
            '"Not done" means that no record answers the item: it remains open, whatever the figures are.'
        )
        tally = ", ".join(
            f"{statuses.count(status)} {status}"
            for status in ("answered", "in part", "not applicable", "not done")
        )
        yield Paragraph(f"Filled in for {title}: of {len(rows)} entries {tally}.")
        yield Table(
            ("item", "asks for", "status", "from the records"),
            tuple(rows),
            words=frozenset({1, 2, 3}),
            widths=(0.8, 3, 1.2, 5.8),
        )
        yield Paragraph(f"{checklist.source}. {checklist.note}", soft=True)
