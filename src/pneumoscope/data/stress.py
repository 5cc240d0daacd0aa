"""A fixed set of perturbations that imitate other hospitals' devices.

Validation films come from the same hospital as the training films, so plain validation cannot
distinguish a network that reads lungs from one that recognises the scanner. The worst result over this
set does so better. Nothing here is random between calls. Most perturbations are related to a training
augmentation, with a value inside its range, so passing them is necessary but not sufficient;
contrast-low, brightness and illumination are not related to any, clahe only if the recipe has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

Film = NDArray[np.uint8]
Perturbation = Callable[[Film], Film]

_SEED = 2017


def stress_suite() -> dict[str, Perturbation]:
    """Name to perturbation of one 8-bit film; each keeps the film's shape."""
    return {
        "blur": partial(_blur, sigma=1.8),
        "sharpen": partial(_sharpen, sigma=1.2, amount=1.5),
        "low-resolution": partial(_low_resolution, side=80),
        "jpeg": partial(_jpeg, quality=20),
        "gamma-bright": partial(_gamma, exponent=0.6),
        "gamma-dark": partial(_gamma, exponent=1.6),
        "contrast-low": partial(_contrast, factor=0.6),
        "contrast-high": partial(_contrast, factor=1.4),
        "brightness-up": partial(_brightness, shift=40),
        "brightness-down": partial(_brightness, shift=-40),
        "noise": partial(_noise, sigma=10.0),
        "frame": partial(_frame, part=0.08),
        "cut-rows": partial(_cut, rows=30, columns=0),
        "cut-columns": partial(_cut, rows=0, columns=30),
        "crop": partial(_cut, rows=22, columns=22),
        "letterbox": partial(_letterbox, part=0.12),
        "rotation-left": partial(_rotate, degrees=7.0),
        "rotation-right": partial(_rotate, degrees=-7.0),
        "clahe": partial(_clahe, limit=4.0),
        "marker": _marker,
        "illumination": partial(_illumination, depth=0.35),
    }


@dataclass(frozen=True, slots=True)
class Severity:
    """One perturbation at one of five severities.

    Attributes:
        kind: Kind, such as ``"jpeg"``.
        level: 1 (mild) to 5 (a film that a reader would reject).
        words: Words, such as ``"JPEG quality 20"``.
        perturb: Keeps the film's shape.
    """

    kind: str
    level: int
    words: str
    perturb: Perturbation


def severities() -> tuple[Severity, ...]:
    """What may happen to a film between detector and network, at five severities each, mildest first.

    Values are for films of 224 x 224 pixels; severity 3 is that of `stress_suite`. Negatives mix a film
    with its inverse: 100 % is what a viewer shows if it takes MONOCHROME1 for MONOCHROME2 (DICOM PS3.3,
    C.7.6.3.1.2).
    """
    table: tuple[tuple[str, str, Callable[..., Film], str, tuple[float, ...]], ...] = (
        ("blur", "blur, sigma {:g} pixels", _blur, "sigma", (0.6, 1.2, 1.8, 2.7, 4.0)),
        ("sharpen", "sharpened by {:g}", partial(_sharpen, sigma=1.2), "amount",
         (0.5, 1.0, 1.5, 2.5, 4.0)),
        ("resolution", "{0:g} x {0:g} pixels", _low_resolution, "side", (160, 112, 80, 56, 40)),
        ("jpeg", "JPEG quality {:g}", _jpeg, "quality", (60, 40, 20, 10, 5)),
        ("contrast-low", "contrast x {:g}", _contrast, "factor", (0.8, 0.7, 0.6, 0.45, 0.3)),
        ("contrast-high", "contrast x {:g}", _contrast, "factor", (1.2, 1.3, 1.4, 1.7, 2.2)),
        ("gamma-bright", "gamma {:g}", _gamma, "exponent", (0.8, 0.7, 0.6, 0.45, 0.3)),
        ("gamma-dark", "gamma {:g}", _gamma, "exponent", (1.25, 1.4, 1.6, 2.2, 3.0)),
        ("noise", "noise of {:g} grey levels", _noise, "sigma", (3.0, 6.0, 10.0, 18.0, 30.0)),
        ("rotation", "turned by {:g} degrees", _rotate, "degrees", (3.0, 5.0, 7.0, 12.0, 20.0)),
        ("crop", "{:.0%} cut off at each edge", _crop, "part", (0.03, 0.06, 0.10, 0.15, 0.20)),
        ("negative", "mixed with {:.0%} of its negative", _negative, "part",
         (0.1, 0.2, 0.3, 0.75, 1.0)),
        ("borders", "black borders of {:.0%}", _frame, "part", (0.03, 0.05, 0.08, 0.12, 0.18)),
    )  # fmt: skip
    return tuple(
        Severity(kind, level, words.format(value), partial(function, **{name: value}))
        for kind, words, function, name, values in table
        for level, value in enumerate(values, 1)
    )


