"""One step of the way from a film to the network, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from film_files import ramp
from pneumoscope.images.resampling import SOURCE_SIZE, model_input, resample
from pneumoscope.records import FilmFacts, Radiograph


def test_a_film_of_the_wanted_size_passes_bit_by_bit() -> None:
    film = ramp(32, 32)
    assert resample(film, 32) is film


def test_half_the_size_weighs_four_pixels_each_way() -> None:
    # Bilinear with antialiasing: a triangle of radius 2 around each centre, weights 1 3 3 1 of 8;
    # at the edge the one outside falls away: 3 3 1 of 7.
    row = np.array([[0, 70, 140, 210]], np.uint8)
    made = resample(np.repeat(row, 4, axis=0), 2)
    first = (3 * 0 + 3 * 70 + 1 * 140) / 7
    last = (1 * 70 + 3 * 140 + 3 * 210) / 7
    assert made.tolist() == [[round(first), round(last)]] * 2


def test_twice_the_size_interpolates_between_centres() -> None:
    film = np.array([[0, 100], [0, 100]], np.uint8)
    # Centres of the new pixels lie a quarter of an old pixel from the old centres.
    assert resample(film, 4)[0].tolist() == [0, 25, 75, 100]


def test_floats_are_rounded_to_the_nearest_level() -> None:
    levels = np.array([[0.0, 0.49, 0.5, 254.49], [254.5, 255.0, -3.0, 400.0]])
    film = np.repeat(levels / 255, 2, axis=0).astype(np.float32)
    made = model_input(film, 4, source_size=4)
    assert made[::2].tolist() == [[0, 0, 1, 254], [255, 255, 0, 255]]


def test_a_film_keeps_its_own_levels() -> None:
    # The levels count and not the floats beside them, which another step has rounded.
    levels = ramp(40, 40)
    film = Radiograph(
        pixels=np.zeros((40, 40), np.float32),
        facts=FilmFacts(format="PNG", rows=40, columns=40),
        levels=levels,
    )
    assert (model_input(film, 40, source_size=40) == levels).all()


@pytest.mark.parametrize("size", [128, 224, 299])
def test_every_film_takes_the_size_of_the_training_films_first(size: int) -> None:
    film = ramp(300, 400)
    once = resample(film, SOURCE_SIZE)
    made = model_input(film.astype(np.float32) / 255, size)
    assert (made == resample(once, size)).all()
    assert (made.shape, made.dtype) == ((size, size), np.uint8)
