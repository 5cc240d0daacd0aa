"""Black and white of samples whose file does not say what they are.

A TIFF gives the kind of its samples, but a film of 12 bits may lie in 16, 32 or 64 of them, as
integers or floats, and may have been multiplied or moved on its way. What its values have in common
tells more: see `scaled`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.images.grey_range import grey_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEPTHS = (8, 10, 12, 14)
"""Bits of detectors whose films are kept in 16-bit files."""
_FEW = 64
"""Different values below which a picture is no film, and a common factor means nothing."""
_LEAST = 127
"""A brighter film of floats counts grey levels; darker ones may be multiples of anything."""
_WHOLE = 0.99
"""Share of a type's largest value from which on a film was stretched over the type, at both ends."""
_BINS = 65536


def scaled(stored: NDArray[Any]) -> tuple[NDArray[np.float32], int]:
    """Samples in [0, 1], by the first of these rules that fits:

    - Floats in [0, 1] are taken as they are, and those in [-1, 1] that begin at -1 are moved.
    - Values from 0 to 65,535, and floats that exceed 127 among them: white is that of the smallest
      usual depth (8, 10, 12, 14 or 16 bits) that holds the brightest pixel.
    - Integers from -128, -512, -2048, -8192 or -32768 on: the same depths, with 0 moved there.
    - Larger integers with a common factor: what remains without it, as above. Without one, from half
      of what their type holds on: white is the largest value of the type.
    - Anything else: the range that the film uses, without what is burnt in, as in a DICOM film
      without a window.

    Args:
        stored: (rows, columns), integers or floats of any size. What is not finite becomes black.

    Returns:
        float32 (rows, columns), and the bits that one sample uses.
    """
    bits = 32 if stored.dtype.kind == "f" else 16
    if stored.dtype.kind == "f":
        stored = _finite(stored.astype(np.float32))
    low, high = stored.min(), stored.max()
    if stored.dtype.kind == "f" and low >= 0 and high <= 1:
        return stored, bits
    if stored.dtype.kind == "f" and -1 <= low < -0.9 and high <= 1 and _is_film(stored):
        return (stored + np.float32(1)) / np.float32(2), bits
    if low >= 0 and high <= 65535:
        if stored.dtype.kind != "f":
            return _by_depth(stored, int(high))
        if high > _LEAST and _is_film(stored):
            return _by_depth(stored, float(high))[0], bits
    elif stored.dtype.kind != "f":
        bits = 16 if high <= 65535 else 32
        moved = _without_offset_or_factor(stored, int(low), int(high))
        if moved is not None:
            return _by_depth(moved, int(moved.max()))[0], bits
        most = np.iinfo(stored.dtype).max
        if low >= 0 and most / 2 < high < _WHOLE * most and _is_film(stored):
            return (stored / most).astype(np.float32), bits
    return _used(stored.astype(np.float64), float(low), float(high)), bits


def _finite(stored: NDArray[np.float32]) -> NDArray[np.float32]:
    finite = np.isfinite(stored)
    if not finite.any():
        raise ValueError("no finite pixel")
    return np.where(finite, stored, stored[finite].min())


def _is_film(stored: NDArray[Any]) -> bool:
    return len(np.unique(stored)) >= _FEW


def _by_depth(stored: NDArray[Any], high: float) -> tuple[NDArray[np.float32], int]:
    """By the smallest usual depth that holds the brightest pixel; int16 has 15 bits for it."""
    largest = 15 if stored.dtype == np.int16 else 16
    bits = next((depth for depth in _DEPTHS if high < 1 << depth), largest)
    return np.divide(stored, np.float32((1 << bits) - 1), dtype=np.float32), bits


def _without_offset_or_factor(
    stored: NDArray[np.integer[Any]], low: int, high: int
) -> NDArray[np.int64] | None:
    """The values before they were moved or multiplied; None if nothing tells of it."""
    if low < 0:
        half = -low
        is_offset = half in [1 << bits - 1 for bits in (*_DEPTHS, 16)] and high < half
        return stored.astype(np.int64) + half if is_offset and _is_film(stored) else None
    if high >= _WHOLE * np.iinfo(stored.dtype).max:
        return None
    factor = int(np.gcd.reduce(stored.ravel()))
    is_factor = factor > 1 and _LEAST < high // factor <= 65535
    return (stored // factor).astype(np.int64) if is_factor and _is_film(stored) else None


def _used(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float32]:
    """The range that the film uses becomes [0, 1]."""
    if high > low:
        counts = np.bincount(
            ((values - low) * ((_BINS - 1) / (high - low))).astype(np.intp).ravel(), minlength=_BINS
        )
        first, last = grey_range(counts)
        step = (high - low) / (_BINS - 1)
        # The ends themselves, where nothing is burnt in.
        low, high = (
            low if first == 0 else low + first * step,
            high if last == _BINS - 1 else low + (last + 1) * step,
        )
    span = high - low or 1.0
    return np.clip((values - low) / span, 0, 1).astype(np.float32)
