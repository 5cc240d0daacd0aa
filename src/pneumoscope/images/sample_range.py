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

_DEPTHS = range(8, 16)
"""Bits of films that are kept in 16-bit files."""
_FILLED = 0.75
"""Share of an odd depth that its films use at least: few detectors have such a depth."""
_OFFSETS = tuple(1 << bits for bits in range(7, 16))
"""What signed storage, and scanners with -1024 for air, subtract from values that begin at 0."""
_UNSIGNED_OFFSET = 1 << 15
"""ImageJ adds it to signed values of 16 bits."""
_FEW = 64
"""Different values below which a picture is no film, and a common factor means nothing."""
_SOME = 101
"""One of so many pixels is looked at first."""
_LEAST = 127
"""A brighter film of floats counts grey levels; darker ones may be multiples of anything."""
_OVERSHOOT = 0.1
"""Share of the range by which resampling with negative weights may leave it."""
_WHOLE = 0.99
"""Share of a type's largest value from which on a film was stretched over the type, at both ends."""
_BINS = 65536


class NoFinitePixel(ValueError):
    """All samples are infinite or no numbers."""


def scaled(stored: NDArray[Any]) -> tuple[NDArray[np.float32], int]:
    """Samples in [0, 1], by the first of these rules that fits:

    - A negative value further below all others than they are apart means "no data", and is black.
    - Floats in [0, 1] are taken as they are; those in [-1, 1] and [-0.5, 0.5] that begin at the lower
      end are moved; those that leave [0, 1] or [0, 255] by less than a tenth are cut there.
    - Whole floats are taken as integers.
    - Values from 0 to 65,535, and floats that exceed 127 among them: white is that of the smallest
      depth (8 to 16 bits) that holds the brightest pixel. A film must use three quarters of an odd
      one.
    - Integers from -128, -256, -512 ... -32768 on: the same depths, with 0 moved there; also those
      of at most 14 bits that were moved up by 32,768.
    - Larger integers with a common factor: what remains without it, as above. Without one, from half
      of what their type holds on: white is the largest value of the type.
    - Anything else: the range that the film uses, without what is burnt in, as in a DICOM film
      without a window.

    Args:
        stored: (rows, columns), integers or floats of any size. What is not finite becomes black.

    Returns:
        float32 (rows, columns), and the bits that one sample uses.
    """
    if stored.dtype.kind == "f":
        return _of_floats(_finite(stored)), 32
    stored = _without_no_data(stored)
    low, high = int(stored.min()), int(stored.max())
    if low >= 0 and high <= 65535:
        return _by_depth(_without_unsigned_offset(stored, low, high))
    bits = 16 if high <= 65535 else 32
    moved = _without_offset_or_factor(stored, low, high)
    if moved is not None:
        return _by_depth(moved)[0], bits
    most = np.iinfo(stored.dtype).max
    if low >= 0 and most / 2 < high < _WHOLE * most and _is_film(stored):
        return (stored / most).astype(np.float32), bits
    return _used(stored.astype(np.float64), float(low), float(high)), bits


def _of_floats(stored: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """As `scaled`, from finite floats."""
    stored = _without_no_data(stored)
    low, high = float(stored.min()), float(stored.max())
    if low >= 0 and high <= 1:
        return stored.astype(np.float32)
    if not _is_film(stored):
        return _used(stored.astype(np.float64), low, high)
    for half in (1.0, 0.5):
        if -half <= low < -0.9 * half and high <= half:
            return np.asarray((stored + half) / (2 * half), np.float32)
    if max(-low, high) > _LEAST and np.array_equal(stored, np.rint(stored)):
        return scaled(stored.astype(np.int64))[0]
    for white in (1.0, 255.0):
        if low >= -_OVERSHOOT * white and white / 2 < high <= (1 + _OVERSHOOT) * white:
            return np.asarray(np.clip(stored / white, 0, 1), np.float32)
    if low >= 0 and _LEAST < high <= 65535:
        return _by_depth(stored)[0]
    return _used(stored.astype(np.float64), low, high)


def _finite(stored: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """At least float32, without NaN and infinities."""
    if stored.dtype.itemsize < 4:
        stored = stored.astype(np.float32)
    finite = np.isfinite(stored)
    if not finite.any():
        raise NoFinitePixel("no finite pixel")
    return np.where(finite, stored, stored[finite].min())


def _without_no_data(stored: NDArray[Any]) -> NDArray[Any]:
    """A negative value that stands for "nothing here" becomes 0, or the least of the others."""
    low = stored.min()
    if low >= 0:
        return stored
    others = stored[stored > low]
    if not others.size or not _is_film(others):
        return stored
    least, most = others.min().item(), others.max().item()
    if least - low.item() <= most - least:
        return stored
    return np.where(stored == low, stored.dtype.type(min(least, 0)), stored)


def _is_film(stored: NDArray[Any]) -> bool:
    flat = stored.ravel()
    return len(np.unique(flat[::_SOME])) >= _FEW or len(np.unique(flat)) >= _FEW


def _by_depth(stored: NDArray[Any]) -> tuple[NDArray[np.float32], int]:
    """By the smallest depth that holds the brightest pixel."""
    high = stored.max()
    fitting = (depth for depth in _DEPTHS if high < 1 << depth)
    bits = next(
        (depth for depth in fitting if depth % 2 == 0 or high >= _FILLED * (1 << depth)), 16
    )
    return np.divide(stored, np.float32((1 << bits) - 1), dtype=np.float32), bits


def _without_unsigned_offset(stored: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    is_offset = low >= _UNSIGNED_OFFSET and high < _UNSIGNED_OFFSET + (1 << 14) and _is_film(stored)
    return stored - stored.dtype.type(_UNSIGNED_OFFSET) if is_offset else stored


def _without_offset_or_factor(
    stored: NDArray[np.integer[Any]], low: int, high: int
) -> NDArray[np.int64] | None:
    """The values before they were moved or multiplied; None if nothing tells of it."""
    if low < 0:
        is_offset = -low in _OFFSETS and high - low <= 65535 and _is_film(stored)
        return stored.astype(np.int64) - low if is_offset else None
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
