"""The picture of what a covered place changes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pneumoscope.render import occlusion_picture as module
from pneumoscope.render.occlusion_picture import occlusion_picture


def picture(shape: tuple[int, int], change: np.ndarray, p: float = 0.8) -> np.ndarray:
    film = np.full(shape, 0.5, np.float32)
    return occlusion_picture(film, change.astype(np.float32), "PNEUMONIA", p)


def test_it_is_colour_with_the_film_at_640_pixels() -> None:
    made = picture((300, 200), np.zeros((4, 4)))
    assert (made.dtype, made.ndim, made.shape[2]) == (np.uint8, 3, 3)
    # Margins, title and caption around 640 x 427.
    assert made.shape[0] == 640 + 3 * 20 + 34 + 3 * 20
    assert made.shape[1] >= 427 + 22 + 190 + 3 * 20


def test_no_change_leaves_the_film_grey() -> None:
    made = picture((100, 100), np.zeros((4, 4)))
    film = made[54:694, 20:660]
    assert (film == film[..., :1]).all()
    assert 127 <= film.min() <= film.max() <= 128


def test_support_is_warm_and_its_opposite_cold() -> None:
    change = np.zeros((8, 8))
    change[2:4, 2:4], change[5:7, 5:7] = 3.0, -3.0
    film = picture((160, 160), change)[54:694, 20:660].astype(int)
    warm, cold = film[240, 240], film[480, 480]
    assert warm[0] > warm[2] + 100
    assert cold[2] > cold[0] + 100


def test_a_small_change_does_not_look_like_a_large_one() -> None:
    # The end of the bar is at least log 3.
    small, large = np.zeros((8, 8)), np.zeros((8, 8))
    small[4, 4], large[4, 4] = 0.1, math.log(3)
    tint = [int(np.ptp(picture((160, 160), c)[54:694, 20:660].astype(int), axis=2).max())
            for c in (small, large)]  # fmt: skip
    assert tint[0] < tint[1] / 5


@pytest.mark.parametrize(("shape", "least"), [((400, 40), 500), ((40, 400), 300)])
def test_narrow_and_flat_films_keep_their_caption(shape: tuple[int, int], least: int) -> None:
    made = picture(shape, np.zeros((4, 4)))
    assert made.shape[1] > least
    assert made.shape[0] > 300


def test_the_caption_gives_the_range_of_probabilities() -> None:
    # Odds of 0.8 are 4; a place that supports it by log 2 leaves odds of 2, one that speaks
    # against it by log 2 makes them 8.
    change = np.array([[math.log(2), -math.log(2)], [0, 0]], np.float32)
    first, second, last = module._caption(change, 0.8)
    assert f"between {2 / 3:.3f} and {8 / 9:.3f}." in first
    assert "Probability 0.800" in first
    assert "150% of the film's height" in second  # three of two cells
    assert last == "Research use, not a medical device."


def test_colours_mix_with_the_film_by_strength() -> None:
    grey = np.full((4, 4), 0.5)
    plain, full = (module._tinted(grey, np.full((4, 4), v)) for v in (0.0, 1.0))
    assert plain[0, 0].tolist() == [128, 128, 128]
    # 70 % of the colour that supports, 30 % of the film.
    expected = [0.3 * 127.5 + 0.7 * c for c in module._SUPPORTS]
    assert full[0, 0].tolist() == [round(v) for v in expected]


@pytest.mark.parametrize("shape", [(640, 500), (100, 300), (1200, 60)])
def test_occlusion_picture_has_both_colours_where_they_belong(shape: tuple[int, int]) -> None:
    change = np.zeros((16, 16), np.float32)
    change[2:6, 2:6], change[10:14, 10:14] = 1.2, -1.2
    drawn = occlusion_picture(np.full(shape, 0.5, np.float32), change, "PNEUMONIA", 0.9)
    rows, columns = (round(n * 640 / max(shape)) for n in shape)
    film = drawn[54 : 54 + rows, 20 : 20 + columns].astype(int)
    red, blue = film[rows // 4, columns // 4], film[3 * rows // 4, 3 * columns // 4]
    assert red[0] > red[2] + 80
    assert blue[2] > blue[0] + 80
    np.testing.assert_array_equal(film[rows // 4, 3 * columns // 4], 128)
