"""The report as PDF, from plain values."""

from __future__ import annotations

import gc
import io

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader

from pneumoscope.render.film_report import FilmReport, report_pdf

pypdf = pytest.importorskip("pypdf")
FAILED = FilmReport(
    name="a.png",
    when="today",
    identifiers="Record 7",
    result=None,
    error={"message": "a.png: empty (0 bytes)", "hint": "Export it again."},
)


def text_of(content: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]


def test_a_film_that_was_not_read_says_why() -> None:
    [page] = text_of(report_pdf([FAILED]))
    for words in ("NOT READ", "a.png", "empty (0 bytes)", "Export it again.", "Record 7"):
        assert words in page


def test_each_film_has_its_page() -> None:
    assert len(text_of(report_pdf(FAILED for _ in range(3)))) == 3


def test_invariant_reports_are_equal() -> None:
    assert report_pdf([FAILED], invariant=True) == report_pdf([FAILED], invariant=True)


def test_streams_are_not_written_as_letters() -> None:
    grey = np.zeros((8, 8), np.uint8)
    made = report_pdf([FilmReport("f", "now", "id", FAILED.result, None, grey)])
    assert b"FlateDecode" in made
    assert b"ASCII85Decode" not in made


def drawn(bundle: object) -> FilmReport:
    """A film with a heatmap."""
    from pneumoscope import runtime
    from pneumoscope.render import wording
    from pneumoscope.render.serialise import prediction_to_json

    grey = np.full((240, 260), 200, np.uint8)
    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, "PNG")
    prediction = runtime.load(bundle).predict(stream.getvalue())
    result = prediction_to_json(prediction) | {"words": wording.sentences(prediction)}
    kinds = {"kinds": ["bacterial", "viral"], "heatmap_class": "bacterial"}
    return FilmReport("f", "now", "id", result | kinds, None, grey, np.stack([grey] * 3, 2))


def test_pictures_follow_what_is_given(tiny_bundle: object) -> None:
    made = report_pdf([drawn(tiny_bundle)])
    assert "Heatmap for: bacterial only, as an earlier version drew it." in " ".join(
        text_of(made)[0].split()
    )
    film, overlay = sorted(pypdf.PdfReader(io.BytesIO(made)).pages[0].images, key=lambda i: i.image.mode)  # fmt: skip
    assert (film.image.mode, film.image.size) == ("L", (260, 240))
    assert (overlay.image.mode, overlay.image.size) == ("RGB", (260, 240))


def test_pictures_that_are_drawn_do_not_stay_in_memory(tiny_bundle: object) -> None:
    """They did until garbage was collected: 900 MB for a hundred films."""
    film = drawn(tiny_bundle)
    gc.collect()
    gc.disable()
    try:
        report_pdf([film, film])
        assert not [thing for thing in gc.get_objects() if isinstance(thing, ImageReader)]
    finally:
        gc.enable()
