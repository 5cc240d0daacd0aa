"""From stored DICOM values to grey: the pipeline of PS3.4 N.2, one value at a time.

Modality LUT, VOI LUT or window, presentation LUT and padding map each stored value by itself.
So they are worked out once per value that occurs, and the film is looked up in that table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.images.grey_range import grey_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TABLE_MOST = 2**17  # values; beyond it (32-bit films) the table would be larger than a film
_STEPS = 2**16  # in which the range of such a film is sought


class EveryPixelIsPadding(ValueError):
    """A film without a single pixel that is not padding."""

    def __init__(self) -> None:
        super().__init__("every pixel is padding")


@dataclass(frozen=True, slots=True)
class Lut:
    """A lookup table (PS3.3 C.11.1 and C.11.2).

    Attributes:
        first: Input value that the first entry answers; below it the first entry holds too.
        entries: Output values, int64 (n,).
        bits: Bits of an output value.
    """

    first: int
    entries: NDArray[np.int64]
    bits: int

    def __call__(self, values: Floats) -> Floats:
        index = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        outputs: Floats = self.entries[index.astype(np.int64)].astype(np.float64)
        return outputs

    def range_of(self, ends: Floats) -> Floats:
        """Least and greatest output for inputs between the least and greatest of ``ends``."""
        low, high = np.clip(np.rint(ends) - self.first, 0, len(self.entries) - 1).astype(np.int64)
        used = self.entries[low : high + 1]
        return np.array([used.min(), used.max()], np.float64)


@dataclass(frozen=True, slots=True)
class Window:
    """Window Center (0028,1050), Window Width (0028,1051) and VOI LUT Function (0028,1056)."""

    center: float
    width: float
    function: str = "LINEAR"

    @property
    def is_valid(self) -> bool:
        """PS3.3 C.11.2.1.2: a LINEAR window is at least 1 wide, the others wider than 0."""
        if not np.isfinite([self.center, self.width]).all():
            return False
        return self.width > 0 if self.function in ("LINEAR_EXACT", "SIGMOID") else self.width >= 1

    def __call__(self, values: Floats) -> Floats:
        """Values in [0, 1], by the formulae of PS3.3 C.11.2.1.2.1, C.11.2.1.3.2 and C.11.2.1.3.1."""
        if self.function == "SIGMOID":
            exponent = np.clip(-4 * (values - self.center) / self.width, -700, 700)
            return np.asarray(1 / (1 + np.exp(exponent)))
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        above = values - (self.center - 0.5)
        if self.width == 1:
            return np.asarray(above > 0, np.float64)
        return np.clip(above / (self.width - 1) + 0.5, 0, 1)


@dataclass(frozen=True, slots=True)
class GreyscaleTransform:
    """How stored values become grey.

    Attributes:
        bits: Bits Stored (0028,0101).
        signed: Pixel Representation (0028,0103) is 1, two's complement.
        modality: Modality LUT, or None.
        slope: Rescale Slope (0028,1053), used without a modality LUT.
        intercept: Rescale Intercept (0028,1052).
        voi: VOI LUT, the first window, or None.
        inverse: The lowest value is white.
        padding: Least and greatest stored value outside the image, or None.
    """

    bits: int
    signed: bool = False
    modality: Lut | None = None
    slope: float = 1.0
    intercept: float = 0.0
    voi: Lut | Window | None = None
    inverse: bool = False
    padding: tuple[int, int] | None = None


def grey(stored: NDArray[Any], transform: GreyscaleTransform) -> NDArray[np.float32]:
    """Turns stored values into grey.

    Args:
        stored: Integers (rows, columns).
        transform: How.

    Returns:
        float32 (rows, columns) in [0, 1]; 0 is air-dark, padding too.

    Raises:
        ValueError: Every pixel is padding.
    """
    values, index, transform = _values(stored, transform)
    ends = _span(values, index, transform)
    shades: NDArray[np.float32] = _shade(values, ends, transform).astype(np.float32)
    return shades if index is None else shades[index]


def shown_range(stored: NDArray[Any], transform: GreyscaleTransform) -> tuple[float, float]:
    """The real values that are black and white on a film without a window or VOI LUT.

    Raises:
        ValueError: Every pixel is padding.
    """
    values, index, transform = _values(stored, replace(transform, voi=None))
    ends = _span(values, index, transform)
    real = _screen_ends(transform) if ends is None else real_values(ends, transform)
    return float(real.min()), float(real.max())


def _values(
    stored: NDArray[Any], transform: GreyscaleTransform
) -> tuple[Floats, NDArray[np.int64] | None, GreyscaleTransform]:
    """The values that can occur, and which of them each pixel has; of a 32-bit film all pixels, and None."""
    low, high = int(stored.min()), int(stored.max())
    if high >= 1 << transform.bits:  # the header understates Bits Stored
        transform = replace(transform, bits=high.bit_length())
    if high - low >= _TABLE_MOST:
        return stored.astype(np.float64), None, transform
    index = np.subtract(stored, low, dtype=np.int64)
    return np.arange(low, high + 1, dtype=np.float64), index, transform


def _span(
    values: Floats, index: NDArray[np.int64] | None, transform: GreyscaleTransform
) -> Floats | None:
    """The values that span the range of a film without a window; None if it needs none."""
    if transform.voi is not None or transform.bits <= 8:
        return None
    if index is None:
        return _ends(values, transform)
    counts = np.bincount(index.ravel(), minlength=len(values))
    counts[is_padding(values, transform)] = 0
    return _used_ends(values, counts)


def is_padding(values: Floats, transform: GreyscaleTransform) -> NDArray[np.bool_]:
    if transform.padding is None:
        return np.zeros(values.shape, bool)
    return (values >= transform.padding[0]) & (values <= transform.padding[1])


def _used_ends(values: Floats, counts: NDArray[np.int64]) -> Floats:
    """The values between which the film lies, those that occur."""
    if not counts.any():
        raise EveryPixelIsPadding
    first, last = grey_range(counts)
    return values[first : last + 1][counts[first : last + 1] > 0]


def _ends(values: Floats, transform: GreyscaleTransform) -> Floats:
    """As `_used_ends`, for values that are too far apart to count each."""
    image = values[~is_padding(values, transform)]
    if not image.size:
        raise EveryPixelIsPadding
    counts, edges = np.histogram(image, _STEPS)
    first, last = grey_range(counts)
    kept: Floats = image[(image >= edges[first]) & (image <= edges[last + 1])]
    return kept


def _shade(values: Floats, kept: Floats | None, transform: GreyscaleTransform) -> Floats:
    """Grey of each value; ``kept`` are the values that span the range of a film without a window."""
    padding = is_padding(values, transform)
    if padding.all():
        raise EveryPixelIsPadding
    if isinstance(transform.voi, Lut):
        shades = np.clip(
            transform.voi(real_values(values, transform)) / (2.0**transform.voi.bits - 1), 0, 1
        )
    elif transform.voi is not None:
        shades = transform.voi(real_values(values, transform))
    else:
        ends = _screen_ends(transform) if kept is None else real_values(kept, transform)
        low, high = float(ends.min()), float(ends.max())
        shades = np.clip((real_values(values, transform) - low) / ((high - low) or 1.0), 0, 1)
    if transform.inverse:
        shades = 1 - shades
    return np.where(padding, 0.0, shades)


def real_values(values: Floats, transform: GreyscaleTransform) -> Floats:
    """Stored values after the modality LUT, or slope and intercept."""
    if transform.modality is not None:
        return transform.modality(values)
    return values * transform.slope + transform.intercept


def _screen_ends(transform: GreyscaleTransform) -> Floats:
    """Black and white of a film of 8 bits and less: it is made for the screen and keeps its range."""
    if transform.modality is not None:
        return np.array([0.0, 2.0**transform.modality.bits - 1])
    least = -(2.0 ** (transform.bits - 1)) if transform.signed else 0.0
    return (
        np.array([least, least + 2.0**transform.bits - 1]) * transform.slope + transform.intercept
    )
