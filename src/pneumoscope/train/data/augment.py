"""Training-time augmentation of 8-bit chest films.

The classes of the training collection can be predicted from acquisition alone (sharpness, compression,
tone, shape), so every step here makes one of those traces useless: geometry hides the aspect ratio, the
tone curve hides exposure and post-processing, the sharpness steps hide resolution and compression, and
the occlusions hide frames and markers. Needs only NumPy, OpenCV and Pillow, and about 1 ms per film on
one thread.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pneumoscope.data.film_statistics import sharpness
from pneumoscope.images import resample
from pneumoscope.train.recipe.augmentation import Augmentation

Films = NDArray[np.uint8]

_LEVELS: Final = np.arange(256, dtype=np.float32) / 255.0
_INTERPOLATIONS: Final = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)


def augment(films: Films, size: int, rng: np.random.Generator, config: Augmentation) -> Films:
    """One random view of each film.

    Histograms and sharpness of the batch's films serve as references, so a batch should contain films of
    all classes.

    Args:
        films: uint8 (n, height, width).
        size: Side of the views in pixels.
        rng: Random generator.
        config: Ranges and probabilities.

    Returns:
        uint8 (n, size, size).
    """
    none = np.empty((len(films), 0, *films.shape[1:]), np.uint8)
    return augment_with_maps(films, none, size, rng, config).films


class Views(NamedTuple):
    """Random views of films, with maps that were moved as each film was.

    Attributes:
        films: uint8 (n, size, size).
        maps: uint8 (n, m, height, width), 0 outside.
        flipped: bool (n,), which films were flipped left to right.
    """

    films: Films
    maps: Films
    flipped: NDArray[np.bool_]


def augment_with_maps(
    films: Films, maps: Films, size: int, rng: np.random.Generator, config: Augmentation
) -> Views:
    """As `augment`, with maps that are moved as each film is.

    Args:
        films: uint8 (n, height, width).
        maps: uint8 (n, m, height, width), such as lung masks.
        size: Side of the views in pixels.
        rng: Random generator.
        config: Ranges and probabilities.
    """
    count = len(films)
    views = np.empty((count, size, size), np.uint8)
    moved = np.empty_like(maps)
    flipped = np.zeros(count, np.bool_)
    partners = rng.permutation(count)
    # One block of noise per batch, read from another offset by each film: drawing noise is expensive.
    pool = (
        rng.standard_normal(2 * films[0].size, dtype=np.float32)
        if count and config.noise > 0
        else None
    )
    for i in range(count):
        matrix, border = _geometry(films[i].shape, rng, config)
        flipped[i] = np.linalg.det(matrix[:, :2]) < 0
        view = _warped(films[i], matrix, border)
        for j, values in enumerate(maps[i]):
            moved[i, j] = _warped(values, matrix, cv2.BORDER_CONSTANT)
        other = films[partners[i]]
        view = _tone(view, other, rng, config)
        view = _detail(view, rng, config)
        view = _sharpness(view, other, rng, config)
        view = _occlusion(view, rng, config)
        view = _acquisition(view, pool, rng, config)
        views[i] = resample(view, size)
    return Views(views, moved, flipped)


def _chance(rng: np.random.Generator, probability: float) -> bool:
    return probability > 0 and rng.random() < probability


def _log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    return math.exp(rng.uniform(math.log(limits[0]), math.log(limits[1])))


def _geometry(
    shape: tuple[int, ...], rng: np.random.Generator, config: Augmentation
) -> tuple[NDArray[np.float64], int]:
    """A random affine map (2, 3) of a film, and OpenCV's way to fill its border."""
    height, width = shape
    left = top = right = bottom = 0.0
    if _chance(rng, config.crop):
        left, top, right, bottom = rng.uniform(0.0, config.crop_max, 4)
    # Centre of the kept part, and the size that it is stretched to.
    centre_x, centre_y = (1 + left - right) * width / 2, (1 + top - bottom) * height / 2
    scale_x = _log_uniform(rng, config.scale_x) / (1 - left - right)
    scale_y = _log_uniform(rng, config.scale_y) / (1 - top - bottom)
    if _chance(rng, config.flip):
        scale_x = -scale_x
    angle = math.radians(rng.uniform(-config.rotation, config.rotation))
    shear = rng.uniform(-config.shear, config.shear)
    cos, sin = math.cos(angle), math.sin(angle)
    linear = (
        np.array([[cos, -sin], [sin, cos]])
        @ np.array([[1.0, shear], [0.0, 1.0]])
        @ np.diag([scale_x, scale_y])
    )
    shift = rng.uniform(-config.shift, config.shift, 2) * (width, height)
    offset = np.array([width / 2, height / 2]) + shift - linear @ np.array([centre_x, centre_y])
    # Most devices leave a black frame; repeated edges keep the frame's shape from revealing the map.
    mode = cv2.BORDER_CONSTANT if rng.random() < 0.6 else cv2.BORDER_REPLICATE
    return np.column_stack([linear, offset]), mode


