"""Grey levels of raster images of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

from pneumoscope.images.sample_range import scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLOUR_TOLERANCE = 8
"""Grey levels of 255 by which channels, or chroma from its centre, may stray in a grey film: JPEG's
quantisation leaves a few."""
COLOUR_CAST = 3
"""Levels by which they may differ on average: chroma that is rounded to the wrong level everywhere makes
3. Of 32 colour photographs of films, drawn to test it, whose chroma stays within the tolerance, 23 differ
by more. None of 15,211 films does, but nearly all of these were stored in grey again by their collectors."""
_FAINT = 0.5
"""Levels by which both chroma channels may stray on average and never make `COLOUR_CAST`: blue and green differ
by at most (1.772 + 0.344) |Cb| + 0.714 |Cr| + 1.5 (ITU-T T.871, 7; 1.5 for rounding), red and green by less."""

DEEP_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N")
"""Pillow's modes of integers above 8 bits."""


def tint_of_chroma(image: Image.Image) -> float:
    """The tint, see `FilmFacts`.

    Args:
        image: A picture of mode YCbCr.
    """
    chroma = image.split()[1:]
    most = max(abs(extreme - 128) for band in chroma for extreme in _extrema(band))
    if most == 0 or (most <= COLOUR_TOLERANCE and all(map(_is_faint, chroma))):
        return 0.0  # most films that are stored in colour: the conversion below would be in vain
    return tint_of(most, _differences(image.convert("RGB"))[1])


def _is_faint(chroma: Image.Image) -> bool:
    """Whether a chroma channel strays from its centre by at most `_FAINT` levels on average."""
    counts = np.array(chroma.histogram())
    return bool(np.abs(np.arange(256) - 128) @ counts <= _FAINT * counts.sum())


def tint_of(most: float, mean: float) -> float:
    """The tint, see `FilmFacts`; 0 if it is but the noise of JPEG.

    Args:
        most: Levels by which channels differ at most, or chroma from its centre.
        mean: Levels by which red or blue differs from green on average.
    """
    return mean / 255 if most > COLOUR_TOLERANCE or mean > COLOUR_CAST else 0.0


def luminance(image: Image.Image) -> tuple[NDArray[Any], int, float]:
    """Luminance, bits per sample, and the tint.

    Args:
        image: A loaded picture of any of Pillow's modes.

    Returns:
        (rows, columns), uint8 if the film has 8-bit grey levels, else float32 in [0, 1]: ITU-R 601-2
        luma, as Pillow's mode L, with what is transparent on black; bits per sample; the tint, see
        `FilmFacts`.
    """
    mode = image.mode
    if mode == "L" and "transparency" not in image.info:
        return _levels(image), 8, 0.0
    if mode == "1":
        return _levels(image.convert("L")), 1, 0.0
    if mode == "YCbCr":
        return _levels(image.getchannel("Y")), 8, tint_of_chroma(image)
    if mode in DEEP_MODES:
        return *scaled(np.asarray(image).astype(np.int32)), 0.0
    if mode == "F":
        return *scaled(np.asarray(image)), 0.0
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or image.has_transparency_data:
        if mode in ("La", "RGBa"):
            image = image.convert(mode[:-1] + "A")
        image = image.convert("RGBA")
        grey = _unit(image.convert("RGB").convert("L"))
        low, high = _extrema(image.getchannel("A"))
        if low < high:
            grey = grey * _unit(image.getchannel("A"))
        return grey, 8, 0.0 if mode in ("LA", "La", "L") else _tint(image)
    rgb = image if mode == "RGB" else image.convert("RGB")
    return _levels(rgb.convert("L")), 8, _tint(rgb)


def _levels(image: Image.Image) -> NDArray[np.uint8]:
    return np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, image.width)


def _unit(image: Image.Image) -> NDArray[np.float32]:
    """8-bit grey as float32 in [0, 1]; multiplied by 255 it gives the stored value again."""
    return np.divide(_levels(image), np.float32(255), dtype=np.float32)


def _extrema(band: Image.Image) -> tuple[int, int]:
    low, high = cast("tuple[int, int]", band.getextrema())
    return int(low), int(high)


def _tint(image: Image.Image) -> float:
    return tint_of(*_differences(image))


def _differences(image: Image.Image) -> tuple[int, float]:
    """How far red and blue differ from green: the greatest difference, and the greater mean, in levels."""
    from PIL import ImageChops, ImageStat

    red, green, blue = image.split()[:3]
    differences = [ImageChops.difference(green, other) for other in (red, blue)]
    most = max(_extrema(difference)[1] for difference in differences)
    return most, max(float(ImageStat.Stat(d).mean[0]) for d in differences) if most else 0.0
