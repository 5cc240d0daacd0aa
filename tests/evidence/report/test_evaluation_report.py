"""The report of an evaluation: figures from the record, nothing where there is none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)


from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report import evaluation as report
from pneumoscope.evidence.report import pdf
from pneumoscope.evidence.report.blocks import (
    Heading,
    Note,
    Report,
    Table,
    words_of,
)
from pneumoscope.evidence.statistics.intervals import Figure
from report_pages import parsed
from reported import evaluation, without_figures


@pytest.mark.slow
def test_every_file_is_written(quick: None, tmp_path: Path) -> None:
    made = report.write(evaluation(full=False), tmp_path)
    assert [path.name for path in made] == ["report.html", "report.pdf", "plots"]
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"roc.png", "roc.svg", "prevalence.png", "scores.svg"} <= names


@pytest.mark.slow
@pytest.mark.parametrize("several", [False, True], ids=["classes", "findings"])
@pytest.mark.parametrize("full", [False, True], ids=["bare", "full"])
def test_a_record_without_figures_still_gives_a_report(
    quick: None, several: bool, full: bool
) -> None:
    made = report.report_of(without_figures(evaluation(several=several, full=full)))
    for text in words_of(made):
        assert not re.search(r"\bnan\b|\bNone\b|\binf\b", text), text
    assert any("too few films" in text for text in words_of(made))
    parsed(made)
    pdf.pdf(made)


def test_figures_in_tables_come_from_the_record(whole: Report, record: Evaluation) -> None:
    figures = [f for f in every_figure(record) if f.value is not None]
    known = {f"{f.value:.3f}" for f in figures}
    ends = {f"{f.low:.3f}, {f.high:.3f}" for f in figures if f.low is not None}
    ends |= {f"{s.auc.low:.3f}, {s.auc.high:.3f}" for c in record.shortcuts for s in c.scores}
    cells = [cell for b in whole.blocks if isinstance(b, Table) for row in b.rows for cell in row]
    shown = [m for cell in cells for m in re.finditer(r"(-?\d\.\d{3}) \[([^\]]+)\]", cell)]
    assert len(shown) > 100
    assert {m[2] for m in shown} <= ends
    scores = {f"{s.auc.value:.3f}" for c in record.shortcuts for s in c.scores}
    assert {m[1] for m in shown} <= known | scores


def every_figure(value: object) -> list[Figure]:
    if isinstance(value, Figure):
        return [value]
    if isinstance(value, dict):
        return [f for item in value.values() for f in every_figure(item)]
    if isinstance(value, tuple):
        return [f for item in value for f in every_figure(item)]
    names = getattr(type(value), "__dataclass_fields__", {})
    return [f for name in names for f in every_figure(getattr(value, name))]


def test_what_was_left_out_says_so(quick: None) -> None:
    made = report.report_of(evaluation(full=False))
    silent = [b for b in made.blocks if isinstance(b, Note) and b.title == "Not measured."]
    assert len(silent) >= 6
    assert all(
        b.text in ("Left out on request.", "It was left out of this evaluation.") for b in silent
    )


def test_plots_of_several_bundles_have_different_names(whole: Report) -> None:
    names = [plot.name for plot in report.plots_of(whole)]
    assert len(names) == len(set(names))
    assert {"roc-tiny-1", "roc-tiny-2", "pair-tiny-1-tiny-2-pneumonia"} <= set(names)


def test_every_section_says_how_to_read_it(whole: Report) -> None:
    blocks = list(whole.blocks)
    sections = [i for i, b in enumerate(blocks) if isinstance(b, Heading) and b.level == 1]
    plain = {"Films and bundles", "How this was measured"}
    for i in sections:
        if blocks[i].text not in plain:
            assert isinstance(blocks[i + 1], Note), blocks[i].text


@pytest.mark.slow
def test_unknown_patients_are_not_counted(quick: None) -> None:
    whole = evaluation()
    unknown = replace(whole, films=replace(whole.films, keyed=0))
    text = " ".join(words_of(report.report_of(unknown)))
    assert "films of unknown patients (each counts as one)" in text
    assert not re.search(r"films of \d+ patients", text)