def _to_uint8(film: NDArray[np.floating]) -> Film:
    return np.clip(np.rint(film), 0, 255).astype(np.uint8)


def _blur(film: Film, sigma: float) -> Film:
    return cv2.GaussianBlur(film, (0, 0), sigma)


def _sharpen(film: Film, sigma: float, amount: float) -> Film:
    return cv2.addWeighted(film, 1 + amount, cv2.GaussianBlur(film, (0, 0), sigma), -amount, 0.0)


def _low_resolution(film: Film, side: int) -> Film:
    small = cv2.resize(film, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, film.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _jpeg(film: Film, quality: int) -> Film:
    _, code = cv2.imencode(".jpg", film, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))


def _gamma(film: Film, exponent: float) -> Film:
    return cv2.LUT(film, _to_uint8(255.0 * (np.arange(256) / 255.0) ** exponent))


def _contrast(film: Film, factor: float) -> Film:
    mean = float(film.mean())
    return _to_uint8((film.astype(np.float32) - mean) * factor + mean)


def _brightness(film: Film, shift: int) -> Film:
    return _to_uint8(film.astype(np.float32) + shift)


def _noise(film: Film, sigma: float) -> Film:
    grain = np.random.default_rng(_SEED).normal(0.0, sigma, film.shape)
    return _to_uint8(film + grain)


def _frame(film: Film, part: float) -> Film:
    height, width = film.shape
    y, x = round(part * height), round(part * width)
    framed = np.zeros_like(film)
    framed[y : height - y, x : width - x] = film[y : height - y, x : width - x]
    return framed


def _cut(film: Film, rows: int, columns: int) -> Film:
    height, width = film.shape
    kept = film[rows : height - rows, columns : width - columns]
    return cv2.resize(kept, (width, height), interpolation=cv2.INTER_LINEAR)


def _crop(film: Film, part: float) -> Film:
    height, width = film.shape
    return _cut(film, round(part * height), round(part * width))


def _negative(film: Film, part: float) -> Film:
    return _to_uint8((1 - part) * film + part * (255.0 - film))


def _letterbox(film: Film, part: float) -> Film:
    """The whole film, squeezed between black bars: an upright original in a square frame."""
    height, width = film.shape
    bar = round(part * width)
    boxed = np.zeros_like(film)
    boxed[:, bar : width - bar] = cv2.resize(
        film, (width - 2 * bar, height), interpolation=cv2.INTER_AREA
    )
    return boxed


def _rotate(film: Film, degrees: float) -> Film:
    height, width = film.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(
        film, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )


def _clahe(film: Film, limit: float) -> Film:
    return cv2.createCLAHE(clipLimit=limit, tileGridSize=(8, 8)).apply(film)


def _marker(film: Film) -> Film:
    marked = film.copy()
    width = film.shape[1]
    cv2.putText(marked, "R", (width - 40, 32), cv2.FONT_HERSHEY_DUPLEX, 1.1, 255, 3)
    return marked


def _illumination(film: Film, depth: float) -> Film:
    """Brighter towards the upper left, darker towards the lower right."""
    height, width = film.shape
    ramp = np.linspace(1, -1, height)[:, None] + np.linspace(1, -1, width)[None, :]
    return _to_uint8(film * (1 + depth * ramp / 2))
