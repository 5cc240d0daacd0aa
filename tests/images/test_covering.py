from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.images.covering import bilinear, continued, covered, gaussian


def test_a_flat_film_stays_flat_whatever_is_covered() -> None:
    film = np.full((64, 64), 90, np.uint8)
    masks = np.zeros((3, 8, 8))
    masks[0, 2, 3] = masks[1, :4] = masks[2] = 1
    np.testing.assert_array_equal(covered(film, masks), np.full((3, 64, 64), 90))


def test_a_bright_spot_goes_and_what_is_far_stays() -> None:
    film = np.full((128, 128), 60, np.uint8)
    film[36:44, 52:60] = 250
    film[100, 10] = 200
    mask = np.zeros((1, 8, 8))
    mask[0, 1:4, 2:5] = 1
    (copy,) = covered(film, mask)
    assert copy.dtype == np.uint8
    assert np.abs(copy[36:44, 52:60].astype(int) - 60).max() <= 4
    far = np.ones((128, 128), bool)
    far[:80, :96] = False
    np.testing.assert_array_equal(copy[far], film[far])


@pytest.mark.parametrize("size", [20, 32, 100, 224])
def test_any_size_and_any_grid(size: int) -> None:
    film = np.random.default_rng(0).integers(0, 256, (size, size)).astype(np.uint8)
    mask = np.zeros((2, 7, 5))
    mask[1, 3, 2] = 1
    plain, changed = covered(film, mask)
    np.testing.assert_array_equal(plain, film)
    assert (changed != film).any()


def test_continuation_of_a_slope_follows_it() -> None:
    ramp = np.repeat(np.linspace(0, 63, 64)[:, None], 64, axis=1)
    keep = np.ones((64, 64), bool)
    keep[24:40, 24:40] = False
    fill = continued(ramp, keep)  # from 23 to 40 in the gap
    assert fill.dtype == np.float32
    assert np.abs(fill - ramp)[~keep].max() < 5
    assert continued(ramp, np.zeros_like(keep)) == pytest.approx(31.5)


def test_smoothing_is_that_of_opencv() -> None:
    cv2 = pytest.importorskip("cv2", reason="needs the [evidence] extra")
    x = np.random.default_rng(1).random((48, 60), np.float32)
    for sigma in (1.3, 4.0, 7.2):
        smoothed = gaussian(48, sigma) @ x @ gaussian(60, sigma).T
        np.testing.assert_allclose(smoothed, cv2.GaussianBlur(x, (0, 0), sigma), atol=2e-4)


def test_bilinear_by_hand() -> None:
    # Centres of two cells lie at 1 and 3 of 4 pixels' 0.5, 1.5, 2.5, 3.5.
    expected = [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    np.testing.assert_allclose(bilinear(2, 4), expected)
