"""Which bits of a stored word belong to the film (PS3.5 8.1.1), their order and their sign.

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

_USUAL_MOVE = 1024
"""Value of water in CT, by which programs move films too."""
_FEW = 32
"""Different values that a film has at least on either side of the sign bit; a burnt-in text has one."""
_ROW_STEP = 8
"""One row in so many tells whether the sign is right."""
_ROWS = 64
"""Rows that tell whether the order of the bytes is right, at least."""
_NOISE = 4.0
"""How much rougher a film is whose bytes are in the wrong order, at least: the lowest bits are noise."""


def film_values(words: NDArray[Any], width: int, head: Header) -> NDArray[Any]:
    """The film's values in decoded words.

    Args:
        words: Integers (rows, columns), or (rows, columns, 3), as a decoder returned them.
        width: Bits of a word that carry anything: Bits Allocated, or the precision of a codestream.
        head: The film's header.

    Returns:
        Integers of the same shape. They are negative only in grey, and if Pixel Representation
        (0028,0103) is 1, or if the film has no jumps only with a sign: some headers have the wrong one.
    """
    bits = min(head.stored_bits, width)
    if _is_swapped(words, bits, width):
        words = words.byteswap()
    is_grey = words.ndim == 2  # colour has no sign (PS3.3 C.7.6.3.1.2), though some headers say so
    is_sign_wrong = is_grey and _is_sign_wrong(words, bits, width, head)
    signed = is_grey and (head.short(tags.SIGNED) == 1) != is_sign_wrong
    whole = _signed(words, width) if signed else _unsigned(words, width)
    if signed and is_sign_wrong and _is_moved(whole, words, bits, 1 << (bits - 1), head):
        return whole.astype(np.int32) + (1 << (bits - 1))
    if is_grey and not signed and bits < width:
        moved = _without_move(words, bits, width, head)
        if moved is not None:
            return moved
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


def _is_swapped(words: NDArray[Any], bits: int, width: int) -> bool:
    """Whether the bytes of each word are in the wrong order: RLE of some writers begins with the low ones.

    Then the film is noise, and in the other order it is none.
    """
    if words.dtype.itemsize != 2 or width != 16 or bits <= 8:
        return False
    rows = _unsigned(words[:: max(_ROW_STEP, len(words) // _ROWS)], width)
    if bits < width and (rows.max() < 1 << bits or _repeats_sign(rows, bits, width)):
        return False
    stated, other = (_relative_roughness(values) for values in (rows, rows.byteswap()))
    return stated > _NOISE * other


def _relative_roughness(values: NDArray[Any]) -> float:
    """Sum of the steps along rows, in shares of the range."""
    wide = values.astype(np.int32)
    return float(np.abs(np.diff(wide, axis=1)).sum() / (int(wide.max()) - int(wide.min()) or 1))


def _is_sign_wrong(words: NDArray[Any], bits: int, width: int, head: Header) -> bool:
    """Whether the film jumps only if its words are read with the header's sign.

    Only where all bits are the film's, or where those above repeat a sign that the header denies.
    """
    is_signed = head.short(tags.SIGNED) == 1
    is_stated = words.dtype.kind == "i"  # by a JPEG 2000 codestream
    if bits < width and (is_signed or not _repeats_sign(words, bits, width)):
        return False
    if bits <= 8 and not is_stated:
        return False
    unsigned = _unsigned(words[::_ROW_STEP], width)
    above = unsigned >= 1 << (width - 1)
    if not above.any() or above.all():
        return False
    if min(len(np.unique(unsigned[above])), len(np.unique(unsigned[~above]))) < _FEW:
        return False
    with_sign, without = (
        np.abs(np.diff(values.astype(np.int64), axis=1)).sum()
        for values in (_signed(unsigned, width), unsigned)
    )
    stated, other = (with_sign, without) if is_signed else (without, with_sign)
    return bool((1 if is_stated else 2) * other < stated)


def _repeats_sign(words: NDArray[Any], bits: int, width: int) -> bool:
    """Whether all bits above the film's are those of a negative number, in some words and not in others."""
    values, half = _signed(words, width), 1 << (bits - 1)
    return bool(-half <= values.min() < 0 <= values.max() < half)


def _without_move(
    words: NDArray[Any], bits: int, width: int, head: Header
) -> NDArray[np.int32] | None:
    """The values of a film without a sign that its JPEG 2000 encoder moved down by less than half of its range.

    Nothing says by how much: by 1024, the usual move, if the film was between 0 and white then, else by
    the least possible one.

    Returns:
        None if the codestream states no sign, or the film does not need it.
    """
    if words.dtype.kind != "i":  # stated by a JPEG 2000 codestream
        return None
    values = _signed(words, width).astype(np.int32)
    least, greatest, white = int(values.min()), int(values.max()), (1 << bits) - 1
    if least >= 0 or greatest - least > white or max(-least - 1, greatest) <= white >> 1:
        return None
    if _roughness(values) >= _roughness(_unsigned(words, width) & white):
        return None
    is_usual = -least <= _USUAL_MOVE <= white - greatest
    move = _USUAL_MOVE if is_usual else -least
    return values + move if _is_moved(values, words, bits, move, head) else values


def _is_moved(
    values: NDArray[Any], words: NDArray[Any], bits: int, move: int, head: Header
) -> bool:
    """Whether a film without a sign was moved down, as its JPEG 2000 encoder saw a signed one.

    A film of 8 bits has no other reason to be negative. Of a deeper one the window tells.
    """
    if bits <= 8:
        return True
    center, width = head.number(tags.CENTER, 0), head.number(tags.WIDTH, 0)
    if words.dtype.kind != "i" or width <= 0:
        return False
    slope = head.number(tags.SLOPE, 1) or 1
    distance = values * slope + (head.number(tags.INTERCEPT, 0) - center)
    as_stored = np.count_nonzero(np.abs(distance) <= width / 2)
    moved = np.count_nonzero(np.abs(distance + slope * move) <= width / 2)
    return bool(moved > as_stored)


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
