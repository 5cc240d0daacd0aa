"""From stored DICOM values to grey: the pipeline of PS3.4 N.2, one value at a time.

Modality LUT, VOI LUT or window, presentation LUT and padding map each stored value by itself.
So they are worked out once per value that occurs, and the film is looked up in that table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TABLE_MOST = 2**17  # values; beyond it (32-bit films) the table would be larger than a film
# Without a window the range of the film is its white and black. One pixel in ten thousand at each
# end may be an outlier (a dead pixel, a burnt-in mark) and must not squeeze all others.
_OUTLIERS = 1e-4


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
class Look:
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


def grey(stored: NDArray[Any], look: Look) -> NDArray[np.float32]:
    """Turns stored values into grey.

    Args:
        stored: Integers (rows, columns).
        look: How.

    Returns:
        float32 (rows, columns) in [0, 1]; 0 is air-dark, padding too.

    Raises:
        ValueError: Every pixel is padding.
    """
    low, high = int(stored.min()), int(stored.max())
    if high - low >= _TABLE_MOST:
        return _shade(stored.astype(np.float64), None, look).astype(np.float32)
    index = np.subtract(stored, low, dtype=np.int64)
    needs_range = look.voi is None and look.bits > 8
    counts = np.bincount(index.ravel(), minlength=high - low + 1) if needs_range else None
    values = np.arange(low, high + 1, dtype=np.float64)
    table: NDArray[np.float32] = _shade(values, counts, look).astype(np.float32)
    film: NDArray[np.float32] = table[index]
    return film


def _shade(values: Floats, counts: NDArray[np.int64] | None, look: Look) -> Floats:
    """Grey of each value; ``counts`` tells how often it occurs (None: as often as it occurs here)."""
    image = np.ones(values.shape, bool)
    if look.padding is not None:
        image = (values < look.padding[0]) | (values > look.padding[1])
        if not image.any():
            raise ValueError("every pixel is padding")
    if look.modality is not None:
        real = look.modality(values)
    else:
        real = values * look.slope + look.intercept
    if isinstance(look.voi, Lut):
        shades = np.clip(look.voi(real) / (2.0**look.voi.bits - 1), 0, 1)
    elif look.voi is not None:
        shades = look.voi(real)
    else:
        low, high = _range(real, counts, image, look)
        shades = np.clip((real - low) / ((high - low) or 1.0), 0, 1)
    if look.inverse:
        shades = 1 - shades
    return np.where(image, shades, 0.0)


def _range(
    real: Floats, counts: NDArray[np.int64] | None, image: NDArray[np.bool_], look: Look
) -> tuple[float, float]:
    """Black and white of a film without window, after the modality LUT.

    8 bits and less are made for the screen and keep their full range; deeper films take the range
    that they use.
    """
    if look.bits <= 8:
        if look.modality is not None:
            return 0.0, 2.0**look.modality.bits - 1
        least = -(2.0 ** (look.bits - 1)) if look.signed else 0.0
        ends = np.array([least, least + 2.0**look.bits - 1]) * look.slope + look.intercept
        return float(ends.min()), float(ends.max())
    if counts is None:
        return float(real[image].min()), float(real[image].max())
    used = np.where(image, counts, 0)
    if not used.any():
        raise ValueError("every pixel is padding")
    below = np.cumsum(used)
    skip = int(_OUTLIERS * below[-1])
    first = int(np.searchsorted(below, skip, side="right"))
    last = int(np.searchsorted(below, below[-1] - skip, side="left"))
    kept = real[first : last + 1][used[first : last + 1] > 0]
    return float(kept.min()), float(kept.max())
