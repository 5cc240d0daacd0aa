"""A report as PDF."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)


from pneumoscope.evidence.report import pdf
from pneumoscope.evidence.report.blocks import (
    Block,
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
from pneumoscope.evidence.report.sections.gallery import jpeg
from pneumoscope.render.serialise import NOTICE


@pytest.fixture(scope="module")
def whole_pdf(whole: Report) -> bytes:
    return pdf.pdf(whole)


@pytest.mark.slow
def test_the_pdf_contains_every_word_and_marks_every_page(whole: Report, whole_pdf: bytes) -> None:
    pypdf = pytest.importorskip("pypdf")
    pages = pypdf.PdfReader(io.BytesIO(whole_pdf)).pages
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


def test_words_in_the_head_of_a_table_are_not_broken() -> None:
    """A narrow column of counts had the head "positiv e"."""
    pypdf = pytest.importorskip("pypdf")
    head = ("group", "films of patients", "positive", "AUC", "sensitivity", "specificity")
    row = ("source: A", "19 of 19", "6", *["1.000 [0.541, 1.000] (a)"] * 3)
    table = Table(head, (row,), widths=(2.6, 2, 1.2, 3, 3, 3))
    pages = pypdf.PdfReader(io.BytesIO(pdf.pdf(Report("t", "s", "m", (table,))))).pages
    words = " ".join(page.extract_text() for page in pages).split()
    assert [word for cell in head for word in cell.split() if word not in words] == []


def test_streams_are_not_written_as_letters(whole_pdf: bytes) -> None:
    assert b"FlateDecode" in whole_pdf
    assert b"ASCII85Decode" not in whole_pdf


def texts(*blocks: Block, title: str = "T", mark: str = "m") -> list[str]:
    """The text of every page, without line breaks."""
    pypdf = pytest.importorskip("pypdf")
    made = pdf.pdf(Report(title, "subtitle", mark, blocks))
    pages = pypdf.PdfReader(io.BytesIO(made)).pages
    return [re.sub(r"\s+", " ", page.extract_text()) for page in pages]


ODD = 'O\'Brien & "Sons" <b>x</b> <font size=99>'


@pytest.mark.parametrize(
    "block",
    [
        Heading(ODD),
        Heading(ODD, 2),
        Paragraph(ODD),
        Points((ODD,)),
        Note(ODD, "text"),
        Table((ODD,), ((ODD,),)),
        Table(tuple(ODD for _ in range(2)), ((ODD, ODD),), strong=frozenset({0})),
    ],
    ids=lambda block: type(block).__name__,
)
def test_names_of_films_and_bundles_are_text_not_markup(block: Block) -> None:
    squeezed = "".join(texts(block, title=ODD)).replace(" ", "")
    assert squeezed.count(ODD.replace(" ", "")) >= 2


def test_letters_outside_latin_are_printed() -> None:
    (page,) = texts(Paragraph("Épanchement, Überblähung, Пневмония, ± ≥"))
    assert "Épanchement, Überblähung, Пневмония, ± ≥" in page


def test_a_long_table_repeats_its_head_on_every_page() -> None:
    rows = tuple((f"film{i:03d}.png", "0.5") for i in range(150))
    pages = texts(Heading("Films"), Table(("the film", "its score"), rows))
    with_rows = [page for page in pages if "film" in page and ".png" in page]
    assert len(with_rows) > 1
    assert all("the film" in page and "its score" in page for page in with_rows)
    assert all(f"film{i:03d}.png" in "".join(pages) for i in range(150))


def test_the_contents_name_every_section_with_its_page() -> None:
    filler = [Paragraph("x " * 900) for _ in range(8)]
    pages = texts(Heading("First"), *filler, Heading("Second & last"), Paragraph("end"))
    place = next(i for i, page in enumerate(pages, 1) if "Second & last end" in page)
    assert place > 1
    # The number of the page stands before its section in the text of the file.
    assert re.search(rf"\b1 First\b.*\b{place} Second & last\b", pages[0])


def test_the_outline_of_a_reader_lists_the_sections() -> None:
    pypdf = pytest.importorskip("pypdf")
    made = pdf.pdf(Report("T", "s", "m", (Heading("One"), Heading("part", 2), Heading("Two"))))
    reader = pypdf.PdfReader(io.BytesIO(made))
    assert [entry.title for entry in reader.outline] == ["One", "Two"]
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.subject) == ("T", "m")


def test_films_of_a_gallery_keep_their_places() -> None:
    grey = jpeg(np.full((40, 40), 99, np.uint8))
    films = (Film(grey, ("first", "a.png")), None, Film(grey, ("third", "c.png")))
    (page,) = texts(Gallery(films, columns=2))
    assert page.index("first") < page.index("a.png") < page.index("third")


def test_a_plot_is_no_wider_than_the_page() -> None:
    pypdf = pytest.importorskip("pypdf")
    stream = io.BytesIO()
    Image.new("L", (40, 10)).save(stream, "PNG")
    plot = Plot("wide", stream.getvalue(), b"<svg/>", width=40.0, height=10.0)
    made = pdf.pdf(Report("T", "s", "m", (Picture(plot, "a wide plot"),)))
    (page,) = pypdf.PdfReader(io.BytesIO(made)).pages
    assert "a wide plot" in page.extract_text()
    content = page.get_contents()
    assert content is not None
    # The matrix before the picture: its width and height in points.
    (width, height) = re.findall(rb"([\d.]+) 0 0 ([\d.]+) 0 0 cm\s+/FormXob", content.get_data())[0]
    assert float(width) <= 595.3
    assert float(width) / float(height) == pytest.approx(4, rel=1e-3)
