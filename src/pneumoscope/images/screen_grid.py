"""The pixel grid of a screen in a photograph of it: moire, that is, crosswise peaks in the spectrum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SIDE: Final = 64
"""Pixels of a side of a patch: over a longer one, the waves of moire bend."""
PLACES: Final = ((2, 2), (1, 1), (3, 3), (1, 3), (3, 1))
"""Where patches lie: fourths of the way down and along. The first, in the middle, must hold a peak."""
PATCHES, PEAK = 3, 200.0
"""So many patches must hold a frequency of so many times the usual power. The third highest peak of 15,166
films of five sources is at most 155. Of 24 photographs of screens, drawn to test it, 2 pass without a note
for a screen, and 7 without this."""
SLOWEST, OFF_AXIS = 8, 2
"""Least waves per patch, as ribs are slower; and least waves in either direction, as the lines of an
anti-scatter grid run along the picture, and so do borders and writing."""
BLOCK, NEAR = 8, 1
"""Blocks of a JPEG have peaks at multiples of so many waves in both directions, and beside them."""
FALL, MIDDLE = 3, 16
"""In films the power falls about as this power of the frequency. Waves per patch in the middle."""
NOISE: Final = 0.25
"""Least usual power per pixel, so that rounding, which has 1/12, cannot give a peak."""
EVERY: Final = 3
"""The median of every third frequency that is looked at is about that of all, and takes less time."""


def _weights() -> NDArray[np.float32]:
    """(SIDE, SIDE / 2 - OFF_AXIS): the weight of each frequency, 0 if it is not looked at."""
    down = np.fft.fftfreq(SIDE, 1 / SIDE)[:, None]
    along = np.arange(OFF_AXIS, SIDE // 2)[None]
    squares = down**2 + along**2
    in_blocks = ((down + NEAR) % BLOCK <= 2 * NEAR) & ((along + NEAR) % BLOCK <= 2 * NEAR)
    fine = (squares >= SLOWEST**2) & (squares < (SIDE // 2) ** 2)
    seen = (np.abs(down) >= OFF_AXIS) & fine & ~in_blocks
    return np.where(seen, squares ** (FALL / 2), 0).astype(np.float32)


_WEIGHTS = _weights()
_SAMPLE = np.flatnonzero(_WEIGHTS)[::EVERY]
_HANN = np.sin(np.pi * (np.arange(SIDE) + 0.5) / SIDE) ** 2
_WINDOW = np.outer(_HANN, _HANN).astype(np.float32)
_LEAST = NOISE * SIDE**2 * MIDDLE**FALL


def has_screen_grid(pixels: NDArray[Any]) -> bool:
    """Whether a picture shows the pixel grid of a screen.

    Args:
        pixels: (rows, columns), uint8, or floats in [0, 1].
    """
    if min(pixels.shape) < SIDE:
        return False
    # The patch in the middle decides most films, in less time.
    middle, *others = PLACES
    if peaks(pixels, [middle])[0] <= PEAK:
        return False
    return int(np.count_nonzero(peaks(pixels, others) > PEAK)) + 1 >= PATCHES


def peaks(pixels: NDArray[Any], places: Sequence[tuple[int, int]] = PLACES) -> NDArray[np.float32]:
    """For each patch the highest weighted power, divided by the usual one.

    Args:
        pixels: As for `has_screen_grid`, with sides of at least `SIDE`.
        places: As `PLACES`.
    """
    rows, columns = pixels.shape
    patches = np.empty((len(places), SIDE, SIDE), np.float32)
    for patch, (down, along) in zip(patches, places, strict=True):
        y, x = (rows - SIDE) * down // 4, (columns - SIDE) * along // 4
        patch[:] = pixels[y : y + SIDE, x : x + SIDE]
    if pixels.dtype != np.uint8:
        patches = np.floor(patches * np.float32(255) + np.float32(0.5))
    patches -= patches.mean((1, 2), keepdims=True)
    patches *= _WINDOW
    waves = np.fft.fft(np.fft.rfft(patches)[..., OFF_AXIS : SIDE // 2], axis=1)
    power = ((waves.real**2 + waves.imag**2) * _WEIGHTS).reshape(len(places), -1)
    middle = len(_SAMPLE) // 2
    usual = np.partition(power[:, _SAMPLE], middle, axis=1)[:, middle]
    return np.asarray(power.max(1) / np.maximum(usual, np.float32(_LEAST)))
