"""Checklists as sections of a report."""

from __future__ import annotations

import section_blocks as blocks_of
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.blocks import Paragraph, Table
from pneumoscope.evidence.report.checklists.facts import Answer, in_part
from pneumoscope.evidence.report.checklists.items import OPEN, Checklist
from pneumoscope.evidence.report.checklists.section import filled, sections


def test_an_item_is_done_only_by_an_answer() -> None:
    items = (("1", "Title", "title"), ("2", "Funding", OPEN), ("3", "Start", "start"))
    answers = {"title": Answer("A title.", "in part"), "start": None}
    assert filled(Checklist("T", "S", "N", items), answers) == [
        ("1", "Title", "in part", "A title."),
        ("2", "Funding", "not done", ""),
        ("3", "Start", "not done", ""),
    ]


def test_the_tally_counts_the_rows_below_it(record: Evaluation) -> None:
    made = list(sections(record))
    tables = [b for b in made if isinstance(b, Table)]
    tallies = [b.text for b in made if isinstance(b, Paragraph) and not b.soft]
    assert len(tables) == len(tallies) == 3
    for table, tally in zip(tables, tallies, strict=True):
        statuses = [row[2] for row in table.rows]
        counts = {
            status: statuses.count(status)
            for status in ("answered", "in part", "not applicable", "not done")
        }
        assert sum(counts.values()) == len(table.rows)
        words = ", ".join(f"{number} {status}" for status, number in counts.items())
        assert tally == f"Filled in for tiny 1: of {len(table.rows)} entries {words}."


def test_every_checklist_names_its_source(record: Evaluation) -> None:
    made = list(sections(record))
    assert [title.split(": ")[1].split(" ")[0] for title in blocks_of.titles(made)] == [
        "CLAIM", "TRIPOD+AI", "STARD-AI",
    ]  # fmt: skip
    sources = [b.text for b in made if isinstance(b, Paragraph) and b.soft]
    assert all("20" in source for source in sources)  # a year


def test_no_row_is_done_without_a_text(record: Evaluation) -> None:
    for table in (b for b in sections(record) if isinstance(b, Table)):
        for number, _, status, text in table.rows:
            assert bool(text) == (status != "not done"), number


def test_an_answer_in_part_names_what_is_missing() -> None:
    assert in_part("films were read", "who read them") == Answer(
        "Films were read. Not recorded: who read them.", "in part"
    )
