"""Each kind of block as HTML: escaped, complete, and readable without sight."""

from __future__ import annotations

import re

import pytest

from drawings import known
from pneumoscope.evidence.report import html_page
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
)
from pneumoscope.evidence.report.words import Footnotes
from pneumoscope.render.serialise import NOTICE
from report_pages import parsed

ODD = 'O\'Brien & "Sons" <script>alert(1)</script>'


def page(*blocks: Block, title: str = "T", mark: str = "m") -> str:
    return html_page.html(Report(title, "sub", mark, blocks))


@pytest.mark.parametrize(
    "block",
    [
        Heading(ODD),
        Heading(ODD, 2),
        Paragraph(ODD),
        Paragraph(ODD, soft=True),
        Points((ODD,)),
        Note(ODD, ODD),
        Table((ODD,), ((ODD,),)),
        Picture(Plot("p", b"png", b"<svg/>"), ODD),
        Gallery((Film(b"jpeg", (ODD, ODD)),)),
    ],
    ids=lambda block: type(block).__name__,
)
def test_names_of_films_and_bundles_cannot_become_markup(block: Block) -> None:
    report = Report(ODD, ODD, ODD, (block,))
    made = html_page.html(report)
    assert "<script" not in made
    assert made.count("</style>") == 1
    text = " ".join(parsed(report).text)
    assert text.count(ODD) >= 3  # title twice, subtitle, and the block or its alternative text
    assert parsed(report).open == []


def test_the_mark_of_printed_pages_cannot_leave_its_string() -> None:
    made = page(mark='a"b\\c</style>')
    (line,) = re.findall(r'@bottom-left\{content:"([^"]*)"', made)
    assert line == f"a'bc/style> · {NOTICE}"


def test_every_picture_has_its_caption_as_alternative_text() -> None:
    made = page(
        Picture(Plot("p", b"png", b"<svg/>", width=6.9), "ROC curve of PNEUMONIA"),
        Gallery((Film(b"jpeg", ("normal, called PNEUMONIA", "a.png")), None)),
    )
    images = re.findall(r"<img [^>]*>", made)
    assert len(images) == 2
    assert 'alt="ROC curve of PNEUMONIA"' in images[0]
    assert 'style="width:690px"' in images[0]
    assert 'alt="normal, called PNEUMONIA"' in images[1]
    assert "<b>normal, called PNEUMONIA</b><br>a.png" in made


def test_headings_go_down_by_one_level_at_a_time() -> None:
    made = page(Heading("One"), Heading("Part", 2), Heading("Two"))
    assert re.findall(r"<h(\d)>([^<]*)", made) == [
        ("1", "T"), ("2", "One"), ("3", "Part"), ("2", "Two"),
    ]  # fmt: skip


def test_the_contents_lead_to_their_sections() -> None:
    made = page(Paragraph("before"), Heading("One & all"), Paragraph("x"), Heading("Two"))
    assert re.findall(r'<li><a href="#(s\d)">([^<]*)</a>', made) == [
        ("s1", "One &amp; all"), ("s2", "Two"),
    ]  # fmt: skip
    sections = dict(re.findall(r'<section id="(s\d)"><h2>([^<]*)', made))
    assert sections == {"s1": "One &amp; all", "s2": "Two"}
    # What comes before the first section is a section without an entry.
    assert made.index("before") < made.index("Contents") < made.index('id="s1"')


def test_a_page_without_a_first_page_begins_with_the_contents() -> None:
    assert "<section><" not in page(Heading("One"))


def test_figures_stand_right_and_words_left() -> None:
    made = page(Table(("name", "value", "why"), (("AUC", "0.9", "good"),), words=frozenset({2})))
    assert re.findall(r'<td class="(\w)">([^<]*)', made) == [
        ("w", "AUC"),
        ("n", "0.9"),
        ("w", "good"),
    ]
    assert re.findall(r'<th class="(\w)">([^<]*)', made)[1] == ("n", "value")


def test_highlighted_rows_and_widths() -> None:
    made = page(Table(("a", "b"), (("1", "2"), ("3", "4")), strong=frozenset({1}), widths=(1, 3)))
    assert '<tr><td class="w">1' in made
    assert '<tr class=strong><td class="w">3' in made
    assert re.findall(r'<col style="width:([\d.]+)%">', made) == ["25.0", "75.0"]


def test_warnings_and_explanations_differ() -> None:
    made = page(Note("Mind:", "a", kind="mind"), Note("Read:", "b"))
    assert '<div class="box mind"><b>Mind:</b> a</div>' in made
    assert '<div class="box read"><b>Read:</b> b</div>' in made


def test_the_notice_stands_at_the_top_at_the_foot_and_on_every_printed_page() -> None:
    made = page(mark="tiny 1 abc")
    assert f'<p class="notice">{NOTICE}</p>' in made
    assert f"<footer>tiny 1 abc. {NOTICE}</footer>" in made
    assert f'content:"tiny 1 abc · {NOTICE}"' in made
    assert "not a medical device" in NOTICE.lower()


def test_the_page_has_a_language_and_a_title() -> None:
    made = page(title="Evaluation of tiny")
    assert '<html lang="en">' in made
    assert "<title>Evaluation of tiny</title>" in made


def test_an_empty_cell_of_a_gallery_keeps_its_place() -> None:
    made = page(Gallery((Film(b"a", ("x",)), None, Film(b"b", ("y",))), columns=2))
    assert "</figure><span></span><figure>" in made
    assert "grid-template-columns:repeat(2,1fr)" in made


def test_notes_below_a_table_are_part_of_the_page() -> None:
    notes = Footnotes()
    cell = notes.cell(known(0.5))
    text = page(Table(("a",), ((cell,), (notes.missing("no <film>"),))), *notes.blocks())
    assert "0.500 [0.400, 0.600]" in text
    assert "(a) no &lt;film&gt;." in text
