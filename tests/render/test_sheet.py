"""The page of films: what stands on it, and what never does."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pneumoscope.errors import UnknownFormat
from pneumoscope.languages.current import speaking
from pneumoscope.records import GateReport, Outcome, Prediction, Radiograph
from pneumoscope.render import sheet
from pneumoscope.render.serialise import NOTICE
from predictions import REFUSING, prediction, refused, with_findings, with_zones


class Page(HTMLParser):
    """Counts tags, checks that they are closed, and gathers text."""

    void = frozenset({"meta", "img", "br", "path", "circle"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def outcome(p: Prediction | None, source: str = "film.png") -> Outcome:
    if p is None:
        return Outcome(source, 0, error=UnknownFormat(source))
    film = Radiograph(pixels=np.full((30, 20), 0.5, np.float32), facts=p.facts)
    return Outcome(source, 0, prediction=p, film=film)


def test_a_whole_page_stands_alone() -> None:
    html = sheet.page([sheet.row(outcome(prediction())), sheet.row(outcome(None))])
    page = Page(html)
    assert html.startswith("<!doctype html>")
    assert page.tags.count("article") == 2
    assert page.text.count(NOTICE) == 2  # above and below
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "http" not in html


def test_title_style_and_footer_are_the_callers() -> None:
    html = sheet.page([], "Ward <7>", style="b{c:d}", footer="Last & least")
    assert html.count("Ward &lt;7&gt;") == 2
    assert "b{c:d}</style>" in html
    assert "<footer>Last &amp; least</footer>" in html


def test_the_top_counts_the_verdicts_and_names_the_model() -> None:
    films = [outcome(prediction()), outcome(refused()), outcome(None)]
    html = sheet.page([], films=films, facts=[("Model", "tiny 1")])
    for kind, text in (
        ("positive", "1 PNEUMONIA"),
        ("refused", "1 REFUSED"),
        ("error", "1 not read"),
    ):
        assert re.search(f'<li class="{kind}"><svg.*?</svg>{text}</li>', html)
    assert "<dt>Model</dt><dd>tiny 1</dd>" in html
    Page(html)


def test_a_verdict_with_its_figures() -> None:
    page = Page(sheet.row(outcome(prediction())))
    assert page.tags.count("img") == 2
    assert "PNEUMONIA" in page.text
    assert "P(pneumonia) 0.800" in page.text
    assert "Kind: bacterial (0.50)." in page.text
    assert "bacterial0.500" in page.text.replace("\n", "")  # a row of the table
    assert "Film, 224 x 300 pixels" in page.text
    assert "Heatmap for: bacterial. The map lies inside the body." in page.text
    assert "tiny 1 · abababababab" in page.text
    assert "The kinds look alike." in page.text


@pytest.mark.parametrize(
    ("label", "kind"),
    [("PNEUMONIA", "positive"), ("NORMAL", "negative"), ("UNDETERMINED", "unclear")],
)
def test_each_verdict_has_its_colour(label: str, kind: str) -> None:
    assert f'<div class="verdict {kind}">' in sheet.judgement(outcome(prediction(label=label)))


def test_number_bar_and_threshold_are_on_one_scale() -> None:
    # Odds of 0.5 and a prior of 1:9: the threshold is 0.1 at this prevalence.
    p = prediction(prevalence=0.1, p_positive=0.3, negative_below=0.1, positive_from=0.1)
    html = sheet.judgement(outcome(p))
    assert 'style="width:30.0%"' in html
    assert 'style="left:10.0%"' in html
    assert "0.300 at a prevalence of 10 % (0.800 unadjusted)" in html


@pytest.mark.parametrize(
    ("ranges", "bracket", "captions"),
    [
        ((0.5, 0.5), "", [("50.0", "0.500")]),
        ((0.02, 0.02), "", [("7.5", "0.020")]),
        ((0.97, 0.97), "", [("92.5", "0.970")]),
        ((0.2, 0.7), "left:20.0%;right:30.0%", [("20.0", "0.200"), ("70.0", "0.700")]),
        ((0.7, 0.9), "left:70.0%;right:10.0%", [("80.0", "0.700 – 0.900")]),
        ((0.0, 0.7), "left:0.0%;right:30.0%", [("70.0", "0.700")]),
        ((0.7, None), "left:70.0%;right:0.0%", [("70.0", "0.700")]),
        ((0.0, None), "left:0.0%;right:0.0%", []),
    ],
)
def test_the_bar_has_a_bracket_around_undetermined(
    ranges: tuple[float, float | None], bracket: str, captions: list[tuple[str, str]]
) -> None:
    below, start = ranges
    html = sheet.judgement(outcome(prediction(negative_below=below, positive_from=start)))
    assert re.findall('<u style="(.*?)">', html) == [bracket] * bool(bracket)
    marks = [f"{100 * p:.1f}" for p in dict.fromkeys(ranges) if p]
    assert re.findall('<b style="left:(.*?)%">', html) == marks
    # Captions stay on the card.
    assert re.findall('<span style="left:(.*?)%">(.*?)</span>', html) == captions


def test_a_refused_film_shows_reasons_and_no_figure() -> None:
    html = sheet.row(outcome(refused()))
    page = Page(html)
    assert page.tags.count("img") == 1  # the film alone
    assert "REFUSED" in page.text
    assert "No verdict: this film cannot be judged." in page.text
    assert REFUSING.hint in page.text
    assert "0.8" not in page.text
    assert "The film is inverted" in page.text


def test_a_forced_verdict_is_marked() -> None:
    page = Page(sheet.row(outcome(refused(label="PNEUMONIA", forced=True))))
    assert "PNEUMONIAforced" in page.text
    assert "The gate refuses this film; the verdict was forced." in page.text
    assert "The film is inverted" in page.text


def test_a_film_that_could_not_be_read() -> None:
    page = Page(sheet.row(outcome(None, "note.txt")))
    assert "NOT READ" in page.text
    assert "note.txt" in page.text
    assert "img" not in page.tags


def test_findings_have_their_own_thresholds() -> None:
    html = sheet.judgement(outcome(with_findings()))
    assert (
        "<tr class=positive><td>Mass</td><td>0.900: absent below 0.500, present from 0.500</td></tr>"
        in html
    )
    assert (
        "<tr class=positive><td>Nodule</td><td>0.060, not clear: absent below 0.050, not clear from 0.050, present from 0.090</td></tr>"
        in html
    )
    assert "<tr><td>Device</td><td>0.100: absent below 0.600, present from 0.600</td></tr>" in html
    assert "P(Mass)" in html


def test_the_threshold_of_a_rare_finding_is_not_zero() -> None:
    rare = replace(with_findings().findings[0], negative_below=0.00025, positive_from=0.00025)
    html = sheet.judgement(outcome(with_findings(findings=(rare,))))
    assert "<td>0.900: absent below 2.5e-04, present from 2.5e-04</td>" in html


def test_without_a_heatmap_there_is_a_word_in_its_place() -> None:
    page = Page(sheet.row(outcome(prediction(heatmap=None, explanation=None))))
    assert page.tags.count("img") == 1
    assert "No heatmap was asked for." in page.text


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '" onload="x', "&amp;"])
def test_what_others_wrote_stays_text(text: str) -> None:
    p = prediction(warnings=(text,), bundle=text, profile=text, heatmap_class=text)
    html = sheet.page([sheet.row(outcome(p, text)), sheet.row(outcome(None, text))], text)
    page = Page(html)
    assert "script" not in page.tags
    assert text in page.text
    assert "<script" not in html
    assert 'onload="x"' not in html


@pytest.mark.parametrize(
    ("shape", "size"),
    [((300, 200), (200, 300)), ((1280, 640), (320, 640)), ((50, 900, 3), (640, 36))],
)
def test_pictures_are_no_larger_than_the_page(
    shape: tuple[int, ...], size: tuple[int, int]
) -> None:
    url = sheet.picture(np.full(shape, 128, np.uint8))
    kind, _, data = url.partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert (image.format, image.size) == ("JPEG", size)
        assert image.mode == ("RGB" if len(shape) == 3 else "L")


HOSTILE = '<img src=x onerror="alert(1)">&'


def with_(field: str) -> Prediction:
    """A film of which one text comes from outside."""
    point = prediction().operating_point
    explanation = prediction().explanation
    assert explanation is not None
    reason = replace(REFUSING, sentence=HOSTILE, hint=HOSTILE)
    changes: dict[str, dict[str, Any]] = {
        "warning": {"warnings": (HOSTILE,)},
        "bundle": {"bundle": HOSTILE},
        "profile": {"profile": HOSTILE},
        "verdict": {"label": HOSTILE, "called": HOSTILE, "positive": HOSTILE},
        "point": {"operating_point": replace(point, name=HOSTILE)},
        "class": {"probabilities": {HOSTILE: 0.5, "a": 0.3, "b": 0.2}, "subtype": HOSTILE},
        "kinds": {"kinds": (HOSTILE, "viral"), "subtype": None},
        "heatmap": {"heatmap_class": HOSTILE},
        "explanation": {"explanation": replace(explanation, sentence=HOSTILE)},
        "reason": {"gate": GateReport("note", (reason,), {})},
        "refusal": {"label": "REFUSED", "gate": GateReport("refuse", (reason,), {})},
        "undetermined": {
            "label": "UNDETERMINED", "classes": (HOSTILE,), "operating_point": replace(point, name=HOSTILE),
        },
    }  # fmt: skip
    return prediction(**changes[field])


@pytest.mark.parametrize(
    "field",
    ["warning", "bundle", "profile", "verdict", "point", "class", "kinds", "heatmap", "explanation",
     "reason", "refusal", "undetermined"],
)  # fmt: skip
def test_no_text_of_a_film_or_a_bundle_becomes_a_tag(field: str) -> None:
    plain, hostile = (Page(sheet.row(outcome(p))) for p in (prediction(), with_(field)))
    html = sheet.row(outcome(with_(field)))
    assert "<img src=x" not in html
    assert html.count("&lt;img") >= 1
    assert hostile.tags.count("img") <= plain.tags.count("img")
    assert "&amp;" in html


def test_findings_are_text_too() -> None:
    first, *rest = with_findings().findings
    html = sheet.row(outcome(with_findings(findings=(replace(first, name=HOSTILE), *rest))))
    assert "<img src=x" not in html
    assert html.count("&lt;img") >= 2  # in the table and as what the probability is of


def test_a_name_with_quotes_stays_in_its_attribute() -> None:
    html = sheet.row(outcome(prediction(), '" onload="alert(1)'))
    assert 'onload="alert' not in html
    assert 'alt="&quot; onload=&quot;alert(1): film"' in html


def test_a_film_that_was_not_kept_has_its_verdict() -> None:
    p = prediction()
    page = Page(sheet.row(Outcome("film.png", 0, prediction=p)))
    assert "img" not in page.tags
    assert "P(pneumonia) 0.800" in page.text


def test_undetermined_says_why_with_a_capital() -> None:
    html = sheet.judgement(
        outcome(prediction(label="UNDETERMINED", classes=("NORMAL", "PNEUMONIA")))
    )
    assert (
        '<p class="why">Not clear: films that are NORMAL and films that are PNEUMONIA both score so.</p>'
        in html
    )


def test_the_film_is_shown_in_its_own_greys() -> None:
    pixels = np.array([[0.0, 0.5], [1.0, 1.8]], np.float32).repeat(40, 0).repeat(40, 1)
    film = Radiograph(pixels=pixels, facts=prediction().facts)
    html = sheet.row(Outcome("film.png", 0, prediction=prediction(), film=film))
    url = html.split('src="')[1].split('"')[0]
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        assert image.size == (80, 80)
        shown = [image.getpixel(at) for at in ((20, 20), (60, 20), (20, 60), (60, 60))]
    assert shown == pytest.approx([0, 128, 255, 255], abs=3)  # JPEG


def test_a_sheet_in_german() -> None:
    films = [outcome(with_zones()), outcome(refused()), outcome(None)]
    with speaking("de"):
        html = sheet.page([sheet.row(film) for film in films], films=films)
    page = Page(html)
    assert html.startswith('<!doctype html><html lang="de">')
    for german in (
        "Nur für Forschungszwecke, kein Medizinprodukt.", "PNEUMONIE", "ABGELEHNT", "NICHT GELESEN",
        "P(Pneumonie) 0,800", "bakteriell", "rechtes Unterfeld (61 %)", "Aufnahme, 224 x 300 Pixel",
        "Kein Ergebnis: diese Aufnahme lässt sich nicht beurteilen.",
    ):  # fmt: skip
        assert german in page.text, german
    # But for the sentences of `predictions`, which no table knows.
    text = re.sub("The map lies inside the body|The kinds look alike", "", page.text)
    assert not re.search(r"\b(the film|this film|verdict|medical|population)\b", text)
