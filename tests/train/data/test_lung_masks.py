"""Lung masks: two lungs told apart, and read once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cv2")

from pneumoscope.errors import DataError
from pneumoscope.train.data import lung_masks


def blank(side: int = 100) -> np.ndarray:
    return np.zeros((side, side), bool)


def nothing(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


def test_two_lungs_by_their_place() -> None:
    lungs = blank()
    lungs[20:80, 15:40] = True
    lungs[20:80, 60:85] = True
    left, right = lung_masks.sides_of(lungs)
    assert left.sum() == right.sum() == 60 * 25
    assert left[:, :50].sum() == left.sum()
    assert right[:, 50:].sum() == right.sum()


def test_further_areas_join_the_nearer_lung_and_specks_are_left_out() -> None:
    lungs = blank()
    lungs[20:60, 15:40] = True
    lungs[65:75, 15:40] = True  # below a device
    lungs[20:60, 60:85] = True
    lungs[5, 5] = True
    left, right = lung_masks.sides_of(lungs)
    assert left.sum() == 50 * 25
    assert right.sum() == 40 * 25


def test_lungs_off_the_middle_of_the_picture() -> None:
    lungs = blank()
    lungs[20:80, 50:65] = True
    lungs[20:80, 75:95] = True
    left, right = lung_masks.sides_of(lungs)
    assert left.sum() == 60 * 15
    assert right.sum() == 60 * 20


def test_one_area_across_the_middle_is_cut() -> None:
    lungs = blank()
    lungs[20:80, 20:80] = True
    left, right = lung_masks.sides_of(lungs)
    assert left.sum() == right.sum() == 60 * 30
    assert not (left & right).any()


@pytest.mark.parametrize(("columns", "side"), [((5, 45), 0), ((60, 95), 1), ((5, 55), 0)])
def test_one_area_on_one_side_is_one_lung(columns: tuple[int, int], side: int) -> None:
    lungs = blank()
    lungs[20:80, slice(*columns)] = True
    sides = lung_masks.sides_of(lungs)
    assert sides[side].sum() == lungs.sum()
    assert not sides[1 - side].any()


def test_no_lung() -> None:
    assert not lung_masks.sides_of(blank()).any()


def test_a_mask_is_read_as_shares(tmp_path: Path) -> None:
    picture = np.zeros((112, 112), np.uint8)
    picture[:56, :56] = 255
    picture[:56, 57:] = 255
    picture[60:, :] = 127  # not to be judged
    Image.fromarray(picture).save(tmp_path / "a.png")
    mask = lung_masks.cached_masks([tmp_path / "a.png"], tmp_path, nothing).pixels[0]
    assert mask.shape == (2, 56, 56)
    assert mask.dtype == np.uint8
    assert (mask[0, :28, :28] == 255).all()
    # One of the pixel's two columns.
    assert mask[1, 0, 28] == pytest.approx(127.5, abs=1)
    assert not mask[:, 28:].any()


def test_masks_are_read_once(tmp_path: Path) -> None:
    for name, columns in (("a.png", slice(0, 20)), ("b.png", slice(40, 60))):
        picture = np.zeros((64, 64), np.uint8)
        picture[:, columns] = 255
        Image.fromarray(picture).save(tmp_path / name)
    paths = [tmp_path / "a.png", None, tmp_path / "b.png"]
    calls: list[tuple[int, int]] = []
    first = lung_masks.cached_masks(paths, tmp_path / "c", lambda *at: calls.append(at))
    again = lung_masks.cached_masks(paths, tmp_path / "c", lambda *at: calls.append(at))
    assert calls == [(1, 2), (2, 2)]
    assert first.known.tolist() == [True, False, True]
    rows = np.array([2, 1, 0])
    assert (again.of(rows) == first.of(rows)).all()
    some = first.of(rows)
    assert some[0, 1].any()
    assert not some[0, 0].any()
    assert not some[1].any()
    assert some[2, 0].any()


def test_other_masks_are_another_entry(tmp_path: Path) -> None:
    for name, columns in (("a.png", slice(0, 20)), ("b.png", slice(40, 60))):
        picture = np.zeros((64, 64), np.uint8)
        picture[:, columns] = 255
        Image.fromarray(picture).save(tmp_path / name)
    cache = tmp_path / "c"
    first = lung_masks.cached_masks([tmp_path / "a.png"], cache, nothing)
    second = lung_masks.cached_masks([tmp_path / "b.png"], cache, nothing)
    assert (first.pixels != second.pixels).any()


def test_no_film_has_a_mask(tmp_path: Path) -> None:
    masks = lung_masks.cached_masks([None, None], tmp_path, nothing)
    assert not masks.known.any()
    assert not masks.of(np.array([0, 1])).any()


@pytest.mark.parametrize("content", [b"no picture", None])
def test_a_broken_or_missing_mask(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.png"):
        lung_masks.cached_masks([path], tmp_path / "c", nothing)
    assert not list((tmp_path / "c").glob("*.npy"))
