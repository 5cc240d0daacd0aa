"""The lung field of a frontal chest film: two outlines, found offline in some milliseconds.

A point distribution model (Cootes et al. 1995) fitted by supervised descent (Xiong and De la Torre
2013). The outlines of both lungs are a mean and 24 modes of variation. A ridge regression on the whole
film estimates the modes; four more correct them from gradients around the outline, coarse to fine. The
result always has the shape of lungs, so a lung that is hidden by an opacity is found by its ribs and by
the other lung.

``lung_outlines.npz`` contains the regressions, learned by ``tools/make_lung_outlines.py`` from outlines
that thresholding finds on clear films. docs/explanation/lung-field.md describes the method, the field
(the visible lung without the parts behind heart and diaphragm) and how often it fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

MODEL = Path(__file__).parent / "lung_outlines.npz"
SIDE = 128
"""Side in pixels to which films are resized before anything is measured."""
POINTS = 32
"""Points of one outline: from the apex down the lateral side, along the diaphragm, and up medially."""
STAGES = ((3.0, 9.0), (2.0, 6.0), (1.5, 4.0), (1.0, 2.5))
"""Smoothing and distance of the samples around a point, in pixels of `SIDE`, for each correction."""

MARGIN = 0.01
"""Share of the film's side that is added around the outlines: learned from smoothed pictures, they lie
inside the pleura by about as much."""

# A fit is doubted beyond the values of all but about 1 in 100 training films: areas as shares of the film, modes
# and corrections in their standard deviations, likeness as a cosine. Noise, and films that are rotated or inverted,
# have a likeness below 0.46.
_LEAST_AREA, _LEAST_RATIO, _MOST_OUTSIDE = 0.035, 0.35, 0.16
_MOST_CORRECTION, _MOST_MODES, _LEAST_LIKENESS = 0.35, 2.2, 0.5
_BODY_SIDE = 256  # pixels; enough for the background
_LEAST_CONTRAST = 2.0  # grey levels of 255

_NEAR = np.array([(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)], np.float32)
_EVERYWHERE = np.array(
    [((x + 0.5) / 12, (y + 0.5) / 12) for y in range(12) for x in range(12)], np.float32
)


@dataclass(frozen=True, slots=True, eq=False)
class LungField:
    """The lungs on a film.

    Attributes:
        mask: bool, (rows, columns) of the film.
        outlines: float32 (2, 32, 2), x and y as shares of width and height, which may be slightly
            outside [0, 1]; first the lung on the left of the picture. Without `MARGIN`.
        likeness: How much the film around the outlines resembles the border of lungs: cosine between
            the features of the last correction and their mean over training films; median 0.81.
        doubts: Reasons not to trust the field; empty if there are none.
    """

    mask: NDArray[np.bool_]
    outlines: Floats
    likeness: float
    doubts: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether there are no doubts."""
        return not self.doubts


def lung_field(film: NDArray[Any]) -> LungField:
    """Finds the lungs on a frontal film.

    Args:
        film: (rows, columns), uint8 or float in [0, 1]; 0 is air-dark.

    Returns:
        The field, with its doubts; a field is always returned.

    Raises:
        UsageError: The array is not such a film.
    """
    pixels = _checked(film)
    grey = _grey(pixels, SIDE, SIDE)
    learned = _learned()
    standard = standardised(grey)
    modes = whole_film(standard) @ learned["whole"] + learned["whole_offset"]
    spread = learned["spread"]
    correction = features = np.zeros(0, np.float32)
    for k in range(len(STAGES)):
        modes = np.clip(modes, -3 * spread, 3 * spread)
        features = around(standard, k, outlines_of(modes, learned))
        correction = features @ learned[f"around_{k}"] + learned[f"around_{k}_offset"]
        modes = modes + correction
    outlines = outlines_of(modes, learned)
    typical = learned["typical"]
    likeness = float(features @ typical) / max(float(np.linalg.norm(features)), 1e-9)
    doubts = _doubts(grey, outlines, modes / spread, correction / spread, likeness)
    rows, columns = pixels.shape
    return LungField(filled(outlines, (rows, columns), MARGIN), outlines, likeness, doubts)


