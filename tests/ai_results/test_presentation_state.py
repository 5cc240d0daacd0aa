"""Outlines and text over the film itself."""

from __future__ import annotations

import pytest

from pneumoscope.bundle import Bundle
from result_films import made, result_of


def test_outlines_and_text(tiny_bundle: Bundle) -> None:
    state = made(result_of(tiny_bundle), "gsps")
    [annotation] = state.GraphicAnnotationSequence
    [outline] = annotation.GraphicObjectSequence
    assert max(outline.GraphicData[::2]) <= 260
    assert min(outline.GraphicData) >= 1
    texts = [text.UnformattedTextValue for text in annotation.TextObjectSequence]
    assert texts[0] == "AI - not for diagnosis"
    assert "PNEUMONIA" in texts[1]
    assert (state.PresentationCreationDate, "ContentDate" in state) == ("20260304", False)


def test_a_normal_film_has_text_only(tiny_bundle: Bundle) -> None:
    [annotation] = made(result_of(tiny_bundle, 60), "gsps").GraphicAnnotationSequence
    assert "GraphicObjectSequence" not in annotation
    assert "NORMAL" in annotation.TextObjectSequence[1].UnformattedTextValue


@pytest.mark.parametrize(
    ("elements", "shape"),
    [
        ({}, "IDENTITY"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "INVERSE"),
        ({"PresentationLUTShape": "INVERSE"}, "INVERSE"),
    ],
)
def test_black_and_white_are_as_in_the_film(
    tiny_bundle: Bundle, elements: dict[str, str], shape: str
) -> None:
    assert made(result_of(tiny_bundle, **elements), "gsps").PresentationLUTShape == shape


def test_the_films_window_is_kept(tiny_bundle: Bundle) -> None:
    state = made(result_of(tiny_bundle, WindowCenter=127, WindowWidth=250), "gsps")
    [voi] = state.SoftcopyVOILUTSequence
    assert (voi.WindowCenter, voi.WindowWidth) == (127, 250)
