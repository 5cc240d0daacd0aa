"""Statistics of films small enough to count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from pneumoscope import images
from pneumoscope.data.film_statistics import STATISTICS, sharpness, statistics
from pneumoscope.metrics import roc_auc


def named(film: np.ndarray) -> dict[str, float]:
    return dict(zip(STATISTICS, map(float, statistics(film)), strict=True))


def test_a_flat_film() -> None:
    values = named(np.full((40, 40), 100, np.uint8))
    assert values.pop("contrast (standard deviation)") == 0
    assert values.pop("sharpness (mean absolute Laplacian)") == 0
    assert values.pop("entropy of grey levels") == 0
    assert set(values.values()) == {100.0}


def test_two_halves() -> None:
    film = np.zeros((40, 40), np.uint8)
    film[:, 20:] = 200
    values = named(film)
    assert values["mean grey level"] == values["contrast (standard deviation)"] == 100
    assert values["entropy of grey levels"] == pytest.approx(1)  # one bit
    assert (values["dark end (5th percentile)"], values["bright end (95th percentile)"]) == (0, 200)
    assert values["median grey level"] == 100
    assert values["grey level of top and bottom border"] == 100
    assert values["grey level of side borders"] == 100
    # Along the edge both neighbours differ by 200 on one side: 2 of 40 columns.
    assert values["sharpness (mean absolute Laplacian)"] == pytest.approx(200 * 2 / 40)


def test_borders_are_eight_pixels_wide() -> None:
    film = np.zeros((32, 40), np.uint8)
    film[:8], film[-8:] = 80, 160
    values = named(film)
    assert values["grey level of top and bottom border"] == 120
    # Of each side strip, 8 rows of 80 and 8 of 160 among 32.
    assert values["grey level of side borders"] == (8 * 80 + 8 * 160) / 32


def test_one_bright_pixel_is_sharp() -> None:
    film = np.zeros((10, 10), np.uint8)
    film[5, 5] = 50
    # The Laplacian is -200 in the pixel and 50 in its four neighbours.
    assert sharpness(film) == pytest.approx(400 / 100)
    place = STATISTICS.index("sharpness (mean absolute Laplacian)")
    assert statistics(film)[place] == sharpness(film)


def test_entropy_counts_grey_levels() -> None:
    film = np.repeat(np.arange(4, dtype=np.uint8), 16).reshape(8, 8)
    assert named(film)["entropy of grey levels"] == pytest.approx(2)
    film[:4] = 0  # half of the film; a quarter each is 2 and 3
    assert named(film)["entropy of grey levels"] == pytest.approx(1.5)


def test_blurring_takes_sharpness_away() -> None:
    import cv2

    film = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    blurred = [sharpness(cv2.GaussianBlur(film, (0, 0), sigma)) for sigma in (0.5, 1, 2)]
    assert sharpness(film) > blurred[0] > blurred[1] > blurred[2]


def test_one_pixel_of_a_film_by_hand() -> None:
    film = np.zeros((224, 224), np.uint8)
    film[100, 100] = 100
    # The Laplacian is -400 in the pixel and 100 in its four neighbours.
    assert sharpness(film) == pytest.approx(800 / 224**2)
    values = dict(zip(STATISTICS, statistics(film), strict=True))
    assert values["mean grey level"] == pytest.approx(100 / 224**2)
    assert values["grey level of side borders"] == 0


@pytest.mark.slow
def test_sharpness_alone_predicts_pneumonia_on_the_real_films(films_dir: Path) -> None:
    folder = films_dir / "chest_xray" / "train"
    if not folder.is_dir():
        pytest.skip("the real films have another layout")
    paths = sorted(folder.glob("*/*.jpeg"))
    values = np.array([sharpness(images.model_input(images.read(p), 224)) for p in paths])
    ill = np.array([p.parent.name == "PNEUMONIA" for p in paths])
    of_sharpness = float(roc_auc(ill, -values, np.ones((1, len(ill))))[0])
    assert of_sharpness == pytest.approx(0.88, abs=0.01)
