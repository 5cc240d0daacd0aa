"""The one definition of what the network sees."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from film_files import ramp, save
from pneumoscope import images
from pneumoscope.records import FilmFacts, Radiograph


def film(pixels: np.ndarray) -> Radiograph:
    return Radiograph(pixels.astype(np.float32), FilmFacts("PNG", *pixels.shape))


def test_an_8_bit_film_of_the_source_size_passes_bit_by_bit() -> None:
    stored = np.arange(224 * 224).reshape(224, 224).astype(np.uint8)  # every grey level
    x = images.model_input(images.read(save(stored, "PNG")), 224)
    assert x.dtype == np.uint8
    np.testing.assert_array_equal(x, stored)


def test_the_second_step_is_pillows_8_bit_bilinear() -> None:
    stored = ramp(224, 224)
    expected = np.asarray(Image.fromarray(stored).resize((128, 128), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(images.model_input(film(stored / 255), 128), expected)
    bigger = Image.fromarray(stored).resize((256, 256), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(images.model_input(film(stored / 255), 256), np.asarray(bigger))


def test_other_films_go_through_the_source_size_first() -> None:
    rng = np.random.default_rng(3)
    pixels = rng.random((300, 500), np.float32)
    stored = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    middle = np.asarray(stored.resize((224, 224), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(images.model_input(film(pixels), 224), middle)
    np.testing.assert_array_equal(
        images.model_input(film(pixels), 96), images.model_input(film(middle / 255), 96)
    )


def test_shrinking_averages() -> None:
    """448 x 448 with columns 0, 1, 0, 1 ...: with antialiasing nothing but grey is left."""
    pixels = np.tile(np.array([0, 1], np.float32), (448, 224))
    x = images.model_input(film(pixels), 224)[:, 5:-5]
    assert 120 <= x.min() <= x.max() <= 135


def test_the_aspect_ratio_is_not_kept() -> None:
    pixels = np.zeros((100, 400), np.float32)
    pixels[:, 200:] = 1
    x = images.model_input(film(pixels), 224)
    assert x[:, :100].max() == 0
    assert x[:, 124:].min() == 255


def test_bare_pixels_do_as_well() -> None:
    pixels = ramp(100, 90).astype(np.float32) / 255
    np.testing.assert_array_equal(
        images.model_input(pixels, 64), images.model_input(film(pixels), 64)
    )
    np.testing.assert_array_equal(
        images.model_input(pixels[:, ::-1], 64), images.model_input(pixels[:, ::-1].copy(), 64)
    )


def test_another_source_size() -> None:
    stored = ramp(64, 64)
    np.testing.assert_array_equal(images.model_input(film(stored / 255), 64, 64), stored)


@pytest.mark.parametrize("value", [-0.5, 0.0, 1.0, 1.5])
def test_values_outside_are_cut(value: float) -> None:
    x = images.model_input(np.full((224, 224), value, np.float32), 224)
    assert set(x.ravel().tolist()) == {0 if value <= 0 else 255}


def test_the_result_may_be_written_to() -> None:
    for size in (224, 100):
        images.model_input(np.zeros((224, 224), np.float32), size)[0, 0] = 1


def test_each_way_to_resize_takes_other_pixels() -> None:
    film = np.zeros((4, 4), np.uint8)
    film[1, 1], film[0, 0] = 200, 100
    # Outputs lie over 2 x 2 pixels: their middle is between all four of them.
    assert images.resample(film, 2, "bilinear")[0, 0] == 75
    assert images.resample(film, 2, "nearest")[0, 0] == 200
    wide = np.zeros((8, 8), np.uint8)
    wide[0, 0] = 160  # far from the middle of the first output: only antialiasing sees it
    assert images.resample(wide, 2, "bilinear")[0, 0] == 0
    assert images.resample(wide, 2, "nearest")[0, 0] == 0
    assert images.resample(wide, 2)[0, 0] > 0
