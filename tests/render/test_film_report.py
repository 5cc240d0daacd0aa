"""The report as PDF, from plain values."""

from __future__ import annotations

import io

import numpy as np
import pytest

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


def test_pictures_follow_what_is_given(tiny_bundle: object) -> None:
    from pneumoscope import runtime
    from pneumoscope.render import wording
    from pneumoscope.render.serialise import prediction_to_json

    grey = np.full((240, 260), 200, np.uint8)
    stream = io.BytesIO()
    from PIL import Image

    Image.fromarray(grey).save(stream, "PNG")
    prediction = runtime.load(tiny_bundle).predict(stream.getvalue())
    result = prediction_to_json(prediction) | {"words": wording.sentences(prediction)}
    film = FilmReport(
        "f",
        "now",
        "id",
        result | {"kinds": ["bacterial", "viral"], "heatmap_class": "bacterial"},
        None,
        grey,
        np.stack([grey] * 3, 2),
    )
    assert "Heatmap for: bacterial only, as an earlier version drew it." in " ".join(
        text_of(report_pdf([film]))[0].split()
    )
    for pictures, count in (
        ((None, None), 0),
        ((grey, None), 1),
        ((grey, np.stack([grey] * 3, 2)), 2),
    ):
        film = FilmReport("f", "now", "id", result, None, *pictures)
        [page] = pypdf.PdfReader(io.BytesIO(report_pdf([film]))).pages
        assert len(page.images) == count


@pytest.mark.parametrize("shape", [(240, 260), (400, 200)])
def test_the_bar_is_as_wide_as_the_pictures(
    tiny_bundle: object, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pneumoscope import runtime
    from pneumoscope.render import film_report, wording
    from pneumoscope.render.serialise import prediction_to_json

    grey = np.full(shape, 200, np.uint8)
    prediction = runtime.load(tiny_bundle).predict(_png(grey))
    result = prediction_to_json(prediction) | {"words": wording.sentences(prediction)}
    drawn = {"bar": 0.0, "pictures": 0.0}
    bar, image = film_report._Bar.draw, film_report.Image.draw

    def draw_bar(self: film_report._Bar) -> None:
        drawn["bar"] = self.canv.absolutePosition(0, 0)[0] + self.width
        bar(self)

    def draw_image(self: film_report.Image) -> None:
        drawn["pictures"] = self.canv.absolutePosition(0, 0)[0] + self.drawWidth
        image(self)

    monkeypatch.setattr(film_report._Bar, "draw", draw_bar)
    monkeypatch.setattr(film_report.Image, "draw", draw_image)
    for overlay in (None, np.stack([grey] * 3, 2)):
        report_pdf([FilmReport("f", "now", "id", result, None, grey, overlay)])
        assert drawn["bar"] == pytest.approx(drawn["pictures"])


def _png(grey: np.ndarray) -> bytes:  # type: ignore[type-arg]
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(grey).save(stream, "PNG")
    return stream.getvalue()
