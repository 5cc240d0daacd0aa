"""Grey levels of samples as a file stores them, for layouts of which Pillow drops or misreads something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from pneumoscope.errors import UnsupportedCoding
from pneumoscope.images.raster_grey import luminance
from pneumoscope.images.sample_range import scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grey = tuple[NDArray[Any], int, float]
    """What `raster_grey.luminance` returns."""

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6  # TIFF 6.0, section 8
_ALPHA = 2  # of ExtraSamples: the colours are not multiplied by it; TIFF 6.0, section 18
_WHOLE = 0.99
"""Share of a type's largest value from which on white is that value."""


class Meaning(NamedTuple):
    """What the samples of a pixel are, in the words of TIFF 6.0.

    Attributes:
        photometric: 0 white is zero, 1 black is zero, 2 RGB, 3 palette, 6 YCbCr; others are not
            supported.
        bits: Bits of a sample in the file.
        extra: The meaning of each sample beyond the colours: 1 alpha that the colours are multiplied
            by, 2 alpha that they are not, 0 anything.
        colour_map: All reds of a palette, then all greens and all blues, of 16 bits.
    """

    photometric: int
    bits: int
    extra: tuple[int, ...] = ()
    colour_map: tuple[int, ...] = ()


def luminance_of_samples(stored: NDArray[Any], meaning: Meaning, name: str) -> Grey:
    """As `raster_grey.luminance`, from samples.

    Args:
        stored: (rows, columns, samples), of any integer or floating kind.
        meaning: What they are.
        name: What to call the film in messages.

    Raises:
        UnsupportedCoding: The samples have another meaning, or colour is deeper than 16 bits.
    """
    colours = 3 if meaning.photometric in (_RGB, _YCBCR) else 1
    count = stored.shape[2]
    known = (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR)
    if meaning.photometric not in known or count < colours:
        raise UnsupportedCoding(name, f"TIFF of photometric interpretation {meaning.photometric}")
    extra = enumerate(meaning.extra, colours)
    alpha = next((i for i, kind in extra if kind == _ALPHA and i < count), None)
    if alpha is not None and (stored[:, :, alpha] == stored[0, 0, alpha]).all():
        alpha = None  # it says nothing: some writers leave it 0 everywhere
    if meaning.photometric == _PALETTE:
        return _of_palette(stored[:, :, 0], meaning, name)
    if colours == 3:
        return _of_colours(stored, meaning, alpha, name)
    pixels, bits = _of_grey(stored[:, :, 0], meaning)
    if alpha is not None:
        opaque = 1.0 if stored.dtype.kind == "f" else float(np.iinfo(stored.dtype).max)
        pixels = pixels * np.clip(stored[:, :, alpha] / opaque, 0, 1).astype(np.float32)
    return pixels, bits, 0.0


def _of_grey(grey: NDArray[Any], meaning: Meaning) -> tuple[NDArray[np.float32], int]:
    """Grey in [0, 1], and the bits that a sample uses."""
    bits, is_inverse = meaning.bits, meaning.photometric == _WHITE_IS_ZERO
    if grey.dtype.kind == "u" and (bits <= 8 or bits < 8 * grey.dtype.itemsize):
        pixels = np.divide(grey, np.float32((1 << bits) - 1), dtype=np.float32)
    else:
        if is_inverse and grey.dtype.kind == "u" and bits >= 32:
            most = np.iinfo(grey.dtype).max
            if grey.max() >= _WHOLE * most:  # black is the largest value, so white is 0
                grey, is_inverse = most - grey, False
        pixels, used = scaled(grey)
        bits = bits if grey.dtype.kind == "f" else used
    return 1 - pixels if is_inverse else pixels, bits


def _of_colours(stored: NDArray[Any], meaning: Meaning, alpha: int | None, name: str) -> Grey:
    """RGB or YCbCr. Deep colours are cut to the highest 8 bits that the film uses."""
    if stored.dtype not in (np.uint8, np.uint16) or meaning.bits < 8:
        raise UnsupportedCoding(name, f"TIFF in colour with {meaning.bits} bits per sample")
    levels = stored[:, :, :3]
    if stored.dtype == np.uint16:
        used = meaning.bits if meaning.bits < 16 else max(8, int(levels.max()).bit_length())
        levels = (levels >> (used - 8)).astype(np.uint8)
    if meaning.photometric == _YCBCR:
        return luminance(Image.fromarray(np.ascontiguousarray(levels), "YCbCr"))
    if alpha is not None:
        opacity = stored[:, :, alpha, None] >> (8 * stored.dtype.itemsize - 8)
        levels = np.concatenate([levels, opacity.astype(np.uint8)], axis=2)
    return luminance(Image.fromarray(np.ascontiguousarray(levels)))


def _of_palette(index: NDArray[Any], meaning: Meaning, name: str) -> Grey:
    """Indices into a palette of 16 bits, or of 8 bits in 16, against section 5 but common."""
    entries = np.array(meaning.colour_map, np.uint16).reshape(3, -1).T
    if index.dtype.kind != "u" or not len(entries) or index.max() >= len(entries):
        raise UnsupportedCoding(name, "TIFF with a palette that is incomplete")
    levels = (entries if entries.max() < 256 else entries >> 8).astype(np.uint8)
    return luminance(Image.fromarray(levels[index]))
