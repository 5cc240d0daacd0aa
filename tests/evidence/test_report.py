"""The report: the same words in page and PDF, figures from the record, nothing where there is none."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)

from PIL import Image

from pneumoscope.evidence.evaluation.evaluated_films import TrainingOverlap
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report import evaluation as report
from pneumoscope.evidence.report import html_page, pdf
from pneumoscope.evidence.report.blocks import (
    Heading,
    Note,
    Plot,
    Report,
    Table,
    words_of,
)
from pneumoscope.evidence.report.checklists import answers as checklist_answers
from pneumoscope.evidence.report.checklists import items as checklist_items
from pneumoscope.evidence.report.checklists import section as checklists
from pneumoscope.evidence.report.plots import discrimination
from pneumoscope.evidence.report.plots import style as plots
from pneumoscope.evidence.report.sections import heatmaps as sanity
from pneumoscope.evidence.report.sections.shortcut_words import verdicts
from pneumoscope.evidence.report.sections.summary import summary, worst_case
from pneumoscope.evidence.report.words import Footnotes, counted, sentence, slug
from pneumoscope.evidence.statistics.intervals import Figure
from pneumoscope.render.serialise import NOTICE
from reported import evaluation, without_figures

PIXEL = io.BytesIO()
Image.new("L", (1, 1)).save(PIXEL, "PNG")


@contextmanager
def cheap() -> Iterator[None]:
    """Plots are drawn, which finds errors, but not turned into pixels, which takes long."""

    def saved(name: str, width: float, height: float, make: Callable[[], object]) -> Plot:
        make()
        return Plot(name, PIXEL.getvalue(), b"<svg/>", width, height)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "saved", saved)
        patch.setattr(sanity, "saved", saved)
        yield


@pytest.fixture
def quick() -> Iterator[None]:
    with cheap():
        yield


class Page(HTMLParser):
    """Text, pictures and tags that were left open."""

    void = frozenset({"meta", "img", "br", "col", "path", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.sources: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.void:
            self.open.append(tag)
        if tag in ("img", "script", "link", "iframe"):
            self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def parsed(made: Report) -> Page:
    page = Page()
    page.feed(html_page.html(made))
    return page


@pytest.fixture(scope="module")
def record() -> Evaluation:
    return evaluation(bundles=2)


@pytest.fixture(scope="module")
def whole(record: Evaluation) -> Report:
    with cheap():
        return report.report_of(record)


def test_the_page_stands_alone_and_holds_every_word(whole: Report) -> None:
    page = parsed(whole)
    assert page.open == []
    assert page.sources
    assert all(source.startswith("data:image/") for source in page.sources)
    text = " ".join(page.text)
    squeezed = re.sub(r"\s+", " ", text)
    missing = [w for w in words_of(whole) if re.sub(r"\s+", " ", w) not in squeezed]
    assert missing == []


def test_the_pdf_holds_every_word_and_marks_every_page(whole: Report) -> None:
    pypdf = pytest.importorskip("pypdf")
    pages = pypdf.PdfReader(io.BytesIO(pdf.pdf(whole))).pages
    texts = [page.extract_text() for page in pages]
    for number, text in enumerate(texts, 1):
        assert NOTICE in text
        assert whole.mark in text
        assert re.search(rf"^{number}$", text, re.MULTILINE), f"page {number}"
    # Line breaks may fall anywhere, also inside long words.
    squeezed = re.sub(r"\s+", "", "".join(texts))
    short = [w for w in words_of(whole) if len(w) < 60]
    assert [w for w in short if re.sub(r"\s+", "", w) not in squeezed] == []


def test_the_pdf_is_the_same_every_time() -> None:
    made = Report("t", "s", "m", (Heading("One"), Heading("Two")))
    assert pdf.pdf(made) == pdf.pdf(made)


def test_every_file_is_written(quick: None, tmp_path: Path) -> None:
    made = report.write(evaluation(full=False), tmp_path)
    assert [path.name for path in made] == ["report.html", "report.pdf", "plots"]
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"roc.png", "roc.svg", "prevalence.png", "scores.svg"} <= names


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
    found = record
    figures = [f for f in every_figure(found) if f.value is not None]
    known = {f"{f.value:.3f}" for f in figures}
    ends = {f"{f.low:.3f}, {f.high:.3f}" for f in figures if f.low is not None}
    ends |= {f"{s.auc.low:.3f}, {s.auc.high:.3f}" for c in found.shortcuts for s in c.scores}
    cells = [cell for b in whole.blocks if isinstance(b, Table) for row in b.rows for cell in row]
    told = [m for cell in cells for m in re.finditer(r"(-?\d\.\d{3}) \[([^\]]+)\]", cell)]
    assert len(told) > 100
    assert {m[2] for m in told} <= ends
    scores = {f"{s.auc.value:.3f}" for c in found.shortcuts for s in c.scores}
    assert {m[1] for m in told} <= known | scores


def every_figure(value: object) -> list[Figure]:
    if isinstance(value, Figure):
        return [value]
    if isinstance(value, dict):
        return [f for item in value.values() for f in every_figure(item)]
    if isinstance(value, tuple):
        return [f for item in value for f in every_figure(item)]
    names = getattr(type(value), "__dataclass_fields__", {})
    return [f for name in names for f in every_figure(getattr(value, name))]


def test_the_first_page_names_the_worst_case_and_the_shortcut() -> None:
    found = evaluation()
    assert worst_case(found.bundles[0]) == (
        "Worst case of tiny 1, of 10 perturbations: crop by 5 (crop, severity 5): balanced accuracy is "
        "0.640 [0.540, 0.690]. Among severities 1 to 3: crop by 3 (crop, severity 3): balanced accuracy "
        "is 0.740 [0.640, 0.790]."
    )
    told = list(verdicts(found))
    assert "bytes (file), without any model of lungs, reach AUC 0.812 [0.700, 0.900]" in told[0]
    assert "50.0% needs the lung field" in told[1]
    points = words_of(Report("", "", "", tuple(summary(found))))
    assert "Nobody's lungs." in points
    assert "A warning." in points


def test_what_was_left_out_says_so(quick: None) -> None:
    made = report.report_of(evaluation(full=False))
    silent = [b for b in made.blocks if isinstance(b, Note) and b.title == "Not measured."]
    assert len(silent) >= 6
    assert all(
        b.text in ("Left out on request.", "It was left out of this evaluation.") for b in silent
    )


def test_plots_of_several_bundles_have_names_of_their_own(whole: Report) -> None:
    names = [plot.name for plot in report.plots_of(whole)]
    assert len(names) == len(set(names))
    assert {"roc-tiny-1", "roc-tiny-2", "pair-tiny-1-tiny-2-pneumonia"} <= set(names)


def test_every_section_tells_how_to_read_it(whole: Report) -> None:
    blocks = list(whole.blocks)
    sections = [i for i, b in enumerate(blocks) if isinstance(b, Heading) and b.level == 1]
    plain = {"Films and bundles", "How this was measured"}
    for i in sections:
        if blocks[i].text not in plain:
            assert isinstance(blocks[i + 1], Note), blocks[i].text


def test_pictures_hold_no_time_so_that_runs_agree() -> None:
    first, second = (plots.drawn("dot", 1, 1, lambda f: f.subplots().plot([0], [0])) for _ in "ab")
    assert first == second
    assert b"<dc:date>" not in first.svg
    with Image.open(io.BytesIO(first.png)) as picture:
        assert picture.size == (200, 200)


def test_the_roc_band_encloses_the_curve() -> None:
    # Scores of four films, one patient each: (0.9 ill, 0.8 healthy, 0.7 ill, 0.1 healthy).
    positive, p = np.array([1, 0, 1, 0], bool), np.array([0.9, 0.8, 0.7, 0.1])
    grid, low, high = discrimination.roc_band(positive, p, list("abcd"), draws=200)
    assert grid[0] == 0
    assert low[-1] == high[-1] == 1
    assert (low <= high).all()
    at = int(np.searchsorted(grid, 0.25))  # the curve is at 0.5 up to a false positive rate of 0.5
    assert low[at] <= 0.5 <= high[at]


# checklists


@pytest.mark.parametrize(
    ("name", "numbers"), [("claim-2024", 44), ("tripod-ai", 27), ("stard-ai", 40)]
)
def test_checklists_are_complete(name: str, numbers: int) -> None:
    items = checklist_items.load(name).items
    assert sorted({int(re.sub(r"\D", "", n)) for n, _, _ in items}) == list(range(1, numbers + 1))
    assert len({n for n, _, _ in items}) == len(items)
    for number, text, key in items:
        assert text, number
        assert key == checklist_items.OPEN or key in checklist_answers.ANSWERS, key


def test_no_answer_is_without_a_question() -> None:
    asked = {
        key for name in checklist_items.NAMES for _, _, key in checklist_items.load(name).items
    }
    assert set(checklist_answers.ANSWERS) <= asked


def test_items_without_an_answer_are_not_done() -> None:
    answers = checklist_answers.answers_of(evaluation())
    rows = {row[0]: row for row in checklists.filled(checklist_items.load("claim-2024"), answers)}
    assert rows["44"][2:] == ("not done", "")  # funding
    assert rows["33"][2:] == ("not done", "")  # external testing: no record tells
    assert rows["34"][2] == "not applicable"
    assert rows["30"][2:] == (
        "answered", "10 perturbations at the fixed operating point balanced.",
    )  # fmt: skip
    assert rows["22"][2] == "not done"  # the tiny bundle has no recipe
    assert rows["5"][2] == "in part"  # who gathered the films, and when, no record tells


def test_nobody_counts_patients_who_are_not_known(quick: None) -> None:
    whole = evaluation()
    own = replace(whole, films=replace(whole.films, keyed=0))
    told = " ".join(words_of(report.report_of(own)))
    assert "films of unknown patients (each counts as one)" in told
    assert not re.search(r"films of \d+ patients", told)


def test_answers_do_not_claim_what_was_not_compared() -> None:
    whole = evaluation(full=False)
    (bundle, *_) = whole.bundles
    overlap = TrainingOverlap(False, None, None, "not known")
    meta = replace(bundle.meta, data={**bundle.meta.data, "split": "patient"})
    own = replace(whole, bundles=(replace(bundle, overlap=overlap, meta=meta),), pairs=())
    answers = checklist_answers.answers_of(own)
    assert answers["disjoint"] is not None
    assert answers["disjoint"].status == "in part"
    assert answers["uncertainty"] is not None
    assert "DeLong" not in answers["uncertainty"].text


def test_left_out_sections_leave_their_items_open() -> None:
    answers = checklist_answers.answers_of(evaluation(full=False))
    for key in ("robustness", "failures", "heterogeneity"):
        assert answers[key] is None
    assert answers["explained"] is not None
    assert answers["explained"].status == "in part"


# words


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


def test_a_row_must_fit_its_table() -> None:
    with pytest.raises(ValueError, match="2 cells under 1 columns"):
        Table(("a",), (("1", "2"),))


def test_films_without_patients_are_not_said_to_have_some(record: Evaluation) -> None:
    unknown = replace(record, films=replace(record.films, keyed=0))
    first, second = (words_of(Report("", "", "", tuple(summary(e)))) for e in (record, unknown))
    assert "evaluated on 60 films of 30 patients from drawn films" in first[0]
    assert "60 films (whose patients are not known; each film counts as one) from" in second[0]
