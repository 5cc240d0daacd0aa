"""Numbers and notes in words."""

from __future__ import annotations

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)


from pneumoscope.evidence.report.blocks import (
    Report,
    words_of,
)
from pneumoscope.evidence.report.words import Footnotes, counted, sentence, slug
from pneumoscope.evidence.statistics.intervals import Figure


def test_footnotes_keep_cells_short() -> None:
    notes = Footnotes()
    assert notes.cell(Figure(0.9744, 0.96, 0.985)) == "0.974 [0.960, 0.985]"
    assert notes.cell(Figure(None, note="one class")) == "- (a)"
    assert notes.cell(Figure(1.0, note="all alike")) == "1.000 (b)"
    assert notes.cell(Figure(1.0, 0.9, 1.0, note="one class")) == "1.000 [0.900, 1.000] (a)"
    assert notes.cell(None) == "- (c)"
    assert words_of(Report("", "", "", tuple(notes.blocks()))) == [
        "(a) one class; (b) all alike; (c) not measured."
    ]


def test_marks_go_on_after_z() -> None:
    notes = Footnotes()
    marks = [notes.mark(str(i)) for i in range(28)]
    assert marks[25:] == ["(z)", "(aa)", "(ab)"]


def test_small_words() -> None:
    assert sentence("one class ") == "One class."
    assert sentence("Why?") == "Why?"
    assert sentence("") == ""
    assert counted(1, "film") == "1 film"
    assert counted(2000, "film") == "2,000 films"
    assert slug("PR curve", "", "tiny 1") == "pr-curve-tiny-1"
