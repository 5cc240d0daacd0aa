"""Pictures that the gate must refuse, made from chest films or drawn from scratch.

The gate's heads learn from them, see `pneumoscope.train.gate.fitting`. Films are uint8 (rows, columns).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Change = Callable[["NDArray[np.uint8]", np.random.Generator], "NDArray[np.uint8]"]
_LETTERS, _SIGNS = (97, 123), (48, 91)
"""Characters of words, from the first to that after the last: small letters; digits to capitals."""
Drawing = Callable[[int, np.random.Generator], "NDArray[np.uint8]"]


def inverted(film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Black for white: MONOCHROME1 taken for MONOCHROME2; some of them rotated, too."""
    quarters = int(rng.integers(1, 4)) if rng.random() < 0.2 else 0
    return np.ascontiguousarray(np.rot90(255 - film, quarters))


def rotated(quarters: int, film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Rotated counterclockwise by quarter turns, some mirrored before."""
    turned = np.rot90(film[:, ::-1] if rng.random() < 0.25 else film, quarters)
    return np.ascontiguousarray(turned)


def mirrored(film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Left and right exchanged: the heart on the other side."""
    del rng
    return np.ascontiguousarray(film[:, ::-1])


def cut(film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The upper or lower half, a corner, or a window that cuts the lungs, stretched to the film's size."""
    if rng.random() < 0.4:
        width, height = rng.uniform(0.75, 1.0), rng.uniform(0.35, 0.55)
        top = rng.choice([rng.uniform(0.0, 0.08), 1 - height - rng.uniform(0.0, 0.08)])
        return _part(film, (rng.uniform(0, 1 - width), top, width, height))
    width, height = rng.uniform(0.3, 0.6, 2)
    left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    if rng.random() < 0.3:
        left, top = rng.choice([0, 1 - width]), rng.choice([0, 1 - height])
    return _part(film, (left, top, width, height))


def one_lung(film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """One side of the chest, or both superimposed: the closest to a lateral that a frontal can give.

    A lateral shows a single lung field between spine and breastbone, in which both lungs add up.
    """
    width, height = rng.uniform(0.38, 0.58), rng.uniform(0.75, 1.0)
    top, away = rng.uniform(0, 1 - height), rng.uniform(0.0, 0.08)
    left = _part(film, (away, top, width, height))
    right = _part(film, (1 - width - away, top, width, height))
    way = rng.integers(3)
    if way == 2:
        share = rng.uniform(0.35, 0.65)
        both = share * left + (1 - share) * right[:, ::-1].astype(np.float32)
        spread = rng.uniform(0.8, 1.3)
        side = _grey((both - both.mean()) * spread + both.mean())
    else:
        side = left if way else right
    return np.ascontiguousarray(side[:, ::-1] if rng.random() < 0.5 else side)


def _part(film: NDArray[np.uint8], box: tuple[float, float, float, float]) -> NDArray[np.uint8]:
    """A box (left, top, width, height, as shares) of a film, stretched to its size."""
    rows, columns = film.shape
    left, top, width, height = box
    x, y = int(left * columns), int(top * rows)
    part = film[y : y + int(height * rows), x : x + int(width * columns)]
    return np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)


def screen_photograph(film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A photograph of the film on a screen: tilted, with bezel, moire, glare and the room.

    In every third one the screen fills the picture.
    """
    rows, columns = film.shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    picture = film.astype(np.float32)
    # Moire: the beat of two grids, some pixels wide.
    for _ in range(int(rng.integers(1, 3))):
        angle, wave = rng.uniform(0, np.pi), rng.uniform(3.0, 14.0)
        phase = 2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / wave
        bent = phase + rng.uniform(0, 4) * np.sin(2 * np.pi * x / columns + rng.uniform(0, 6))
        picture *= 1 + rng.uniform(0.04, 0.14) * np.sin(bent)
    if rng.random() < 0.7:  # glare
        cx, cy = rng.uniform(0, columns), rng.uniform(0, rows)
        spread = rng.uniform(0.1, 0.35) * columns
        blob = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * spread**2))
        picture += rng.uniform(40, 150) * blob
    picture = picture * rng.uniform(0.55, 0.9) + rng.uniform(10, 50)
    if rng.random() < 0.3:
        return _grey(picture + rng.normal(0, rng.uniform(1, 5), picture.shape))
    bezel = max(3, int(rng.uniform(0.01, 0.05) * columns))
    framed = cv2.copyMakeBorder(
        picture, bezel, bezel, bezel, bezel, cv2.BORDER_CONSTANT, value=float(rng.uniform(5, 50))
    )
    side = framed.shape[1]
    inner = rng.uniform(0.02, 0.2, (4, 2)) * side
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    target = corners + inner.astype(np.float32) * np.sign(side / 2 - corners)
    warp = cv2.getPerspectiveTransform(corners, target.astype(np.float32))
    wall = np.full((side, side), rng.uniform(40, 200), np.float32)
    wall *= 1 + 0.3 * np.linspace(-1, 1, side, dtype=np.float32)[:, None] * rng.uniform(-1, 1)
    flat = cv2.warpPerspective(framed, warp, (side, side))
    inside = cv2.warpPerspective(np.ones_like(framed), warp, (side, side)) > 0.5
    photo = np.where(inside, flat, wall)
    photo = cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.4, 1.4))
    photo += rng.normal(0, rng.uniform(1, 6), photo.shape)
    small = cv2.resize(photo.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    return _grey(small)


def screenshot(film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The film in the window of a viewer: bars, panels, thumbnails, and text over its corners."""
    rows, columns = film.shape
    dark = rng.random() < 0.75
    ground = int(rng.integers(15, 70) if dark else rng.integers(150, 240))
    page = np.full((rows, columns), ground, np.uint8)
    ink = int(rng.integers(150, 256) if dark else rng.integers(0, 90))
    # At least two of the three parts of a window, as shares of its sides.
    top, left, right = rng.uniform(0.05, 0.14), rng.uniform(0.1, 0.28), rng.uniform(0.08, 0.25)
    missing = rng.integers(4)
    top, left, right = (0.0 if missing == i else v for i, v in enumerate((top, left, right)))
    if left and right and rng.random() < 0.6:
        right = 0.0
    y, x0, x1 = int(top * rows), int(left * columns), columns - int(right * columns)
    page[y:, x0:x1] = int(rng.integers(0, 12)) if dark or rng.random() < 0.7 else ground
    height, width = rows - y, x1 - x0
    zoom = rng.uniform(0.8, 1.0)
    side = (int(min(width, height * rng.uniform(0.9, 1.25)) * zoom), int(height * zoom))
    shown = cv2.resize(film, side, interpolation=cv2.INTER_AREA)
    at = (y + (height - side[1]) // 2, x0 + (width - side[0]) // 2)
    page[at[0] : at[0] + side[1], at[1] : at[1] + side[0]] = shown
    if y:
        _buttons(page, (0, 0, columns, y), ink, rng)
    for begin, end in ((0, x0), (x1, columns)):
        if end - begin > 8:
            _panel(page, film, (begin, y, end, rows), ink, rng)
    bright = int(rng.integers(170, 256))
    for line in range(int(rng.integers(2, 9))):
        word = _word(rng, _SIGNS, 4, 14)
        low = line % 2
        row = rows - 4 - 9 * (line // 2) if low else y + 10 + 9 * (line // 2)
        column = x0 + 3 if rng.random() < 0.5 else max(x0, x1 - 7 * len(word))
        cv2.putText(page, word, (column, row), cv2.FONT_HERSHEY_PLAIN, 0.6, bright, 1, cv2.LINE_AA)
    return page


def _buttons(
    page: NDArray[np.uint8], box: tuple[int, int, int, int], ink: int, rng: np.random.Generator
) -> None:
    left, top, right, bottom = box
    side = max(3, int((bottom - top) * rng.uniform(0.45, 0.75)))
    y = top + (bottom - top - side) // 2
    for x in range(left + 3, right - side, side + int(rng.integers(2, 8))):
        if rng.random() < 0.8:
            shade = int(np.clip(ink + rng.integers(-60, 60), 0, 255))
            cv2.rectangle(page, (x, y), (x + side, y + side), shade, int(rng.choice([-1, 1])))


def _panel(
    page: NDArray[np.uint8],
    film: NDArray[np.uint8],
    box: tuple[int, int, int, int],
    ink: int,
    rng: np.random.Generator,
) -> None:
    """A panel at the side: thumbnails of films, or lines of text."""
    left, top, right, bottom = box
    side = right - left - 6
    if rng.random() < 0.5 and side > 12:
        small = cv2.resize(film, (side, side), interpolation=cv2.INTER_AREA)
        for y in range(top + 4, bottom - side, side + int(rng.integers(4, 14))):
            page[y : y + side, left + 3 : left + 3 + side] = small
            if rng.random() < 0.4:
                break
        return
    for y in range(top + 10, bottom, int(rng.integers(8, 14))):
        if rng.random() < 0.85:
            word = _word(rng, _LETTERS, 3, 9)
            cv2.putText(page[:, :right], word, (left + 3, y), cv2.FONT_HERSHEY_PLAIN, 0.6, ink, 1, cv2.LINE_AA)  # fmt: skip


CHANGES: Final[dict[str, Change]] = {
    "inverted": inverted,
    "rotated-90": partial(rotated, 1),
    "rotated-180": partial(rotated, 2),
    "rotated-270": partial(rotated, 3),
    "mirrored": mirrored,
    "cropped": cut,
    "not-frontal": one_lung,
    "photo-of-a-screen": screen_photograph,
    "screenshot": screenshot,
}
"""How a chest film is changed, by the gate's reason to refuse the result."""


def noise(side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Noise of any grain: white, or smoothed into clouds."""
    field = rng.standard_normal((side, side)).astype(np.float32)
    if rng.random() < 0.8:
        field = cv2.GaussianBlur(field, (0, 0), float(np.exp(rng.uniform(-0.5, 3.5))))
        field /= field.std() + 1e-6
    return _grey(128 + rng.uniform(20, 70) * field)


def grating(side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Stripes, a checkerboard, rings or a gradient."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    angle = rng.uniform(0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = -x * np.sin(angle) + y * np.cos(angle)
    count = np.exp(rng.uniform(0.3, 3.3))
    way = rng.integers(4)
    if way == 0:
        field = np.sin(2 * np.pi * count * along)
    elif way == 1:
        field = np.sign(np.sin(2 * np.pi * count * along) * np.sin(2 * np.pi * count * across))
    elif way == 2:
        field = np.sin(2 * np.pi * count * np.hypot(x, y))
    else:
        field = along
    return _grey(128 + rng.uniform(30, 127) * field)


def shapes(side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Ellipses, boxes and lines on a plain background, as in diagrams and phantoms."""
    page = np.full((side, side), int(rng.integers(256)), np.uint8)
    for _ in range(int(rng.integers(2, 25))):
        a, b = (tuple(int(v) for v in rng.integers(0, side, 2)) for _ in range(2))
        colour = int(rng.integers(256))
        thick = int(rng.choice([-1, 1, 2, 4]))
        way = rng.integers(3)
        if way == 0:
            axes = tuple(int(v) for v in rng.integers(3, side // 2, 2))
            cv2.ellipse(page, a, axes, float(rng.uniform(0, 180)), 0, 360, colour, thick)
        elif way == 1:
            cv2.rectangle(page, a, b, colour, thick)
        else:
            cv2.line(page, a, b, colour, abs(thick))
    return page


def text_page(side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Lines of words, dark on bright or bright on dark, some with a box."""
    page = np.full((side, side), int(rng.integers(225, 256)), np.uint8)
    scale = float(rng.uniform(0.25, 0.8))
    step = int(rng.uniform(1.3, 2.2) * 24 * scale)
    left = int(rng.uniform(0.02, 0.15) * side)
    for row in range(int(0.06 * side) + step, side, step):
        if rng.random() < 0.12:
            continue
        x = left
        end = side * rng.uniform(0.5, 0.97)
        while x < end:
            word = _word(rng, _LETTERS, 1, 10)
            cv2.putText(page, word, (x, row), cv2.FONT_HERSHEY_SIMPLEX, scale, int(rng.integers(0, 90)), 1, cv2.LINE_AA)  # fmt: skip
            x += int((len(word) + 0.7) * 19 * scale)
    if rng.random() < 0.3:
        a, b = (tuple(int(v) for v in rng.integers(0, side, 2)) for _ in range(2))
        cv2.rectangle(page, a, b, int(rng.integers(60, 220)), -1)
    return 255 - page if rng.random() < 0.3 else page


def window(side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The window of a program: bars, panes, buttons, a list."""
    ground = int(rng.integers(20, 245))
    page = np.full((side, side), ground, np.uint8)
    bar = int(rng.uniform(0.04, 0.12) * side)
    page[:bar] = int(rng.integers(256))
    split = int(rng.uniform(0.15, 0.45) * side)
    page[bar:, :split] = int(np.clip(ground + rng.integers(-50, 50), 0, 255))
    text = 20 if ground > 128 else 230
    for _ in range(int(rng.integers(3, 9))):
        x, y = (int(v) for v in rng.integers(0, side - 20, 2))
        w, h = (int(v) for v in rng.integers(12, side // 2, 2))
        shade = int(rng.integers(256))
        cv2.rectangle(page, (x, y), (x + w, y + h), shade, int(rng.choice([-1, 1])))
    for row in range(bar + 14, side, int(rng.integers(10, 22))):
        word = _word(rng, _LETTERS, 3, 14)
        x = 4 if rng.random() < 0.6 else split + 6
        cv2.putText(page, word, (x, row), cv2.FONT_HERSHEY_PLAIN, 0.7, text, 1, cv2.LINE_AA)
    return page


def slice_like(side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """An ellipse with a bright rim and smooth parts inside, on black: similar to a CT or MR slice."""
    page = np.zeros((side, side), np.float32)
    centre = (int(side * rng.uniform(0.45, 0.55)), int(side * rng.uniform(0.45, 0.55)))
    axes = (int(side * rng.uniform(0.28, 0.47)), int(side * rng.uniform(0.28, 0.47)))
    tilt = float(rng.uniform(-20, 20))
    rim = int(side * rng.uniform(0.01, 0.05))
    cv2.ellipse(page, centre, axes, tilt, 0, 360, float(rng.uniform(150, 255)), -1)
    inner = (axes[0] - rim, axes[1] - rim)
    cv2.ellipse(page, centre, inner, tilt, 0, 360, float(rng.uniform(40, 170)), -1)
    body = cv2.ellipse(np.zeros_like(page), centre, inner, tilt, 0, 360, 1.0, -1) > 0
    for _ in range(int(rng.integers(3, 14))):
        at = tuple(int(c + rng.normal(0, 0.4) * a) for c, a in zip(centre, inner, strict=True))
        size = tuple(int(v) for v in rng.uniform(0.03, 0.35, 2) * side)
        cv2.ellipse(page, at, size, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0, 230)), -1)  # fmt: skip
    page[~body & (page < 1)] = 0
    page = cv2.GaussianBlur(page, (0, 0), rng.uniform(0.6, 2.0))
    page += rng.normal(0, rng.uniform(1, 8), page.shape)
    return _grey(page)


def fan(side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A sector of speckle on black, as in ultrasound."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    x0, y0 = side * rng.uniform(0.4, 0.6), -side * rng.uniform(0.0, 0.2)
    radius = np.hypot(x - x0, y - y0)
    angle = np.arctan2(x - x0, y - y0)
    inside = (np.abs(angle) < rng.uniform(0.4, 0.75)) & (radius < side * rng.uniform(0.85, 1.1))
    inside &= radius > -y0 + side * rng.uniform(0.0, 0.1)
    speckle = cv2.GaussianBlur(
        np.abs(rng.standard_normal((side, side))).astype(np.float32), (0, 0), 1.0
    )
    tissue = cv2.GaussianBlur(
        rng.standard_normal((side, side)).astype(np.float32), (0, 0), side / 14
    )
    tissue /= tissue.std() + 1e-6
    return _grey(np.where(inside, 90 * speckle * np.exp(0.7 * tissue), rng.uniform(0, 12)))


DRAWINGS: Final[dict[str, tuple[str, Drawing]]] = {
    "noise": ("not-a-radiograph", noise),
    "grating": ("not-a-radiograph", grating),
    "shapes": ("not-a-radiograph", shapes),
    "text-page": ("not-a-radiograph", text_page),
    "window": ("not-a-radiograph", window),
    "slice": ("not-a-chest", slice_like),
    "fan": ("not-a-chest", fan),
}
"""Kind of a drawn picture to the gate's reason and the function that draws it."""


def _word(rng: np.random.Generator, signs: tuple[int, int], fewest: int, above: int) -> str:
    """A word of random characters, `fewest` to `above` - 1 of them."""
    return "".join(chr(c) for c in rng.integers(*signs, int(rng.integers(fewest, above))))


def _grey(field: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.clip(field, 0, 255).astype(np.uint8)
