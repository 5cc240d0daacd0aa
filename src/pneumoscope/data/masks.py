"""Lung masks: pictures of the size and shape of a film that say where its lungs are.

A mask is a grey picture: 0 outside the lungs, 255 lung, and 127 where nobody can say (devices, marks).
It may have another size than the film; only the shape of both has to agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from pneumoscope.data.film_files import stem_of
from pneumoscope.errors import DataError
from pneumoscope.files import cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.data.listing import Listing

ENDING = ".png"
CACHED_SIDE = 56
"""Pixels along each side of a cached mask: a quarter of the films' usual 224."""
_OUTSIDE, _LUNG = 64, 191
"""Grey below the first is outside, from the second on lung; in between nobody can say."""


@dataclass(frozen=True, slots=True, eq=False)
class LungMask:
    """The lungs of one film.

    Attributes:
        lungs: bool (side, side).
        judged: bool (side, side), False where nobody can say.
    """

    lungs: NDArray[np.bool_]
    judged: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class LungMasks:
    """The lung masks of a set of films; some films may have none.

    Attributes:
        pixels: uint8 (known films, 2, CACHED_SIDE, CACHED_SIDE), memory-mapped: the share of each pixel on the lung
            on the left of the picture, and on the right, times 255.
        known: bool (films,), which films have a mask.
    """

    pixels: NDArray[np.uint8]
    known: NDArray[np.bool_]

    def of(self, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Masks of some films, uint8 (n, 2, CACHED_SIDE, CACHED_SIDE); 0 everywhere for a film without one."""
        places = np.cumsum(self.known) - 1
        masks = np.zeros((len(rows), *self.pixels.shape[1:]), np.uint8)
        known = self.known[rows]
        masks[known] = self.pixels[places[rows[known]]]
        return masks


def no_masks(count: int) -> LungMasks:
    """Of films that have none."""
    return LungMasks(np.zeros((0, 2, CACHED_SIDE, CACHED_SIDE), np.uint8), np.zeros(count, bool))


def read_mask(path: Path, side: int) -> LungMask:
    """Reads a mask at a film's cached size, by the nearest pixel.

    Raises:
        DataError: It cannot be read, or shows no lung.
    """
    try:
        with Image.open(path) as picture:
            grey = np.asarray(picture.convert("L").resize((side, side), Image.Resampling.NEAREST))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path}: cannot be read as a mask ({cause(error)})", "A grey PNG."
        ) from error
    lungs = grey >= _LUNG
    if not lungs.any():
        raise DataError(f"{path}: shows no lung", "Lungs are 255, everything else is 0.")
    return LungMask(lungs, lungs | (grey < _OUTSIDE))


def with_masks(listing: Listing, folders: Sequence[Path]) -> Listing:
    """The listing with the masks that lie in folders; those that a manifest names stay.

    The mask of ``train/NORMAL/a.jpeg`` is ``train/NORMAL/a.png`` below a folder, or ``NORMAL/a.png`` or
    ``a.png``.

    Raises:
        DataError: A folder does not exist, or has no mask of these films.
    """
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder", "Name the folder of the lung masks.")
        present = {
            p.relative_to(folder).as_posix() for p in folder.rglob(f"*{ENDING}") if p.is_file()
        }
        entries = tuple(
            replace(entry, mask=folder / name)
            if entry.mask is None and (name := _mask_among(entry.name, present))
            else entry
            for entry in listing.entries
        )
        if entries == listing.entries:
            raise DataError(
                f"{folder}: has no mask of these films",
                f"A mask has the path of its film, such as NORMAL/a{ENDING} for NORMAL/a.jpeg.",
            )
        listing = replace(listing, entries=entries)
    return listing


def mask_name(film: str) -> str:
    """Path of a film's mask: the film's, with the ending of a mask; a UID, which has dots too, stays whole."""
    path = PurePosixPath(film)
    return path.with_name(stem_of(path.name) + ENDING).as_posix()


def _mask_among(film: str, present: set[str]) -> str | None:
    """The mask of a film among those of a folder: the longest end of its path that exists."""
    parts = PurePosixPath(mask_name(film)).parts
    ends = ("/".join(parts[i:]) for i in range(len(parts)))
    return next((end for end in ends if end in present), None)
