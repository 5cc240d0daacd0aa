"""Which bits of a stored word belong to the film (PS3.5 8.1.1), and their sign.

Bits above Bits Stored may be anything: an overlay of old (60xx,0102), or what was in the memory of
the writer. But headers also state fewer bits than the film uses. The pixels tell the two apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import pneumoscope.images.dicom_tags as tags

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.images.header import Header

_FEW = 32
"""Different values that a film has at least on either side of the sign bit; a burnt-in text has one."""
_ROW_STEP = 8
"""One row in so many tells whether the sign is right."""


def film_values(words: NDArray[Any], width: int, head: Header) -> NDArray[Any]:
    """The film's values in decoded words.

    Args:
        words: Integers (rows, columns), or (rows, columns, 3), as a decoder returned them.
        width: Bits of a word that carry anything: Bits Allocated, or the precision of a codestream.
        head: The film's header.

    Returns:
        Integers of the same shape. They are negative only if Pixel Representation (0028,0103) is 1,
        or if the film has no jumps only with a sign: some headers have the wrong one.
    """
    bits = min(head.stored_bits, width)
    signed = (head.short(tags.SIGNED) == 1) != _is_sign_wrong(words, bits, width, head)
    whole = _signed(words, width) if signed else _unsigned(words, width)
    if bits == width:
        return whole
    least, greatest = (
        (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    )
    if whole.min() >= least and whole.max() <= greatest:
        return whole  # High Bit (0028,0102) may be wrong: nothing lies above Bits Stored
    unsigned = _unsigned(words, width)
    high = head.short(tags.HIGH_BIT)
    shift = high + 1 - bits if high is not None and bits <= high < width else 0
    cut = unsigned >> shift & ((1 << bits) - 1)
    masked = _signed(cut, bits) if signed else cut
    if not shift and _roughness(whole) < _roughness(masked):
        return whole  # the header understates Bits Stored
    padding = head.padding
    if padding is not None and (padding[1] < least or padding[0] > greatest):
        is_padding = (whole >= padding[0]) & (whole <= padding[1])
        masked = np.where(is_padding, whole, masked.astype(whole.dtype))
    return masked


def _is_sign_wrong(words: NDArray[Any], bits: int, width: int, head: Header) -> bool:
    """Whether all bits are the film's, and it jumps only if they are read with the header's sign."""
    if bits < width or bits <= 8:
        return False
    unsigned = _unsigned(words[::_ROW_STEP], width)
    half = 1 << (bits - 1)
    above = unsigned >= half
    if not above.any() or above.all():
        return False
    if min(len(np.unique(unsigned[above])), len(np.unique(unsigned[~above]))) < _FEW:
        return False
    with_sign, without = (
        np.abs(np.diff(values.astype(np.int64), axis=1)).sum()
        for values in (_signed(unsigned, width), unsigned)
    )
    stated, other = (with_sign, without) if head.short(tags.SIGNED) == 1 else (without, with_sign)
    return bool(2 * other < stated)


def _unsigned(words: NDArray[Any], width: int) -> NDArray[Any]:
    """Words as unsigned integers; a decoder that knows a sign has extended it."""
    if words.dtype.kind == "u":
        return words
    kind = np.dtype(f"u{words.dtype.itemsize}")
    unsigned = words.astype(words.dtype.newbyteorder("=")).view(kind)
    return unsigned if width >= 8 * kind.itemsize else unsigned & kind.type((1 << width) - 1)


def _signed(words: NDArray[Any], width: int) -> NDArray[Any]:
    """Words in two's complement of ``width`` bits."""
    unsigned = np.ascontiguousarray(_unsigned(words, width))
    unsigned = unsigned.astype(unsigned.dtype.newbyteorder("="), copy=False)
    size = unsigned.dtype.itemsize
    unused = 8 * size - width
    values = unsigned.view(np.dtype(f"i{size}"))
    return values << unused >> unused if unused else values


def _roughness(values: NDArray[Any]) -> float:
    """Sum of the steps between neighbours.

    A film that is cut to too few bits jumps from its greatest value to 0 wherever it is
    bright. Foreign bits above a film add jumps of their own.
    """
    wide = values.astype(np.int64)
    return float(np.abs(np.diff(wide, axis=0)).sum() + np.abs(np.diff(wide, axis=1)).sum())
