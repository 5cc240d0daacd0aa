"""An occlusion map for people: signed colours over the film, and a bar that explains them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.probability import logistic, logit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.ImageFont import FreeTypeFont, ImageFont

    Font = FreeTypeFont | ImageFont

_SIDE = 640
"""Longest side of the film in the picture, in pixels."""
_LEAST = math.log(3)
"""Smallest end of the colour bar, in log odds: a small change must not look like a large one."""
_SUPPORTS, _AGAINST = (255, 96, 48), (64, 144, 255)
_GROUND, _TEXT, _SOFT = (16, 20, 24), (232, 237, 242), (159, 176, 192)
_OPACITY = 0.7
_MARGIN, _BAR, _BESIDE = 20, 22, 190  # pixels


def occlusion_picture(
    pixels: NDArray[np.float32], change: NDArray[np.float32], name: str, probability: float
) -> NDArray[np.uint8]:
    """The film with an occlusion map, a colour bar and a caption.

    Args:
        pixels: float32 (rows, columns) in [0, 1].
        change: float32 (h, w), log odds, as `pneumoscope.decision.explain.occlusion` gives it.
        name: What the map explains, such as ``"PNEUMONIA"``.
        probability: Its probability in [0, 1] on the unchanged film.

    Returns:
        uint8 RGB, the film's longer side 640 pixels, with a bar beside and a caption below it.
    """
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = (max(1, round(n * _SIDE / max(pixels.shape))) for n in pixels.shape)
    end = max(_LEAST, float(np.abs(change).max()))
    grey = Image.fromarray(np.ascontiguousarray(pixels, np.float32)).resize((columns, rows))
    film = _tinted(np.asarray(grey).clip(0, 1), change / end)
    title, small = ImageFont.load_default(20), ImageFont.load_default(14)
    lines = _caption(change, probability)
    # A narrow film needs room for its caption, too.
    probe = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    wide = max(round(probe.textlength(line, small)) for line in lines)
    width = max(columns + _BAR + _BESIDE + 3 * _MARGIN, wide + 2 * _MARGIN)
    height = max(rows, 200) + 3 * _MARGIN + 34 + 20 * len(lines)
    page = Image.new("RGB", (width, height), _GROUND)
    draw = ImageDraw.Draw(page)
    draw.text((_MARGIN, _MARGIN), f"What supports {name}", fill=_TEXT, font=title)
    top = _MARGIN + 34
    page.paste(Image.fromarray(film), (_MARGIN, top))
    left = columns + 2 * _MARGIN
    bar = np.repeat(np.linspace(1, -1, max(rows, 200), dtype=np.float32)[:, None], _BAR, axis=1)
    page.paste(Image.fromarray(_tinted(np.full(bar.shape, 0.35), bar)), (left, top))
    _scale(draw, (left + _BAR + 10, top, max(rows, 200)), end, small)
    for i, line in enumerate(lines):
        at = (_MARGIN, top + max(rows, 200) + _MARGIN + 20 * i)
        draw.text(at, line, fill=_SOFT, font=small)
    return np.asarray(page)


def _tinted(grey: NDArray[np.floating], signed: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Grey levels (rows, columns) in [0, 1], coloured by values (h, w) in [-1, 1]."""
    from PIL import Image

    rows, columns = grey.shape
    image = Image.fromarray(np.ascontiguousarray(signed, np.float32))
    smooth = np.asarray(image.resize((columns, rows), Image.Resampling.BICUBIC)).clip(-1, 1)
    colour = np.where(smooth[..., None] > 0, _SUPPORTS, _AGAINST)
    alpha = _OPACITY * np.abs(smooth)[..., None]
    return np.asarray(np.rint((1 - alpha) * 255 * grey[..., None] + alpha * colour), np.uint8)


def _scale(draw: object, place: tuple[int, int, int], end: float, font: Font) -> None:
    """Labels beside the bar; ``place`` is the left edge, the top and the height."""
    left, top, height = place
    ratio = f"{math.exp(end):.1f}" if end < 5 else f"{math.exp(end):.0f}"
    for share, anchor, words in (
        (0.0, "la", f"supports it:\ncovered, its odds are\ndivided by {ratio}"),
        (0.5, "lm", "no change"),
        (1.0, "ld", f"speaks against it:\ncovered, its odds are\nmultiplied by {ratio}"),
    ):
        draw.text((left, top + share * height), words, fill=_TEXT, font=font, anchor=anchor)  # type: ignore[attr-defined]


def _caption(change: NDArray[np.float32], probability: float) -> tuple[str, ...]:
    before = float(logit(probability))
    least, most = logistic(before - np.array([change.max(), change.min()], np.float64))
    return (
        f"Probability {probability:.3f}; with one place at a time covered, between {least:.3f} and "
        f"{most:.3f}.",
        f"Each place is {3 / change.shape[0]:.0%} of the film's height and {3 / change.shape[1]:.0%} "
        "of its width. It is no outline of disease.",
        "Research use, not a medical device.",
    )