def body(film: NDArray[Any]) -> NDArray[np.bool_]:
    """Everything but the background, which is dark areas that reach the border of the film.

    Args:
        film: As for `lung_field`.

    Returns:
        bool (rows, columns). Dark is below 0.18 of the 90th percentile, and below 5 % of the grey scale
        at least.

    Raises:
        UsageError: The array is not such a film.
    """
    pixels = _checked(film)
    rows, columns = pixels.shape
    shrink = min(1.0, _BODY_SIDE / max(rows, columns))
    grey = _grey(pixels, max(1, round(rows * shrink)), max(1, round(columns * shrink)))
    smooth = cv2.GaussianBlur(grey, (0, 0), max(grey.shape[0], grey.shape[1]) / 112)
    dark = smooth < max(12.0, 0.18 * float(np.percentile(smooth, 90)))
    _, areas = cv2.connectedComponents(dark.astype(np.uint8))
    border = np.unique(np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]]))
    inside = (~np.isin(areas, border[border > 0])).astype(np.uint8)
    return np.asarray(cv2.resize(inside, (columns, rows), interpolation=cv2.INTER_NEAREST) > 0)


def standardised(film: NDArray[Any]) -> Floats:
    """A film at `SIDE`, minus the local mean, divided by the local contrast: float32 (SIDE, SIDE)."""
    small = _resized(film, SIDE, SIDE)
    mean = cv2.GaussianBlur(small, (0, 0), 12.0)
    variance = cv2.GaussianBlur(small * small, (0, 0), 12.0) - mean * mean
    # Five grey levels of 255 are added, so that noise in flat areas stays small.
    return np.asarray((small - mean) / np.sqrt(np.maximum(variance, 0.0) + 26.0), np.float32)


def whole_film(standard: Floats) -> Floats:
    """Features of the first estimate: gradients on a grid of 12 x 12 points, float32 (720,)."""
    return _sampled(_channels(standard, 4.0), _EVERYWHERE)


def around(standard: Floats, stage: int, outlines: Floats) -> Floats:
    """Features of a correction: gradients at every other point and its eight neighbours.

    Args:
        standard: From `standardised`.
        stage: Position in `STAGES`.
        outlines: (2, 32, 2), shares of the side.

    Returns:
        float32 (1440,).
    """
    sigma, spacing = STAGES[stage]
    points = outlines.reshape(-1, 2)[::2]
    near = points[:, None] + _NEAR[None] * np.float32(spacing / SIDE)
    return _sampled(_channels(standard, sigma), near.reshape(-1, 2))


def outlines_of(modes: Floats, learned: dict[str, Floats]) -> Floats:
    """Outlines (2, 32, 2) of the modes (24,) of the model's ``mean`` and ``basis``."""
    flat = learned["mean"] + modes @ learned["basis"]
    return np.asarray(flat.reshape(2, POINTS, 2), np.float32)


