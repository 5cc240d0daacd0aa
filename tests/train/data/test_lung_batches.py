"""Batches for a head that reads the lungs: parts, areas, targets and weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("cv2")

from pneumoscope.data import Film, FilmSet
from pneumoscope.data.masks import CACHED_SIDE as SIDE
from pneumoscope.data.masks import LungMasks
from pneumoscope.train.data import lung_batches
from pneumoscope.train.data.compositions import BLANKED, PARTS, SURROUNDINGS, WHOLE
from pneumoscope.train.data.lung_batches import LungBatch
from pneumoscope.train.recipe.augmentation import Augmentation
from pneumoscope.train.recipe.settings import Recipe

CALM = Augmentation(
    rotation=0, shear=0, scale_x=(1, 1), scale_y=(1, 1), shift=0, crop=0, match=0, equalise=0, curve=0,
    gamma=(1, 1), contrast=(1, 1), brightness=0, shading=0, detail=0, sharpness_match=0, blur=0,
    sharpen=0, low_resolution=0, jpeg=0, noise=0, frame=0, marker=0, erase=0,
)  # fmt: skip


def films(count: int = 8, *, known: int = 8) -> FilmSet:
    """Films of which the first so many have masks: one lung in either half."""
    rng = np.random.default_rng(0)
    masks = np.zeros((known, 2, SIDE, SIDE), np.uint8)
    masks[:, 0, 14:42, 7:21] = masks[:, 1, 14:42, 35:49] = 255
    records = tuple(
        Film(f"{i}.png", (1.0 - i % 2, float(i % 2)), f"p{i}", str(i), "train")
        for i in range(count)
    )
    return FilmSet(
        task="binary",
        names=("normal", "ill"),
        negative="normal",
        films=records,
        pixels=rng.integers(0, 256, (count, 64, 64)).astype(np.uint8),
        source="drawn",
        warnings=(),
        files=(),
        lungs=LungMasks(masks, np.arange(count) < known),
    )


def recipe(**changes: float) -> Recipe:
    return Recipe(
        task="binary", head="lungs", size=64, source_size=64, tail="undilated", augment=CALM,
        **changes,  # type: ignore[arg-type]
    )  # fmt: skip


def drawn(settings: Recipe, *, known: int = 8) -> LungBatch:
    rows = np.arange(8)
    rng = np.random.default_rng(1)
    return lung_batches.draw(films(known=known), rows, np.roll(rows, 1), 4, settings, rng)


def batch(kinds: list[int], areas: list[tuple[float, float]]) -> LungBatch:
    count = len(kinds)
    return LungBatch(
        films=np.zeros((count, 64, 64, 1), np.uint8),
        parts=np.zeros((count, 2, 4, 4), np.float32),
        lungs=np.zeros((count, 4, 4, 2), np.float32),
        areas=np.array(areas, np.float32),
        kinds=np.array(kinds),
        known=np.ones(count, np.float32),
    )


def test_whole_films_are_one_part() -> None:
    made = drawn(recipe())
    assert (made.kinds == WHOLE).all()
    assert made.films.shape == (8, 64, 64, 1)
    assert (made.parts[:, 0] == 1).all()
    assert not made.parts[:, 1].any()
    assert (made.areas == [1, 0]).all()
    assert (made.known == 1).all()
    # 14 columns of 56 wide, from the 7th on: half of the first cell, half of the second.
    assert made.lungs[0, 1, :, 0] == pytest.approx([0.5, 0.5, 0, 0], abs=0.03)
    assert made.lungs[0, 2, :, 1] == pytest.approx([0, 0, 0.5, 0.5], abs=0.03)


def test_parts_share_the_cells_and_the_lungs() -> None:
    made = drawn(recipe(regions=1.0))
    assert (made.kinds == PARTS).all()
    assert made.parts.sum(axis=1) == pytest.approx(np.ones((8, 4, 4)))
    assert made.areas.sum(axis=1) == pytest.approx(np.ones(8))
    sides = [i for i in range(8) if (made.parts[i, 0] == made.parts[i, 0, 0]).all()]
    assert sides
    for i in sides:  # one lung each
        assert made.areas[i] == pytest.approx([0.5, 0.5], abs=0.02)


def test_films_without_masks_stay_whole_and_teach_no_lungs() -> None:
    made = drawn(recipe(regions=0.5, surroundings=0.5), known=4)
    assert (made.kinds[4:] == WHOLE).all()
    assert (made.known[4:] == 0).all()
    assert (made.areas[4:] == [1, 0]).all()


def test_a_part_of_a_film_without_a_mask_teaches_no_lungs() -> None:
    made = drawn(recipe(regions=1.0), known=1)  # its partner, the last film, has none
    assert made.kinds[0] == PARTS
    assert made.known[0] == 0


def test_masks_move_with_their_film() -> None:
    rows = np.arange(8)
    moving = replace(recipe(), augment=replace(CALM, shift=0.2))
    made = lung_batches.draw(films(), rows, rows, 8, moving, np.random.default_rng(0))
    fields = made.lungs.max(axis=-1)
    centres = (fields.sum(axis=1) * np.arange(8)).sum(axis=1) / fields.sum(axis=(1, 2))
    assert np.ptp(centres) > 0.5


def test_targets_by_hand() -> None:
    made = batch([WHOLE, PARTS, SURROUNDINGS, BLANKED], [(1, 0), (0.25, 0.75), (1, 0), (1, 0)])
    y = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]], np.float32)
    partners = np.array([1, 0, 3, 2])
    settings = Recipe(head="lungs", tail="undilated", ill_part=0.8, ill_part_weight=0.5)
    parts, weights = lung_batches.targets_of(made, y, partners, settings)
    assert parts[0, 0].tolist() == [1, 0, 0]
    assert parts[1, 0] == pytest.approx([0.2, 0.8, 0])  # a part of an ill film may be healthy
    assert parts[1, 1].tolist() == [1, 0, 0]  # a part of a healthy film is healthy
    assert parts[2, 0].tolist() == [0, 0, 1]
    assert parts[3, 0].tolist() == [0.5, 0.25, 0.25]
    assert weights == pytest.approx(np.array([[1, 0], [0.125, 0.75], [1, 0], [1, 0]]))
    assert y[1].tolist() == [0, 1, 0]  # the targets themselves are unchanged


def test_the_first_lung_is_on_the_left_of_the_picture_also_after_a_flip() -> None:
    always = drawn(recipe(), known=8)
    settings = replace(recipe(), augment=replace(CALM, flip=1.0))
    flipped = drawn(settings, known=8)
    # About the middle of the picture: column x goes to 64 - x.
    np.testing.assert_array_equal(flipped.films[:, :, 1:], always.films[:, :, :0:-1])
    assert always.lungs[:, :, :2, 0].sum() > 0
    assert not flipped.lungs[:, :, 2:, 0].any()
    assert not flipped.lungs[:, :, :2, 1].any()
    assert flipped.lungs[..., 0] == pytest.approx(always.lungs[:, :, ::-1, 1], abs=0.1)
