"""Changed films: without their lungs, with nothing but the lungs, and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumoscope.images.covering import continued

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Masks = NDArray[np.bool_]

WHOLE = "as they are"
NO_LUNGS, NO_LUNGS_SMOOTH = "without lungs (mean)", "without lungs (from around)"
NO_BOX, NO_PLACES = "without the lungs' box", "without all films' lungs"
LUNGS, BOX = "lungs only", "lungs' box only"
SILHOUETTE, COARSE = "silhouette of the lungs", "16 x 16 pixels"
WITHOUT = (NO_LUNGS, NO_LUNGS_SMOOTH, NO_BOX, NO_PLACES)
"""The views without anatomy, for which the lost share of the result is given. The masks of the first
three differ between films and may carry information in their shape; that of `NO_PLACES` is the same on
every film and cannot."""
_RARELY = 0.02
"""A pixel is hidden if it is lung on more than this share of the films. A lower share would hide hardly
more lung, but more of everything else."""
_COARSE = 16
_DARK, _BRIGHT = 60, 150  # of the silhouette: roughly those of lungs and chest wall


def without_lungs(film: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The film with the mask filled with the mean of the rest.

    Not with the mean of the whole film, which would reveal how bright the lungs were.
    """
    rest = film[~mask]
    return np.where(mask, np.uint8(round(rest.mean() if len(rest) else film.mean())), film)


def filled_from_around(film: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The film with the mask filled by a smooth continuation of its surroundings.

    See `pneumoscope.images.covering.continued`.
    """
    fill = np.clip(np.rint(continued(film, ~mask)), 0, 255).astype(np.uint8)
    return np.where(mask, fill, film)


def box_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The bounding box of a mask, as a mask; empty for an empty one."""
    box = np.zeros_like(mask)
    top, bottom, left, right = edges_of(mask[None])[0]
    box[top:bottom, left:right] = True
    return box


def places_of(masks: Masks) -> NDArray[np.bool_]:
    """Pixels that are lung on more than 2 % of the films, bool (rows, columns)."""
    return np.asarray(masks.mean(axis=0) > _RARELY)


def share_hidden(masks: Masks, places: NDArray[np.bool_]) -> float:
    """Mean share of a film's lungs (n, rows, columns) that places (rows, columns) hide, in [0, 1]."""
    return float(np.mean([(m & places).sum() / max(m.sum(), 1) for m in masks]))


def edges_of(masks: Masks) -> NDArray[np.intp]:
    """Top, bottom, left and right edge of every mask, (n, 4), the later ones exclusive; 0 if empty."""
    boxes = np.zeros((len(masks), 4), np.intp)
    for edges, mask in zip(boxes, masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if len(rows):
            edges[:] = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return boxes


def _silhouette(film: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.where(mask, np.uint8(_DARK), np.full_like(film, _BRIGHT))


def _coarse(film: NDArray[np.uint8], _mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    small = cv2.resize(film, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, film.shape[::-1], interpolation=cv2.INTER_LINEAR))


VIEWS: dict[str, Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]] = {
    WHOLE: lambda film, _mask: film,
    NO_LUNGS: without_lungs,
    NO_LUNGS_SMOOTH: filled_from_around,
    NO_BOX: lambda film, mask: without_lungs(film, box_of(mask)),
    NO_PLACES: without_lungs,
    LUNGS: lambda film, mask: without_lungs(film, ~mask),
    BOX: lambda film, mask: without_lungs(film, ~box_of(mask)),
    SILHOUETTE: _silhouette,
    COARSE: _coarse,
}
