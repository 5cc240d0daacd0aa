"""Black and white of films without a window, with and without what is burnt in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

import film_files as make
from film_files import dataset, dicom, lossless_jpeg, wrap
from pneumoscope import images
from pneumoscope.images.grey_range import grey_range

Y, X = np.mgrid[:800, :600]
FILM = (300 + 700 * (0.5 + 0.5 * np.sin(X / 80) * np.cos(Y / 110))).astype(np.uint16)  # 300 to 999


def box(share: float, value: int) -> np.ndarray:
    film = FILM.copy()
    rows = int(share * FILM.size / 100)
    film[10 : 10 + rows, 10:110] = value
    return film


def text(value: int) -> np.ndarray:
    """Smoothed letters over about two percent of the film."""
    mask = Image.new("L", (600, 800))
    draw = ImageDraw.Draw(mask)
    for row in range(3):
        draw.text((8, 8 + 44 * row), "PORTABLE AP R 14:35", fill=255, font_size=36)
    share = np.asarray(mask) / 255
    assert 0.01 < (share > 0.5).mean() < 0.03
    assert ((share > 0) & (share < 1)).mean() > 0.005
    return np.rint(FILM * (1 - share) + value * share).astype(np.uint16)


def without_window(stored: np.ndarray, **elements: object) -> np.ndarray:
    return images.read(dicom(stored, BitsStored=12, HighBit=11, **elements)).pixels


PLAIN = without_window(FILM)
KINDS: dict[str, Callable[[], np.ndarray]] = {
    "white box of 1 %": lambda: box(0.01, 4095),
    "white box of 2 %": lambda: box(0.02, 4095),
    "white box of 0.1 %": lambda: box(0.001, 4095),
    "black box": lambda: box(0.02, 0),
    "grey box": lambda: box(0.02, 1800),
    "smoothed text": lambda: text(4095),
    "black and white": lambda: np.where((X < 80) & (Y < 120), (Y // 12) % 2 * 4095, FILM),
    "two markers": lambda: np.where((X > 560) & (Y < 120), 2500, box(0.01, 4095)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_what_is_burnt_in_takes_no_range(kind: str, photometric: str) -> None:
    stored = KINDS[kind]().astype(np.uint16)
    made = without_window(stored, PhotometricInterpretation=photometric)
    alone = PLAIN if photometric == "MONOCHROME2" else 1 - PLAIN
    same = stored == FILM
    assert same.mean() > 0.94
    np.testing.assert_allclose(made[same], alone[same], atol=0.02)


def test_burnt_in_text_after_lossy_compression() -> None:
    codestream = make.jpeg_2000(text(4095), 12, compression_ratios=[10])
    data = wrap(dataset(text(4095), BitsStored=12, HighBit=11), codestream, make.J2K)
    same = text(4095) == FILM
    assert np.abs(images.read(data).pixels - PLAIN)[same].mean() < 0.02


def test_a_window_counts_whatever_is_burnt_in() -> None:
    made = without_window(box(0.02, 4095), WindowCenter=2048, WindowWidth=4096)
    np.testing.assert_allclose(made, box(0.02, 4095) / 4095, atol=1e-6)


def test_a_film_of_32_bits() -> None:
    stored = box(0.02, 4095).astype(np.uint32) * 100_000
    made = images.read(dicom(stored)).pixels
    same = stored == FILM.astype(np.uint32) * 100_000
    np.testing.assert_allclose(made[same], PLAIN[same], atol=0.005)


def old_range(counts: np.ndarray) -> tuple[int, int]:
    """One pixel in ten thousand is left out at each end, and nothing else."""
    below = np.cumsum(counts)
    skip = int(1e-4 * below[-1])
    first = np.searchsorted(below, skip, side="right")
    return int(first), int(np.searchsorted(below, below[-1] - skip, side="left"))


@pytest.mark.parametrize("levels", [40, 256, 4096])
def test_ordinary_films_keep_their_range(levels: int) -> None:
    rng = np.random.default_rng(3)
    shapes = {
        "normal": rng.normal(0.5, 0.12, 40_000),
        "two humps": np.concatenate([rng.normal(0.2, 0.05, 20_000), rng.normal(0.7, 0.08, 20_000)]),
        "long tail": rng.exponential(0.1, 40_000),
        "long tail below": 1 - rng.exponential(0.1, 40_000),
        "air and film": np.concatenate([np.zeros(4_000), rng.normal(0.6, 0.1, 36_000)]),
        "white border": np.concatenate([np.ones(2_000), rng.normal(0.4, 0.1, 38_000)]),
        "flat": np.full(1_000, 0.5),
    }
    for name, values in shapes.items():
        stored = np.rint(np.clip(values, 0, 1) * (levels - 1)).astype(np.int64) * (4096 // levels)
        counts = np.bincount(stored)
        assert grey_range(counts) == old_range(counts), name


def test_too_little_for_text_counts_as_film() -> None:
    counts = np.zeros(2001, np.int64)
    counts[[1000, 2000, 0]] = 9_998, 9_999, 3
    assert grey_range(counts) == (0, 2000)
    counts[[1000, 0]] = 9_980, 21
    assert grey_range(counts) == (1000, 2000)


def test_jpeg_lossless_films_have_the_same_range() -> None:
    stored = box(0.02, 4095)[60:124, :120]
    data = wrap(
        dataset(stored, BitsStored=12, HighBit=11), lossless_jpeg(stored, 12, 1), make.LOSSLESS
    )
    np.testing.assert_array_equal(images.read(data).pixels, without_window(stored))
