"""Films that occur twice in a set: the same pixels, or the same picture saved differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pneumoscope.data.films import FilmSet

THUMB = 32
"""Side of a thumbnail in pixels."""
ALIKE = 0.9
"""Least correlation of the details of two thumbnails of one picture. No two of the 5,190 distinct
training films of the Kermany set reach it (largest 0.883, then 0.827), while 400 of them, compared
with themselves, stay above it after JPEG at quality 30 (0.994), half the size (0.997), gamma 1.5
(0.955), a shift by one pixel of 224 (0.960) and CLAHE (0.917). Plain correlation of thumbnails cannot
separate them: it reaches 0.975 between different films."""
_ROWS = 512  # films that are compared with all others at once


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Films that show the same picture.

    Attributes:
        films: Their positions: any number with the same pixels, or a near pair.
        exact: Whether the pixels at the cached size are the same.
        correlation: Correlation of the details of their thumbnails; 1.0 if exact.
    """

    films: tuple[int, ...]
    exact: bool
    correlation: float


def of(films: FilmSet) -> tuple[Duplicate, ...]:
    """The duplicates of a film set, see `duplicates`."""
    thumbs = np.stack([thumbnail(film) for film in films.pixels])
    return duplicates([film.sha256 for film in films.films], thumbs)


def across(duplicate: Duplicate, values: Sequence[object]) -> bool:
    """Whether the films of a duplicate differ in a property, such as their split or class.

    Args:
        duplicate: Films.
        values: The property of each film of the whole set.
    """
    return len({values[i] for i in duplicate.films}) > 1


def thumbnail(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A small copy of a film for `duplicates`.

    Args:
        film: uint8 (rows, columns).

    Returns:
        uint8 (32, 32), means over equal parts.
    """
    from PIL import Image

    small = Image.fromarray(film).resize((THUMB, THUMB), Image.Resampling.BOX)
    return np.array(small, np.uint8)


def duplicates(hashes: Sequence[str], thumbs: NDArray[np.uint8]) -> tuple[Duplicate, ...]:
    """Finds exact duplicates by hash, and near ones by the details of their thumbnails.

    Every film is compared with every other: a fingerprint that would save comparisons finds most
    chests alike. Cropped, rotated, mirrored or overwritten copies are not found.

    Args:
        hashes: One per film, equal for equal pixels.
        thumbs: uint8 (n, 32, 32), see `thumbnail`.

    Returns:
        Groups of exact duplicates, then near pairs, the most similar first. Only the first film of
        a group is compared with other films.
    """
    groups = groups_of(hashes)
    exact = [Duplicate(tuple(g), True, 1.0) for g in groups if len(g) > 1]
    first = np.array([g[0] for g in groups], np.intp)
    vectors = details(thumbs[first])
    near = [
        Duplicate((int(first[a]), int(first[b])), False, round(alike, 3))
        for a, b, alike in alike_pairs(vectors, vectors, ALIKE)
    ]
    return (*exact, *sorted(near, key=lambda d: -d.correlation))


def groups_of(hashes: Sequence[str]) -> list[list[int]]:
    """Positions with the same hash, in the order of each hash's first film."""
    groups: dict[str, list[int]] = {}
    for i, digest in enumerate(hashes):
        groups.setdefault(digest, []).append(i)
    return list(groups.values())


def alike_pairs(
    vectors: NDArray[np.float32], other: NDArray[np.float32], least: float
) -> Iterator[tuple[int, int, float]]:
    """Pairs a < b whose ``vectors[a]`` and ``other[b]`` correlate.

    Args:
        vectors: float32 (n, 1024), see `details`.
        other: The same films, or their mirror images.
        least: Correlation, in [-1, 1].
    """
    for start in range(0, len(vectors), _ROWS):
        alike = vectors[start : start + _ROWS] @ other[start:].T
        # The upper triangle: each pair once, no film with itself.
        for a, b in np.argwhere(np.triu(alike >= least, 1)):
            yield start + int(a), start + int(b), float(alike[a, b])


def details(thumbs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Thumbnails less their mean over 5 x 5 pixels, as unit vectors: float32 (n, 1024).

    All chests share their large shapes; ribs, vessels and markers distinguish them.

    Args:
        thumbs: uint8 (n, 32, 32).
    """
    parts = [_details(thumbs[i : i + _ROWS]) for i in range(0, len(thumbs), _ROWS)]
    return np.concatenate(parts) if parts else np.zeros((0, THUMB * THUMB), np.float32)


def _details(thumbs: NDArray[np.uint8]) -> NDArray[np.float32]:
    films = thumbs.astype(np.float32)
    sums = np.pad(films, ((0, 0), (3, 2), (3, 2)), mode="edge").cumsum(1).cumsum(2)
    boxes = sums[:, 5:, 5:] - sums[:, :-5, 5:] - sums[:, 5:, :-5] + sums[:, :-5, :-5]
    flat = (films - boxes / 25).reshape(len(films), -1)
    flat -= flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
