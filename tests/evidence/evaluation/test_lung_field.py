"""Where the lung field is, what moves it and when it is doubtful."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

cv2 = pytest.importorskip("cv2")

from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation.lung_field import body, filled, lung_field

SAMPLES = Path(__file__).parents[3] / "samples"
NAMES = ("normal-1", "normal-2", "pneumonia-1", "pneumonia-2")


def sample(name: str) -> NDArray[np.uint8]:
    with Image.open(SAMPLES / f"{name}.png") as picture:
        return np.array(picture.convert("L").resize((224, 224)))


def overlap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return float((first & second).sum() / (first | second).sum())


@pytest.mark.parametrize("name", NAMES)
def test_two_lungs_darker_than_what_is_around_them(name: str) -> None:
    film = sample(name)
    field = lung_field(film)
    assert field.ok, field.doubts
    assert field.mask.shape == film.shape
    assert field.mask.dtype == bool
    assert 0.1 < field.mask.mean() < 0.3
    assert cv2.connectedComponents(field.mask.astype(np.uint8))[0] == 3  # background and two lungs
    ring = cv2.dilate(field.mask.astype(np.uint8), np.ones((25, 25), np.uint8)).astype(bool)
    assert film[field.mask].mean() < film[ring & ~field.mask].mean() - 15
    assert field.outlines[0, :, 0].mean() < 0.5 < field.outlines[1, :, 0].mean()


def test_size_type_and_tone_of_the_film_do_not_matter() -> None:
    film = sample("normal-1")
    mask = lung_field(film).mask
    large = lung_field(cv2.resize(film, (672, 448))).mask
    assert large.shape == (448, 672)
    assert overlap(cv2.resize(large.astype(np.uint8), (224, 224)) > 0, mask) > 0.95
    assert overlap(lung_field(film / 255).mask, mask) > 0.99
    assert overlap(lung_field((film * 0.5 + 60).astype(np.uint8)).mask, mask) > 0.95


def test_the_field_moves_with_the_film() -> None:
    film = sample("normal-2")
    shift = np.float32([[1, 0, 9], [0, 1, 12]])
    moved = cv2.warpAffine(film, shift, (224, 224), borderMode=cv2.BORDER_REPLICATE)
    gap = lung_field(moved).outlines - lung_field(film).outlines
    np.testing.assert_allclose(224 * gap.mean(axis=(0, 1)), [9, 12], atol=1.5)


def test_a_lung_that_an_opacity_hides_is_still_found() -> None:
    film = sample("normal-1")
    field = lung_field(film)
    lower = field.outlines[1].copy()
    lower[:, 1] = np.maximum(lower[:, 1], np.median(lower[:, 1]))
    veil = cv2.GaussianBlur(filled(lower[None], film.shape).astype(np.float32), (0, 0), 5)
    white = (film * (1 - 0.9 * veil) + 170 * 0.9 * veil).astype(np.uint8)
    inside = filled(lower[None], film.shape)
    assert white[inside].mean() > film[inside].mean() + 20
    hidden = lung_field(white)
    assert hidden.ok
    assert overlap(hidden.mask, field.mask) > 0.8


@pytest.mark.parametrize("what", ["noise", "flat", "sideways", "upside down", "inverted"])
def test_what_is_no_upright_chest_is_doubted(what: str) -> None:
    film = sample("normal-1")
    strange = {
        "noise": np.random.default_rng(0).integers(0, 256, (224, 224)).astype(np.uint8),
        "flat": np.full((224, 224), 99, np.uint8),
        "sideways": np.rot90(film).copy(),
        "upside down": film[::-1].copy(),
        "inverted": 255 - film,
    }[what]
    field = lung_field(strange)
    assert not field.ok
    assert field.mask.shape == (224, 224)


def test_quick_enough() -> None:
    film = sample("normal-1")
    lung_field(film)
    times = []
    for _ in range(5):
        started = time.process_time()
        lung_field(film)
        times.append(time.process_time() - started)
    assert min(times) < 0.05


def test_body_leaves_out_the_dark_border_but_no_dark_lung() -> None:
    film = np.zeros((100, 100), np.uint8)
    film[:, 20:80] = 150
    film[30:70, 30:45] = 5
    inside = body(film)
    assert not inside[:, :17].any()
    assert not inside[:, 83:].any()
    assert inside[:, 23:77].all()


def test_filled_by_hand() -> None:
    square = np.array([[[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]], np.float32)
    mask = filled(square, (40, 80))
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    # The borders lie at 9.5 and 29.5, 19.5 and 59.5 pixels; halves are rounded up.
    assert (rows[0], rows[-1]) == (10, 30)
    assert (columns[0], columns[-1]) == (20, 60)
    assert mask.sum() == 21 * 41
    grown = filled(square, (40, 80), margin=0.05)  # 4 of 80 pixels, and half a line
    assert np.flatnonzero(grown.any(0))[0] == 15
    assert grown[mask].all()


@pytest.mark.parametrize(
    "film",
    [
        np.zeros((224, 224, 3), np.uint8),
        np.zeros((20, 224), np.uint8),
        np.zeros(224, np.uint8),
        np.zeros((64, 64), np.int16),
        np.full((64, 64), 2.0),
        np.full((64, 64), np.nan),
    ],
    ids=["colour", "small", "one row", "int16", "above 1", "NaN"],
)
def test_what_is_no_film_is_refused(film: NDArray[np.generic]) -> None:
    for find in (lung_field, body):
        with pytest.raises(UsageError):
            find(film)


def test_real_films(films_dir: Path) -> None:
    paths = sorted((films_dir / "chest_xray" / "val").rglob("*.jpeg"))
    fields = []
    for path in paths:
        with Image.open(path) as picture:
            fields.append(lung_field(np.array(picture.convert("L"))))
    assert len(fields) == 16
    assert sum(field.ok for field in fields) >= 14
    assert all(0.05 < field.mask.mean() < 0.4 for field in fields)