def filled(outlines: Floats, shape: tuple[int, int], margin: float = 0.0) -> NDArray[np.bool_]:
    """The mask inside outlines.

    Args:
        outlines: (lungs, points, 2), shares of width and height.
        shape: Rows and columns of the mask.
        margin: Share of the longer side by which the mask grows.
    """
    rows, columns = shape
    mask = np.zeros(shape, np.uint8)
    grow = round(margin * max(shape))
    for outline in outlines:
        # Four fractional bits; the centre of pixel 0 is at 0.
        points = np.rint((outline * [columns, rows] - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(mask, [points[:, None]], 1, shift=4)
        if grow:
            cv2.polylines(mask, [points[:, None]], True, 1, 2 * grow + 1, shift=4)
    return np.asarray(mask > 0)


def _channels(standard: Floats, sigma: float) -> Floats:
    """Rising and falling gradients along x and y, and the film, smoothed: (SIDE, SIDE, 5)."""
    smooth = cv2.GaussianBlur(standard, (0, 0), sigma)
    planes = []
    for dx, dy in ((1, 0), (0, 1)):
        slope = cv2.Sobel(smooth, cv2.CV_32F, dx, dy, scale=sigma / 4)
        planes += [np.maximum(slope, 0.0), np.maximum(-slope, 0.0)]
    pooled = [cv2.GaussianBlur(plane, (0, 0), sigma) for plane in planes]
    return np.asarray(cv2.merge([*pooled, smooth]))


def _sampled(channels: Floats, points: Floats) -> Floats:
    """All channels at points (n, 2), flattened; the border is replicated."""
    at = (points * SIDE - 0.5).astype(np.float32)
    x, y = at[:, 0].reshape(1, -1), at[:, 1].reshape(1, -1)
    values = cv2.remap(channels, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(values[0].ravel())


def _doubts(
    grey: Floats, outlines: Floats, modes: Floats, correction: Floats, likeness: float
) -> tuple[str, ...]:
    areas = np.array([_area(outline) for outline in outlines])
    outside = outside_film(outlines)
    doubts = []
    if float(grey.std()) < _LEAST_CONTRAST:
        doubts.append("the film has no contrast")
    if areas.min() < _LEAST_AREA:
        doubts.append("a lung is very small")
    if areas.min() < _LEAST_RATIO * areas.max():
        doubts.append("one lung is much smaller than the other")
    if outside > _MOST_OUTSIDE:
        doubts.append("the lungs reach over the border")
    if float(np.sqrt(np.mean(modes**2))) > _MOST_MODES:
        doubts.append("the outline is unusual")
    if float(np.abs(correction).mean()) > _MOST_CORRECTION:
        doubts.append("the outline had not settled")
    if likeness < _LEAST_LIKENESS:
        doubts.append("it does not look like the border of lungs")
    return tuple(doubts)


def outside_film(outlines: Floats) -> float:
    """Twice the share of the outlines' coordinates outside the film: a point is usually outside in one."""
    return float(np.mean((outlines < 0) | (outlines > 1)) * 2)


def _area(outline: Floats) -> float:
    """Share of the film inside an outline (shoelace formula)."""
    x, y = outline.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _checked(film: NDArray[Any]) -> NDArray[Any]:
    """The array, if it is a film."""
    pixels = np.asarray(film)
    if pixels.ndim != 2 or min(pixels.shape) < 32:
        raise UsageError(
            f"a film of shape {pixels.shape}", "Give rows x columns, at least 32 x 32 pixels."
        )
    if pixels.dtype == np.uint8:
        return pixels
    if not np.issubdtype(pixels.dtype, np.floating) or not np.isfinite(pixels).all():
        raise UsageError(f"a film of {pixels.dtype}", "Give uint8, or finite floats in [0, 1].")
    if pixels.min() < 0 or pixels.max() > 1:
        raise UsageError("a film of floats outside [0, 1]", "Divide by the largest grey level.")
    return pixels


def _grey(pixels: NDArray[Any], rows: int, columns: int) -> Floats:
    """A checked film at another size as float32 in grey levels of [0, 255]."""
    if pixels.dtype == np.uint8:
        return _resized(pixels, rows, columns)
    return _resized(pixels.astype(np.float32), rows, columns) * np.float32(255)


def _resized(film: NDArray[Any], rows: int, columns: int) -> Floats:
    if film.shape == (rows, columns):
        return film.astype(np.float32)
    small = cv2.resize(film, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


@cache
def _learned() -> dict[str, Floats]:
    with np.load(MODEL) as file:
        return {name: file[name].astype(np.float32) for name in file.files}
