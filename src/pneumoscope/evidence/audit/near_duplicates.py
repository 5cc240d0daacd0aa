"""Pictures that stand in a set more than once, also saved another way, resized or mirrored.

`data.duplicates` asks for a high likeness of thumbnails. Here a low one makes a candidate, and a
second look at more pixels decides, so that copies that were moved or equalised are found as well,
and mirrored and turned ones, without calling look-alikes copies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pneumoscope.data.duplicates import THUMB, alike_pairs, details, groups_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Film = NDArray[np.uint8]

CANDIDATE = 0.75
"""Least correlation of the details of two thumbnails for a second look."""
SAME = 0.82
"""Least correlation at the second look. On the Kermany set's 5,206 distinct films, the pair that comes
nearest reaches 0.77 (0.88 at the first look), mirrored or not; 300 of them against themselves reach 0.852 or
more after JPEG at quality 10, a third of the size, gamma 0.6 or 1.5, noise of 10 grey levels, CLAHE, or
a shift by 4 of 224 pixels. A cut of 2 % per edge (0.71) or a turn by 2 degrees (0.77) is not found."""
_SIDE, _BOX, _SHIFT = 64, 7, 3  # of the second look, in pixels

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
        films: Their positions: all with the same pixels, or a pair.
        exact: Whether their pixels are the same.
        turn: How the second must be turned to be the first: a key of `TURNS`.
        likeness: Correlation at the second look, in [-1, 1]; 1.0 if exact.
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
        film: Gives a film's pixels by its position, uint8 (rows, columns); asked for candidates only.

    Returns:
        Groups of exact duplicates, then near pairs with the most alike first. Of exact duplicates
        only the first film is looked at for near ones.
    """
    groups = groups_of(hashes)
    exact = [Copy(tuple(g), True, "", 1.0) for g in groups if len(g) > 1]
    first = [g[0] for g in groups]
    own = details(thumbs[np.array(first, np.intp)])
    squares = own.reshape(-1, THUMB, THUMB)

    @lru_cache(maxsize=4096)
    def closer(i: int) -> NDArray[np.float32]:
        return _second_look(film(i))

    best: dict[tuple[int, int], Copy] = {}
    for turn, turned in TURNS.items():
        other = np.ascontiguousarray(turned(squares)).reshape(own.shape)
        for a, b, _ in alike_pairs(own, other, CANDIDATE):
            pair = first[a], first[b]
            alike = likeness(closer(pair[0]), np.ascontiguousarray(turned(closer(pair[1]))))
            if alike >= SAME and (pair not in best or alike > best[pair].likeness):
                best[pair] = Copy(pair, False, turn, round(alike, 3))
    return (*exact, *sorted(best.values(), key=lambda copy: -copy.likeness))


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Best correlation of two films' details over small shifts, in [-1, 1]."""
    inner = other[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT]
    if not one.any() or not inner.any():  # blank films have no details
        return 0.0
    return float(cv2.matchTemplate(one, inner, cv2.TM_CCOEFF_NORMED).max())


def _second_look(film: Film) -> NDArray[np.float32]:
    """A film less its surroundings, float32 (64, 64)."""
    small = cv2.resize(film, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return small - cv2.blur(small, (_BOX, _BOX), borderType=cv2.BORDER_REPLICATE)


def united(keys: Sequence[str], found: Sequence[Copy]) -> list[int]:
    """Groups of films that must stay together: those with one key, and copies of each other.

    Args:
        keys: Patient of each film.
        found: Positions refer to ``keys``.

    Returns:
        A number per film, equal within a group.
    """
    parent = list(range(len(keys)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    seen: dict[str, int] = {}
    for i, key in enumerate(keys):
        parent[root(i)] = root(seen.setdefault(key, i))
    for copy in found:
        for i in copy.films[1:]:
            parent[root(i)] = root(copy.films[0])
    return [root(i) for i in range(len(keys))]
