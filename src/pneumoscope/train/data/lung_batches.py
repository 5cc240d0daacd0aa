"""Batches for a head that reads the lungs: films composed lung by lung, with their lung fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumoscope.data.masks import CACHED_SIDE, no_masks
from pneumoscope.train.data.augment import augment_with_maps
from pneumoscope.train.data.compositions import BLANKED, PARTS, Composition, Shares, compose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet
    from pneumoscope.train.recipe.settings import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class LungBatch:
    """Films with what a head that reads the lungs is trained on.

    Attributes:
        films: uint8 (n, size, size, 1).
        parts: float32 (n, 2, cells, cells): the share of each cell that is the film's own, and its
            partner's.
        lungs: float32 (n, cells, cells, 2): the share of each cell on either lung.
        areas: float32 (n, 2): the share of the lungs that is the film's own, and its partner's; 1 and
            0 without a mask.
        kinds: (n,), of each composition.
        known: float32 (n,), 1 where all of the lungs was drawn.
    """

    films: NDArray[np.uint8]
    parts: NDArray[np.float32]
    lungs: NDArray[np.float32]
    areas: NDArray[np.float32]
    kinds: NDArray[np.intp]
    known: NDArray[np.float32]


def draw(
    films: FilmSet,
    rows: NDArray[np.intp],
    partners: NDArray[np.intp],
    cells: int,
    recipe: Recipe,
    rng: np.random.Generator,
) -> LungBatch:
    """Composes and augments films.

    Args:
        films: All films, with their lung masks if there are any.
        rows: Positions of the batch's films, (n,).
        partners: Position within the batch of each film's partner, (n,).
        cells: Along each side of the network's last map.
        recipe: Its shares of compositions, its size and its augmentation.
        rng: Random generator.
    """
    pixels, side = films.pixels[rows], films.pixels.shape[1]
    masks = films.lungs or no_masks(len(films.films))
    known = masks.known[rows]
    lungs_of = [_enlarged(mask, side) for mask in masks.of(rows)]
    shares = Shares(recipe.surroundings, recipe.regions, recipe.blanked)
    composed = []
    for i, j in enumerate(partners):
        kind = shares.draw(rng)
        composed.append(compose(pixels[i], lungs_of[i], pixels[j], lungs_of[j], kind, rng))
    views = augment_with_maps(
        np.stack([c.film for c in composed]),
        np.stack([np.concatenate([c.lungs, c.other[None]]) for c in composed]),
        recipe.size,
        rng,
        recipe.augment,
    )
    by_cell = np.stack([[_cells(m, cells) for m in film] for film in views.maps])
    # The lung on the left of the picture is first, also after a flip.
    by_cell[views.flipped, :2] = by_cell[views.flipped, 1::-1]
    lungs, theirs = by_cell[:, :2], by_cell[:, 2]
    parts = np.stack([1 - theirs, theirs], axis=1)
    kinds = np.array([c.kind for c in composed])
    both = known & (known[partners] | (kinds != PARTS))
    return LungBatch(
        films=views.films[..., None],
        parts=parts,
        lungs=np.ascontiguousarray(lungs.transpose(0, 2, 3, 1)),
        areas=_areas(lungs, parts, composed),
        kinds=kinds,
        known=both.astype(np.float32),
    )


def targets_of(
    batch: LungBatch, y: NDArray[np.float32], partners: NDArray[np.intp], recipe: Recipe
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Targets (n, 2, classes) and weights (n, 2) of the parts, before class weights.

    Args:
        batch: The films.
        y: Targets of the films as they were, (n, classes), the negative class first.
        partners: As for `draw`.
        recipe: Its certainty about parts of ill films.
    """
    parts = np.stack([y, y[partners]], axis=1)
    weights = batch.areas.copy()
    for row in np.flatnonzero(batch.kinds == PARTS):
        for part in range(2):
            ill = 1 - parts[row, part, 0]
            if ill > 0.5:
                parts[row, part, 1:] *= recipe.ill_part
                parts[row, part, 0] = 1 - parts[row, part, 1:].sum()
                weights[row, part] *= recipe.ill_part_weight
    blanked = batch.kinds == BLANKED
    # Nobody knows: as often ill as not, and either kind.
    parts[blanked, 0] = [0.5] + [0.5 / (y.shape[1] - 1)] * (y.shape[1] - 1)
    return parts, weights


def _areas(
    lungs: NDArray[np.float32], parts: NDArray[np.float32], composed: list[Composition]
) -> NDArray[np.float32]:
    fields = lungs.max(axis=1)
    areas = (fields[:, None] * parts).sum(axis=(2, 3))
    whole = areas.sum(axis=1, keepdims=True)
    areas = np.where(whole > 0, areas / np.maximum(whole, 1e-6), [1.0, 0.0])
    for i, film in enumerate(composed):
        if film.kind != PARTS:
            areas[i] = 1, 0
    return areas.astype(np.float32)


def _enlarged(mask: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if side == CACHED_SIDE:
        return mask
    return np.stack([cv2.resize(m, (side, side), interpolation=cv2.INTER_LINEAR) for m in mask])


def _cells(mask: NDArray[np.uint8], cells: int) -> NDArray[np.float32]:
    return cv2.resize(mask, (cells, cells), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