def _warped(film: Films, matrix: NDArray[np.float64], border: int) -> Films:
    size = film.shape[::-1]
    return cv2.warpAffine(film, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)


def matched(film: Films, other: Films, share: float) -> Films:
    """A film with the grey levels of another one: uint8 (height, width).

    Args:
        film: uint8 (height, width).
        other: Likewise; of any shape.
        share: 0 changes nothing, 1 gives the histogram of the other.
    """
    return _through(film, share * _matching(film, other) + (1 - share) * _LEVELS)


def _matching(film: Films, other: Films) -> NDArray[np.float64]:
    """The table of grey levels in [0, 1] that gives a film the histogram of another one."""
    return np.interp(_histogram(film), _histogram(other), _LEVELS)


def _through(film: Films, table: NDArray[np.floating]) -> Films:
    """A film whose grey levels are replaced by those of a table in [0, 1], (256,)."""
    return cv2.LUT(film, np.clip(table * 255.0 + 0.5, 0, 255).astype(np.uint8))


def _histogram(film: Films) -> NDArray[np.float32]:
    """Cumulative, from 0 to 1."""
    counts = cv2.calcHist([film], [0], None, [256], [0, 256]).ravel()
    total = np.cumsum(counts)
    return (total / total[-1]).astype(np.float32)


def _tone(film: Films, other: Films, rng: np.random.Generator, config: Augmentation) -> Films:
    table = _LEVELS.copy()
    if _chance(rng, config.match):
        blend = rng.uniform(0.3, 1.0)
        table += blend * (_matching(film, other).astype(np.float32) - table)
    elif _chance(rng, config.equalise):
        table += rng.uniform(0.2, 0.9) * (_histogram(film) - table)
    if _chance(rng, config.curve):
        # Positive steps make the curve monotone; the added constant keeps it from becoming a staircase.
        steps = rng.exponential(size=config.curve_knots) + 0.35
        knots = np.concatenate([[0.0], np.cumsum(steps) / steps.sum()])
        table = np.interp(table, np.linspace(0.0, 1.0, config.curve_knots + 1), knots)
    table = np.clip(table, 0.0, 1.0) ** _log_uniform(rng, config.gamma)
    middle = float(table[int(cv2.mean(film)[0])])
    table = (table - middle) * _log_uniform(rng, config.contrast) + middle
    table = table + rng.uniform(-config.brightness, config.brightness)
    film = _through(film, table)
    if _chance(rng, config.clahe):
        limit = rng.uniform(*config.clahe_limit)
        film = cv2.createCLAHE(clipLimit=limit, tileGridSize=(8, 8)).apply(film)
    if _chance(rng, config.shading):
        depth = config.shading_depth
        coarse = rng.uniform(1 - depth, 1 + depth, (3, 3)).astype(np.float32)
        field = cv2.resize(coarse, film.shape[::-1], interpolation=cv2.INTER_CUBIC)
        film = cv2.multiply(film, field, dtype=cv2.CV_8U)
    return film


