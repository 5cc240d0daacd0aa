"""Text that is burnt into the border of a film: found and blanked, as well as can be.

A marker such as L or R has few strokes and stays; a line of text has many. The middle of the film is
not searched: ribs and lines would be taken for text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRIP = 0.16
"""Depth of a border as a share of the film's side."""
_CONTRAST = 0.35
"""Least difference of a stroke from its surroundings, in [0, 1]."""
_EDGES, _ROWS = 10, 4
"""Least changes along a row for text, and least rows of it one below the other."""
_SIDES = ("top", "bottom", "left", "right")


def text_sides(pixels: NDArray[np.float32]) -> tuple[str, ...]:
    """The borders of a film in which there seems to be text.

    Args:
        pixels: float32 (rows, columns) in [0, 1].

    Returns:
        Of ``"top"``, ``"bottom"``, ``"left"`` and ``"right"``.
    """
    strokes = _strokes(pixels)
    return tuple(side for side in _SIDES if _has_text(strokes[_border(strokes.shape, side)]))


def blank(stored: NDArray[Any], sides: tuple[str, ...], black: int) -> NDArray[Any]:
    """A copy of stored values with borders of one value.

    Args:
        stored: (rows, columns) or (rows, columns, 3).
        sides: Which borders, as `text_sides` names them.
        black: The value.
    """
    blanked = stored.copy()
    for side in sides:
        blanked[_border(stored.shape, side)] = black
    return blanked


def _border(shape: tuple[int, ...], side: str) -> tuple[slice, slice]:
    rows, columns = max(1, round(_STRIP * shape[0])), max(1, round(_STRIP * shape[1]))
    whole = slice(None)
    return {
        "top": (slice(0, rows), whole),
        "bottom": (slice(shape[0] - rows, None), whole),
        "left": (whole, slice(0, columns)),
        "right": (whole, slice(shape[1] - columns, None)),
    }[side]


def _strokes(pixels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a film differs strongly from what is around it, and is nearly black or white."""
    from PIL import Image, ImageFilter

    grey = Image.fromarray(np.rint(255 * pixels.clip(0, 1)).astype(np.uint8))
    # Of the size of letters: the median of a text is its background.
    around = np.asarray(grey.filter(ImageFilter.BoxBlur(max(8, min(grey.size) // 40))), np.float32)
    return np.asarray(np.abs(np.asarray(grey, np.float32) - around) > 255 * _CONTRAST)


def _has_text(strokes: NDArray[np.bool_]) -> bool:
    """Whether several rows one below the other, or columns side by side, have many strokes."""
    return any(_has_lines(turned) for turned in (strokes, strokes.T))


def _has_lines(strokes: NDArray[np.bool_]) -> bool:
    edges = np.count_nonzero(strokes[:, 1:] != strokes[:, :-1], axis=1) >= _EDGES
    run = 0
    for is_text in edges:
        run = run + 1 if is_text else 0
        if run >= _ROWS:
            return True
    return False
