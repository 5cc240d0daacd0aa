"""Blocks of a report."""

from __future__ import annotations

import pytest

from pneumoscope.evidence.report.blocks import (
    Film,
    Gallery,
    Heading,
    Note,
    Paragraph,
    Picture,
    Plot,
    Points,
    Report,
    Table,
    words_of,
)


def test_a_row_must_fit_its_table() -> None:
    with pytest.raises(ValueError, match="2 cells under 1 columns"):
        Table(("a",), (("1", "2"),))


def test_every_word_of_a_report_is_listed_in_order() -> None:
    report = Report(
        "title", "subtitle", "mark",
        (
            Heading("section"), Paragraph("text"), Points(("first", "second")),
            Note("mind", "this"), Table(("h1", "h2"), (("c1", "c2"),)),
            Picture(Plot("plot", b"", b""), "caption"),
            Gallery((Film(b"", ("line 1", "line 2")), None)),
        ),
    )  # fmt: skip
    assert words_of(report) == [
        "title", "subtitle", "mark", "section", "text", "first", "second", "mind", "this",
        "h1", "h2", "c1", "c2", "caption", "line 1", "line 2",
    ]  # fmt: skip


def test_empty_cells_are_no_words() -> None:
    assert words_of(Report("t", "", "", (Table(("a", ""), (("", "1"),)),))) == ["t", "a", "1"]
