"""The picture for every viewer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pneumoscope.ai_results.secondary_capture import band_below, band_texts, overlaid, reduced
from pneumoscope.bundle import Bundle
from pneumoscope.records import Explanation
from result_films import NAME, NUMBER, made, result_of


def test_the_film_is_above_the_band(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    capture = made(result, "sc")
    picture = capture.pixel_array
    assert picture.shape[1:] == (260, 3)
    assert picture.shape[0] > 240
    assert np.array_equal(picture[:240], overlaid(result))
    assert (capture.Modality, capture.ImageType[0]) == ("OT", "DERIVED")
    assert capture.ImageComments == "AI - not for diagnosis"
    assert list(capture.PatientOrientation) == ["L", "F"]


def test_the_band_has_ink_and_names_nobody(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    first, second = band_texts(result)
    assert first == "AI - not for diagnosis"
    assert "PNEUMONIA" in second
    assert result.bundle.sha256[:12] in second
    for secret in (*NAME.split("^"), NUMBER):
        assert secret not in first + second
    band = band_below(100, 300, (first, second))
    ink = band.max(axis=2) > 100
    upper, lower = np.split(ink, [len(ink) // 2])
    assert upper.any()
    assert lower.any()
    # The text ends before the picture does.
    assert not ink[:, :3].any()
    assert not ink[:, -3:].any()


def test_an_even_number_of_bytes(tiny_bundle: Bundle) -> None:
    band = band_below(101, 75, band_texts(result_of(tiny_bundle)))
    assert (101 + len(band)) * 75 % 2 == 0


def test_a_large_film_is_reduced() -> None:
    assert reduced(np.ones((3000, 1500), np.float32), 2048).shape == (2048, 1024)
    assert reduced(np.ones((30, 15), np.float32), 2048).shape == (30, 15)


def test_an_unreliable_heatmap_is_not_drawn(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    unreliable = Explanation("fast", False, 0.1, 0.5, {}, "hidden")
    hidden = replace(result, prediction=replace(result.prediction, explanation=unreliable))
    upper = overlaid(hidden)[:100].astype(int)
    assert (upper[..., 0] == upper[..., 2]).all()
    assert not (overlaid(result)[:100, :, 0] == overlaid(result)[:100, :, 2]).all()


def test_burned_in_text_of_the_film_is_passed_on(tiny_bundle: Bundle) -> None:
    assert made(result_of(tiny_bundle, BurnedInAnnotation="YES"), "sc").BurnedInAnnotation == "YES"
    assert "BurnedInAnnotation" not in made(result_of(tiny_bundle), "sc")
