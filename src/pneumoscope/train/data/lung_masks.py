"""Lung masks of films: drawn outlines as two maps, one for each lung."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumoscope.data.cache import cache_key
from pneumoscope.data.masks import CACHED_SIDE, LungMasks, read_mask
from pneumoscope.files import whole_array

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_SPECK = 0.001
"""Share of the picture below which a separate area is a slip of the pen."""


def cached_masks(
    paths: Sequence[Path | None], cache: Path, progress: Callable[[int, int], None]
) -> LungMasks:
    """Reads lung masks, unless the cache has them.

    Args:
        paths: Mask of each film, see `pneumoscope.data.masks`; None where a film has none.
        cache: Folder of the cache.
        progress: Called with (masks done, masks in all) while masks are read.

    Raises:
        DataError: A mask is missing or cannot be read; then nothing is kept.
    """
    drawn = [path for path in paths if path is not None]
    known = np.array([path is not None for path in paths], bool)
    file = cache / f"{cache_key(drawn, 'lungs', CACHED_SIDE)}.npy"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with (
            whole_array(file, np.uint8, (len(drawn), 2, CACHED_SIDE, CACHED_SIDE)) as store,
            ThreadPoolExecutor() as pool,
        ):
            for done, mask in enumerate(pool.map(_lungs, drawn), 1):
                store[done - 1] = mask
                progress(done, len(drawn))
    return LungMasks(np.load(file, mmap_mode="r"), known)


def _lungs(path: Path) -> NDArray[np.uint8]:
    """One mask as `cached_masks` keeps it, uint8 (2, CACHED_SIDE, CACHED_SIDE)."""
    lungs = sides_of(read_mask(path, 4 * CACHED_SIDE).lungs).astype(np.uint8) * 255
    return np.stack(
        [cv2.resize(m, (CACHED_SIDE, CACHED_SIDE), interpolation=cv2.INTER_AREA) for m in lungs]
    )


def sides_of(lungs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tells the two lungs of a mask apart.

    Args:
        lungs: bool (height, width).

    Returns:
        bool (2, height, width): the lung on the left of the picture first. Areas are joined to the
        nearer of the two largest. A single area is cut in the middle if it crosses the middle of
        the picture by a quarter of its width, and is one lung otherwise. All False without a lung.
    """
    count, areas, boxes, centres = cv2.connectedComponentsWithStats(lungs.astype(np.uint8))
    sizes = boxes[:, cv2.CC_STAT_AREA]
    parts = [i for i in range(1, count) if sizes[i] > _SPECK * lungs.size]
    sides = np.zeros((2, *lungs.shape), bool)
    if not parts:
        return sides
    largest = sorted(parts, key=lambda i: -sizes[i])[:2]
    middle = lungs.shape[1] / 2
    if len(largest) == 2:
        between = float(np.mean([centres[i][0] for i in largest]))
        for i in parts:
            sides[int(centres[i][0] >= between)][areas == i] = True
        return sides
    (only,) = largest
    left = float(boxes[only, cv2.CC_STAT_LEFT])
    width = float(boxes[only, cv2.CC_STAT_WIDTH])
    if left + width / 4 < middle < left + 3 * width / 4:
        column = round(left + width / 2)
        sides[0, :, :column] = lungs[:, :column]
        sides[1, :, column:] = lungs[:, column:]
    else:
        sides[int(centres[only][0] >= middle)] = areas == only
    return sides
