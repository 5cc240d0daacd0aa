"""The regions of single films that people drew: lungs, boxes, the ill side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumoscope.data.masks import read_mask
from pneumoscope.evidence.evaluation.localisation_results import BOXES, ILL_SIDE, LUNGS
from pneumoscope.images import SOURCE_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.data.boxes import Box
    from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm

SIDE = SOURCE_SIZE
"""Side in pixels at which regions are drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A region of a film.

    Attributes:
        inside: bool (side, side).
        judged: bool (side, side), False where nobody can say whether it is inside.
    """

    inside: NDArray[np.bool_]
    judged: NDArray[np.bool_]


def regions_of(film: EvaluatedFilm) -> dict[str, Region]:
    """The regions that are known of a film, by name: `LUNGS`, `BOXES`, `ILL_SIDE`.

    Raises:
        DataError: Its mask cannot be read.
    """
    regions = {}
    everywhere = np.ones((SIDE, SIDE), bool)
    if film.mask is not None:
        mask = read_mask(film.mask, SIDE)
        regions[LUNGS] = Region(mask.lungs, mask.judged)
    if film.boxes:
        regions[BOXES] = Region(inside_boxes(film.boxes), everywhere)
        side = side_of(film.boxes)
        if side is not None:
            half = np.zeros((SIDE, SIDE), bool)
            half[:, side * SIDE // 2 : (side + 1) * SIDE // 2] = True
            regions[ILL_SIDE] = Region(half, everywhere)
    return regions


def inside_boxes(boxes: Sequence[Box]) -> NDArray[np.bool_]:
    """Pixels whose centre is in a box, bool (side, side)."""
    centres = (np.arange(SIDE) + 0.5) / SIDE
    inside = np.zeros((SIDE, SIDE), bool)
    for x, y, width, height in boxes:
        columns = (centres >= x) & (centres < x + width)
        rows = (centres >= y) & (centres < y + height)
        inside |= rows[:, None] & columns
    return inside


def side_of(boxes: Sequence[Box]) -> int | None:
    """The half of the film in which the centres of all boxes are: 0 left, 1 right in the picture, or None."""
    sides = {int(box.x + box.width / 2 >= 0.5) for box in boxes}
    return sides.pop() if len(sides) == 1 else None


def heat_inside(heat: NDArray[np.floating], region: Region) -> tuple[float, float, float]:
    """How much of a map lies in a region.

    A cell of the map counts as inside by the part that the region covers. Where nobody can say, neither
    heat nor area counts.

    Args:
        heat: float (h, w), >= 0, not blank.
        region: The region.

    Returns:
        Share of the heat and share of the area inside, in [0, 1], and whether the centre of the hottest
        cell is inside: 1 or 0; between them if several cells are equally hot and only some are inside.
        NaN where nobody can say.
    """
    cells = heat.shape[::-1]
    inside = cv2.resize(
        (region.inside & region.judged).astype(np.float32), cells, interpolation=cv2.INTER_AREA
    ).astype(np.float64)
    judged = cv2.resize(
        region.judged.astype(np.float32), cells, interpolation=cv2.INTER_AREA
    ).astype(np.float64)
    total = float((heat * judged).sum())
    rows, columns = np.nonzero(heat == heat.max())
    height, width = region.inside.shape
    at = (
        ((rows + 0.5) * height / heat.shape[0]).astype(int),
        ((columns + 0.5) * width / heat.shape[1]).astype(int),
    )
    known = region.judged[at]
    return (
        float((heat * inside).sum()) / total if total > 0 else float("nan"),
        float(inside.sum() / judged.sum()) if judged.any() else float("nan"),
        float(region.inside[at][known].mean()) if known.any() else float("nan"),
    )
