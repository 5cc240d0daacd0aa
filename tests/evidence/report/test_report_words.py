"""Numbers and notes in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)


from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.blocks import (
    Note,
    Report,
    words_of,
)
from pneumoscope.evidence.report.words import (
    Footnotes,
    counted,
    known_patients,
    plot_name,
    sentence,
    share,
    silence,
    slug,
    titled,
)
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


def test_a_cell_without_a_reason_still_says_something() -> None:
    notes = Footnotes()
    assert notes.cell(Figure(None)) == "- (a)"
    assert notes.cell(Figure(0.5)) == "0.500 (b)"
    assert notes.number(None, why="too few films") == "- (c)"
    assert notes.number(0.12345, digits=2) == "0.12"
    (note,) = notes.blocks()
    assert words_of(Report("", "", "", (note,))) == [
        "(a) not measured; (b) no interval; (c) too few films."
    ]


def test_a_table_without_marks_has_no_notes() -> None:
    notes = Footnotes()
    notes.cell(Figure(0.5, 0.4, 0.6))
    assert notes.blocks() == []


def test_the_same_note_has_one_mark() -> None:
    notes = Footnotes()
    assert notes.mark("one class") == notes.mark("one class") == "(a)"
    assert notes.mark("another") == "(b)"


def test_marks_stay_different_for_a_thousand_notes() -> None:
    notes = Footnotes()
    assert len({notes.mark(str(i)) for i in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.0%"), (0.0996, "10.0%"), (2 / 3, "66.7%"), (1.0, "100.0%")]
)
def test_shares_are_per_cent(value: float, text: str) -> None:
    assert share(value) == text


def test_file_names_of_findings_in_any_script_stay_different() -> None:
    assert slug("roc", "肺炎") == "roc-肺炎"
    assert slug("roc", "肺炎") != slug("roc", "气胸")
    assert slug("roc", "Épanchement pleural") == "roc-épanchement-pleural"
    # Nothing that could leave the folder of plots.
    assert slug("roc", "../a/b_c.png") == "roc-a-b-c-png"


def test_titles_name_the_bundle_only_if_there_are_several(record: Evaluation) -> None:
    first, _ = record.bundles
    assert titled(record, first, "Operating points") == "tiny 1: operating points"
    assert plot_name(record, first, "roc", first.targets[0]) == "roc-tiny-1"
    alone = replace(record, bundles=(first,))
    assert titled(alone, first, "Operating points") == "Operating points"
    assert plot_name(alone, first, "roc", first.targets[0]) == "roc"


def test_the_reason_of_a_bundle_goes_before_that_of_the_evaluation(record: Evaluation) -> None:
    changed = replace(record, silences={"gallery": "no films"})
    bundle = replace(record.bundles[0], silences={"gallery": "no mistakes"})
    assert silence(changed, bundle, "gallery") == [
        Note("Not measured.", "No mistakes.", kind="mind")
    ]
    assert silence(changed, None, "gallery") == [Note("Not measured.", "No films.", kind="mind")]
    (unknown,) = silence(record, None, "pairs")
    assert unknown == Note("Not measured.", "It was left out of this evaluation.", kind="mind")


def test_patients_are_only_counted_if_they_are_known(record: Evaluation) -> None:
    assert known_patients(1, record.films) == "1 patient"
    unknown = replace(record.films, keyed=0)
    assert known_patients(20, unknown) == "unknown patients (each counts as one)"
