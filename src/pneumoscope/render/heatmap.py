"""Heatmaps for people: enlarged, coloured, laid over the film, or replaced by a sentence."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.sentences import translated
from pneumoscope.errors import UsageError
from pneumoscope.records import NO_EXPLANATION, NORMAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.records import Outcome

OPACITY = 0.55
"""Of the hottest spot: the film stays readable below it."""
_COLD = 0.35
"""Share of the peak up to which a region has no colour."""
HEALTHY = (64, 176, 196)
"""Colour of the heat of a verdict NORMAL."""
OUTLINE = (125, 211, 252)
"""Colour of the lungs' outline: no heat that is shown has it."""
_OUTLINE_WIDTH = 1 / 320
"""Width of the outline as a share of the film's longer side; at least a pixel and a half."""

# Polynomial fit of the Turbo colour map by A. Mikhailov and M. Roberts (Google, Apache-2.0),
# coefficients of t^0 ... t^5 for red, green and blue.
_TURBO = np.array(
    [
        [0.13572138, 4.61539260, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
        [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
        [0.10667330, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
    ]
)


@cache
def colour_table() -> NDArray[np.uint8]:
    """The Turbo colour map as uint8 (256, 3), from cold (dark blue) to hot (dark red)."""
    t = np.linspace(0.0, 1.0, 256)
    powers = t[:, None] ** np.arange(6)
    table: NDArray[np.uint8] = np.clip(np.rint(255 * powers @ _TURBO.T), 0, 255).astype(np.uint8)
    return table


def enlarge(
    heatmap: NDArray[np.float32], rows: int, columns: int, *, smooth: bool = True
) -> NDArray[np.float32]:
    """Scales a heatmap to film size and to [0, 1].

    Args:
        heatmap: float32 (h, w), >= 0.
        rows: Wanted height in pixels.
        columns: Wanted width in pixels.
        smooth: Whether to interpolate between the cells; otherwise each is a rectangle of one value.

    Returns:
        float32 (rows, columns), the hottest spot at 1; all 0 if the heatmap is all 0.
    """
    from PIL import Image

    peak = float(heatmap.max(initial=0.0))
    scaled = heatmap / peak if peak > 0 else heatmap
    image = Image.fromarray(np.ascontiguousarray(scaled, np.float32))
    method = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    heat = np.array(image.resize((columns, rows), method))
    return np.clip(heat, 0.0, 1.0, out=heat)


def overlay(
    pixels: NDArray[np.float32] | NDArray[np.uint8],
    heatmap: NDArray[np.float32],
    opacity: float = OPACITY,
    *,
    healthy: bool = False,
    lungs: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Lays a heatmap over its film, and outlines the lungs if they are known.

    Cold regions stay grey: the colour's opacity follows the heat, so that the film itself can be
    read wherever the model did not look.

    Args:
        pixels: float32 (rows, columns) in [0, 1], or uint8.
        heatmap: float32 (h, w), >= 0, of any size.
        opacity: Opacity of the hottest spot, in [0, 1].
        healthy: Whether the heat is that of a verdict NORMAL. It is then drawn in one cool colour: red
            would look like an alarm. See `is_healthy`.
        lungs: The lung field, float32 (h, w) in [0, 1]; None for no outline. At opacity 0 there is none
            either: the film is shown as it is.

    Returns:
        uint8 RGB (rows, columns, 3).
    """
    heat = enlarge(heatmap, *pixels.shape)
    return overlay_of_heat(pixels, heat, opacity, healthy=healthy, lungs=lungs)


def overlay_of_heat(
    pixels: NDArray[np.float32] | NDArray[np.uint8],
    heat: NDArray[np.float32],
    opacity: float = OPACITY,
    *,
    healthy: bool = False,
    lungs: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """As `overlay`, for a heatmap that `enlarge` has brought to the film's size already."""
    is_integer = pixels.dtype == np.uint8
    grey = pixels if is_integer else np.clip(pixels, 0.0, 1.0) * 255
    # Most of a film is cold, and stays as it is.
    hot = np.flatnonzero(heat > _COLD)
    hues, fade = _coloured(heat.ravel()[hot], healthy=healthy)
    alpha = opacity * fade
    below = (1 - alpha) * grey.ravel()[hot].astype(np.float32)
    planes = np.empty((3, *pixels.shape), np.uint8)
    planes[:] = grey if is_integer else np.rint(grey).astype(np.uint8)
    mixed = np.empty_like(below)
    for plane, hue in zip(planes.reshape(3, -1), hues, strict=True):
        np.multiply(alpha, hue, out=mixed)
        np.add(below, mixed, out=mixed)
        plane[hot] = np.rint(mixed, out=mixed)
    if lungs is not None and opacity > 0:
        _draw_outline(planes, lungs)
    return np.stack([*planes], axis=2)


def is_healthy(called: str | None, findings: Sequence[object]) -> bool:
    """Whether the heat of a result is that of a verdict NORMAL.

    Args:
        called: What the film is called, see `Prediction.called`.
        findings: Its findings; with several findings, the map of an absent one still is the finding's.
    """
    return called == NORMAL and not findings


def colour_map(
    heatmap: NDArray[np.float32],
    rows: int,
    columns: int,
    *,
    healthy: bool = False,
    smooth: bool = True,
) -> NDArray[np.uint8]:
    """The colours of `overlay` alone, for a program that lays them over the film itself.

    Args:
        heatmap: float32 (h, w), >= 0.
        rows: Wanted height in pixels.
        columns: Wanted width in pixels.
        healthy: See `overlay`.
        smooth: See `enlarge`.

    Returns:
        uint8 RGBA (rows, columns, 4): transparent where it is cold, opaque at the hottest spot; half
        as opaque if ``healthy``.
    """
    heat = enlarge(heatmap, rows, columns, smooth=smooth)
    hues, fade = _coloured(heat, healthy=healthy)
    return np.stack([*hues, np.rint(255 * fade).astype(np.uint8)], axis=2)


def _coloured(
    heat: NDArray[np.float32], *, healthy: bool
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Colours (3, ...) of heat of any shape, and their opacity, of this shape and in [0, 1]."""
    # Up to 0.85 of the peak the colour fades in.
    fade = np.clip((heat - _COLD) / 0.5, 0.0, 1.0)
    if healthy:
        hue = np.array(HEALTHY, np.uint8).reshape(3, *(1 for _ in heat.shape))
        return np.broadcast_to(hue, (3, *heat.shape)), fade / 2
    levels = np.rint(heat * 255).astype(np.uint8)
    return np.stack([np.take(hue, levels) for hue in np.ascontiguousarray(colour_table().T)]), fade


def outline(field: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.uint8]:
    """The outline of the lungs alone, for a program that lays it over the film itself.

    Args:
        field: float32 (h, w) in [0, 1], the lung field; the outline is where it is 0.5.
        rows: Wanted height in pixels.
        columns: Wanted width in pixels.

    Returns:
        uint8 RGBA (rows, columns, 4), transparent but for a line in the colour `OUTLINE`.
    """
    opacity = np.zeros(rows * columns, np.float32)
    places, opacities = _outline_pixels(field, rows, columns)
    opacity[places] = opacities
    picture = np.empty((rows, columns, 4), np.uint8)
    picture[..., :3] = OUTLINE
    picture[..., 3] = np.rint(255 * opacity.reshape(rows, columns))
    return picture


def _draw_outline(planes: NDArray[np.uint8], field: NDArray[np.float32]) -> None:
    """Draws the outline of the lungs into a contiguous picture, (3, rows, columns)."""
    places, opacity = _outline_pixels(field, *planes.shape[1:])
    for plane, hue in zip(planes.reshape(3, -1), OUTLINE, strict=True):
        plane[places] = np.rint((1 - opacity) * plane[places] + opacity * np.float32(hue))


def _outline_pixels(
    field: NDArray[np.float32], rows: int, columns: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The pixels near the outline, whose edge is a pixel wide.

    Returns:
        Indices into the flattened picture, and the opacity of each, in [0, 1]; it is 0 elsewhere.
    """
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(field, np.float32))
    smooth = np.asarray(image.resize((columns, rows), Image.Resampling.BICUBIC))
    reach = max(1.5, _OUTLINE_WIDTH * max(rows, columns)) / 2 + 0.5
    # No pixel near the line differs by more than this from 0.5.
    steepest = np.hypot(_steepest(field, rows, 0), _steepest(field, columns, 1))
    most = np.float32(1.001 * reach * max(steepest, 1e-6))
    places = np.flatnonzero((smooth >= 0.5 - most) & (smooth <= 0.5 + most))
    height = np.abs(smooth.ravel()[places] - 0.5)
    down, right = _slopes(smooth, places)
    # Distance to the line in pixels, as if the field were linear near it.
    distance = height / np.maximum(np.hypot(down, right), 1e-6)
    return places, np.clip(reach - distance, 0.0, 1.0)


def _steepest(field: NDArray[np.float32], size: int, axis: int) -> float:
    """A bound of the difference of neighbours along an axis, once the field has this size there.

    Bicubic interpolation is at most 1.5 times as steep as the cells along an axis, and its weights
    along the other one sum up to 1.25 at most.
    """
    largest = float(np.abs(np.diff(field, axis=axis)).max(initial=0.0))
    cells = int(field.shape[axis])
    return 1.5 * 1.25 * largest * cells / size


def _slopes(
    smooth: NDArray[np.float32], places: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The gradient at some pixels as `numpy.gradient` has it, along rows and along columns."""
    row, column = np.divmod(places, smooth.shape[1])
    slopes = []
    for axis, along in enumerate((row, column)):
        after = np.minimum(along + 1, smooth.shape[axis] - 1)
        before = np.maximum(along - 1, 0)
        if axis == 0:
            difference = smooth[after, column] - smooth[before, column]
        else:
            difference = smooth[row, after] - smooth[row, before]
        slopes.append(difference / np.maximum(after - before, 1).astype(np.float32))
    return slopes[0], slopes[1]


def overlay_of(outcome: Outcome, opacity: float = OPACITY) -> NDArray[np.uint8]:
    """The overlay of a predicted film that its outcome kept, as `overlay` gives it.

    If the explanation is not reliable, a sentence on the film replaces it: a picture that looks like
    an answer would be taken for one.

    Args:
        outcome: Outcome of a film that was not refused.
        opacity: Opacity of the hottest spot, in [0, 1].

    Raises:
        UsageError: The outcome holds no prediction or no heatmap, or its film was not kept.
    """
    prediction = outcome.prediction
    if prediction is None or outcome.film is None:
        raise UsageError(f"{outcome.source}: no film to draw on", "Predict with keep_films=True.")
    if prediction.heatmap is None:
        raise UsageError(f"{outcome.source}: no heatmap", "Ask for one: explain fast or checked.")
    if prediction.explanation is not None and not prediction.explanation.reliable:
        return unexplained(outcome.film.pixels)
    return overlay(
        outcome.film.pixels,
        prediction.heatmap,
        opacity,
        healthy=is_healthy(prediction.called, prediction.findings),
        lungs=prediction.lungs,
    )


def unexplained(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A film with the words "no reliable explanation" instead of a heatmap.

    Args:
        pixels: float32 (rows, columns) in [0, 1].

    Returns:
        uint8 RGB (rows, columns, 3).
    """
    from PIL import Image, ImageDraw, ImageFont

    grey = np.rint(np.clip(pixels, 0.0, 1.0) * 255).astype(np.uint8)
    image = Image.fromarray(grey).convert("RGB")
    draw = ImageDraw.Draw(image, "RGBA")
    columns, rows = image.size
    font = ImageFont.load_default(100)
    text = translated(NO_EXPLANATION)
    wide = draw.textlength(text, font)
    # As wide as the film allows, not higher than an eighth of it.
    size = max(6.0, min(100 * 0.9 * columns / wide, rows / 8))
    font = ImageFont.load_default(size)
    draw.rectangle((0, rows - round(1.8 * size), columns, rows), fill=(0, 0, 0, 190))
    middle = (columns / 2, rows - 0.9 * size)
    draw.text(middle, text, fill=(242, 184, 75), font=font, anchor="mm")
    return np.asarray(image)
