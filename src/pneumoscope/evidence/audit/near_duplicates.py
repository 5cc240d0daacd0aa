"""Pictures that occur in a set more than once, also if saved differently, resized or mirrored.

`data.duplicates` requires a high correlation of thumbnails. Here a lower one makes a candidate, and a
comparison of more pixels decides. Copies that were shifted, equalised, mirrored or rotated are found as
well, without mistaking similar films for copies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pneumoscope.data import unions
from pneumoscope.data.duplicates import THUMB, alike_pairs, details, groups_of
from pneumoscope.evidence.audit.films import film_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pneumoscope.data.listing import Entry
    from pneumoscope.evidence.audit.films import Reading

    Film = NDArray[np.uint8]

CANDIDATE = 0.75
"""Minimum correlation of the details of two thumbnails for a second comparison."""
SAME = 0.82
"""Minimum correlation at the second comparison. Among the 5,206 distinct films of the Kermany set the most
similar pair reaches 0.77 (0.88 at the first comparison), mirrored or not. Copies of 300 of them reach 0.852 or
more after JPEG at quality 10, a third of the size, gamma 0.6 or 1.5, noise of 10 grey levels, CLAHE, or a
shift by 4 of 224 pixels. Cropping 2 % of each edge (0.71) or rotating by 2 degrees (0.77) is not found."""
_SIDE, _BOX, _SHIFT = 64, 7, 3  # of the second comparison, in pixels

TURNS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "": lambda film: film,
    "mirrored": lambda film: film[..., ::-1],
    "upside down": lambda film: film[..., ::-1, :],
    "turned by 180 degrees": lambda film: film[..., ::-1, ::-1],
    "turned by 90 degrees": lambda film: np.rot90(film, 1, (-2, -1)),
    "turned by 270 degrees": lambda film: np.rot90(film, 3, (-2, -1)),
}


@dataclass(frozen=True, slots=True)
class Copy:
    """Films that show one picture.

    Attributes:
        films: Their positions: all films with the same pixels, or a pair.
        exact: Whether their pixels are the same.
        turn: The turn that makes the second film equal to the first, a key of `TURNS`.
        likeness: Correlation at the second comparison, in [-1, 1]; 1.0 if exact.
    """

    films: tuple[int, ...]
    exact: bool
    turn: str
    likeness: float


def copies(
    hashes: Sequence[str], thumbs: NDArray[np.uint8], film: Callable[[int], Film]
) -> tuple[Copy, ...]:
    """Finds exact and near duplicates.

    Args:
        hashes: One per film, equal for equal pixels.
        thumbs: uint8 (n, 32, 32), see `duplicates.thumbnail`.
        film: Returns a film's pixels by its position, uint8 (rows, columns); called for candidates
            only.

    Returns:
        Groups of exact duplicates, then near pairs, the most similar first. Of exact duplicates only
        the first film is compared with others.
    """
    groups = groups_of(hashes)
    exact = [Copy(tuple(g), True, "", 1.0) for g in groups if len(g) > 1]
    first = [g[0] for g in groups]
    originals = details(thumbs[np.array(first, np.intp)])
    squares = originals.reshape(-1, THUMB, THUMB)

    @lru_cache(maxsize=4096)
    def closer(i: int) -> NDArray[np.float32]:
        return local_contrast(film(i))

    best: dict[tuple[int, int], Copy] = {}
    for turn, turned in TURNS.items():
        other = np.ascontiguousarray(turned(squares)).reshape(originals.shape)
        for a, b, _ in alike_pairs(originals, other, CANDIDATE):
            pair = first[a], first[b]
            alike = likeness(closer(pair[0]), np.ascontiguousarray(turned(closer(pair[1]))))
            if alike >= SAME and (pair not in best or alike > best[pair].likeness):
                best[pair] = Copy(pair, False, turn, round(alike, 3))
    return (*exact, *sorted(best.values(), key=lambda copy: -copy.likeness))


def copies_among(entries: Sequence[Entry], reading: Reading) -> tuple[Copy, ...]:
    """The copies among films that were read.

    Args:
        entries: The films of the reading.
        reading: Gives hashes and thumbnails.
    """
    return copies(reading.hashes, reading.thumbs, lambda i: film_of(entries[i].path))


def likeness(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Best correlation of two films' details over small shifts, in [-1, 1]."""
    inner = second[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT]
    if not first.any() or not inner.any():  # blank films have no details
        return 0.0
    return float(cv2.matchTemplate(first, inner, cv2.TM_CCOEFF_NORMED).max())


def local_contrast(film: Film) -> NDArray[np.float32]:
    """A film minus its local mean, float32 (64, 64)."""
    small = cv2.resize(film, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return small - cv2.blur(small, (_BOX, _BOX), borderType=cv2.BORDER_REPLICATE)


def united(keys: Sequence[str], duplicates: Sequence[Copy]) -> list[int]:
    """Groups of films that must stay together: films with the same key, and copies of each other.

    Args:
        keys: Patient of each film.
        duplicates: Their positions refer to ``keys``.

    Returns:
        A number per film, equal within a group.
    """
    first_with: dict[str, int] = {}
    links = [(i, first_with.setdefault(key, i)) for i, key in enumerate(keys)]
    links += [(i, copy.films[0]) for copy in duplicates for i in copy.films[1:]]
    return list(unions.united(range(len(keys)), links).values())