def _detail(film: Films, rng: np.random.Generator, config: Augmentation) -> Films:
    if not _chance(rng, config.detail):
        return film
    amount = rng.uniform(*config.detail_amount)
    # Wide blurs are expensive, and their result fits into a quarter of the pixels along each side.
    small = cv2.resize(film, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), _log_uniform(rng, config.detail_sigma) / 4)
    ground = cv2.resize(small, film.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.addWeighted(film, 1 + amount, ground, -amount, 0.0)


def _sharpness(film: Films, other: Films, rng: np.random.Generator, config: Augmentation) -> Films:
    if _chance(rng, config.sharpness_match):
        smooth = cv2.GaussianBlur(film, (0, 0), rng.uniform(0.8, 1.6))
        present, floor = sharpness(film), sharpness(smooth)
        # The Laplacian is linear, so its mean magnitude is nearly linear in the weight of the smoothed
        # film, on both sides of 0: a negative weight sharpens (unsharp masking).
        weight = float(np.clip((present - sharpness(other)) / max(present - floor, 0.1), -2.0, 1.0))
        return cv2.addWeighted(film, 1 - weight, smooth, weight, 0.0)
    if _chance(rng, config.blur):
        film = cv2.GaussianBlur(film, (0, 0), rng.uniform(*config.blur_sigma))
    elif _chance(rng, config.sharpen):
        amount = rng.uniform(*config.sharpen_amount)
        smooth = cv2.GaussianBlur(film, (0, 0), rng.uniform(0.8, 2.5))
        film = cv2.addWeighted(film, 1 + amount, smooth, -amount, 0.0)
    if _chance(rng, config.low_resolution):
        low, high = config.low_resolution_side
        width, height = (int(side) for side in rng.integers(low, high + 1, 2))
        small = cv2.resize(film, (width, height), interpolation=_INTERPOLATIONS[rng.integers(3)])
        film = cv2.resize(
            small, film.shape[::-1], interpolation=_INTERPOLATIONS[rng.integers(1, 3)]
        )
    return film


def _occlusion(film: Films, rng: np.random.Generator, config: Augmentation) -> Films:
    height, width = film.shape
    if _chance(rng, config.erase):
        for _ in range(int(rng.integers(1, 3))):
            high, wide = (rng.uniform(*config.erase_side, 2) * film.shape).astype(int)
            y, x = int(rng.integers(0, height - high + 1)), int(rng.integers(0, width - wide + 1))
            film[y : y + high, x : x + wide] = rng.integers(256)
    if _chance(rng, config.marker):
        # A letter and a plate near the upper or lower corners: side markers, names, dates.
        bright = int(rng.integers(170, 256))
        x, y = int(rng.integers(0, width // 5)), int(rng.integers(0, height // 5))
        x = x if rng.random() < 0.5 else width - 24 - x
        y = y + 22 if rng.random() < 0.7 else height - 4 - y
        if rng.random() < 0.3:
            wide, high = (int(side) for side in rng.integers(10, 40, 2))
            cv2.rectangle(film, (x, y - high), (x + wide, y), bright, -1)
        else:
            text = "LRAPD8"[rng.integers(6)] * int(rng.integers(1, 3))
            cv2.putText(
                film, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.4, 1.0), bright, 2
            )
    if _chance(rng, config.frame):
        grey = 0 if rng.random() < 0.75 else int(rng.integers(256))
        widths = rng.uniform(0.0, config.frame_max, 4) * (rng.random(4) < 0.6)
        left, top, right, bottom = (int(part) for part in widths * (width, height, width, height))
        film[:top], film[height - bottom :] = grey, grey
        film[:, :left], film[:, width - right :] = grey, grey
    return film


def _acquisition(
    film: Films, pool: NDArray[np.float32] | None, rng: np.random.Generator, config: Augmentation
) -> Films:
    if pool is not None and _chance(rng, config.noise):
        start = int(rng.integers(pool.size - film.size + 1))
        grain = pool[start : start + film.size].reshape(film.shape)
        film = cv2.addWeighted(
            film, 1.0, grain, rng.uniform(*config.noise_sigma), 0.0, dtype=cv2.CV_8U
        )
    if _chance(rng, config.jpeg):
        low, high = config.jpeg_quality
        _, code = cv2.imencode(
            ".jpg", film, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(low, high + 1)))
        )
        film = np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))
    return film
