"""Films composed of two, lung by lung, so that a network must find its evidence on the lungs.

Three changes, each with a label that is known exactly or nearly:

- **surroundings**: everything outside the lungs comes from another film. The label is that of the
  lungs. The outline is widened, moved and blurred, so that its shape gives nothing away.
- **parts**: one lung, a rectangle or some squares come from another film, moved so that its lungs lie
  where the film's own do, and in its tones. Each part of a healthy film must be called healthy; a part
  of an ill film may be.
- **blanked**: the lungs are filled with grey, a blur or noise. Nothing can be said about such a film.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumoscope.train.data.augment import matched

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Film = NDArray[np.uint8]

WHOLE, SURROUNDINGS, PARTS, BLANKED = range(4)
_TRIM = 0.02
"""Share of a lung's pixels outside its box on each side: a few stray pixels do not move the box."""
_ZOOM = (0.6, 1.7)
"""Least and largest factor by which a partner is stretched to fit."""
_TONED = 0.6
"""Share of the partners that take the film's tones; the others keep their own."""


_SEAM_PX, _MATCHED = 2.0, 0.75
"""Of `with_side_of`: width of the seam, in pixels, and share of the way to the film's tones; both in the
middle of those of `compose`."""


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """One film of a batch, before its augmentation.

    Attributes:
        kind: `WHOLE`, `SURROUNDINGS`, `PARTS` or `BLANKED`.
        film: uint8 (side, side).
        lungs: uint8 (2, side, side), 255 on the lungs of the picture's left and right side.
        other: uint8 (side, side), 255 where the partner's class counts.
    """

    kind: int
    film: Film
    lungs: Film
    other: Film


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the films that are changed, each in [0, 1], at most 1 together."""

    surroundings: float
    parts: float
    blanked: float

    def draw(self, rng: np.random.Generator) -> int:
        """The kind of one film."""
        limits = np.cumsum([self.surroundings, self.parts, self.blanked])
        return (SURROUNDINGS, PARTS, BLANKED, WHOLE)[
            int(np.searchsorted(limits, rng.random(), side="right"))
        ]


def compose(
    film: Film,
    lungs: Film,
    partner: Film,
    partner_lungs: Film,
    kind: int,
    rng: np.random.Generator,
) -> Composition:
    """Composes one film with its partner.

    Args:
        film: uint8 (side, side).
        lungs: uint8 (2, side, side), 255 on its lungs, see `pneumoscope.data.masks`.
        partner: uint8 (side, side).
        partner_lungs: Likewise.
        kind: Of the composition.
        rng: Random generator.
    """
    nowhere = np.zeros_like(film)
    if kind == WHOLE or not lungs.any():
        return Composition(WHOLE, film, lungs, nowhere)
    if kind == BLANKED:
        return Composition(BLANKED, _blanked(film, lungs, rng), lungs, nowhere)
    other, other_lungs = _moved(partner, partner_lungs, lungs)
    if rng.random() < _TONED:
        other = matched(other, film, rng.uniform(0.5, 1.0))
    if kind == SURROUNDINGS:
        inside = _outline(lungs.max(axis=0), rng, (2, 13))
        return Composition(SURROUNDINGS, _blend(film, other, inside), lungs, nowhere)
    theirs = _part(lungs, rng)
    edge = cv2.GaussianBlur(theirs.astype(np.float32) / 255, (0, 0), rng.uniform(0.5, 4.0))
    both = np.where(theirs[None] > 0, other_lungs, lungs)
    return Composition(PARTS, _blend(other, film, edge), both, theirs)


def with_side_of(
    film: Film, lungs: Film, partner: Film, partner_lungs: Film, *, left: bool
) -> Film:
    """A film with one side of the chest of another one, in its tones.

    Of an ill film and a healthy partner, only the other side is ill: where does the heat lie?

    Args:
        film: uint8 (side, side).
        lungs: uint8 (2, side, side), 255 on its lungs.
        partner: uint8 (side, side).
        partner_lungs: Likewise.
        left: Whether the left side of the picture is the partner's.
    """
    other, _ = _moved(partner, partner_lungs, lungs)
    theirs = np.zeros(film.shape, np.float32)
    theirs[:, : _between(lungs)] = 1
    edge = cv2.GaussianBlur(theirs if left else 1 - theirs, (0, 0), _SEAM_PX)
    return _blend(matched(other, film, _MATCHED), film, edge)


def _blend(film: Film, other: Film, share: NDArray[np.float32]) -> Film:
    return np.asarray(share * film + (1 - share) * other, np.uint8)


def _box(lungs: Film) -> tuple[float, float, float, float] | None:
    """Left, right, top and bottom of both lungs, without a few stray pixels."""
    rows, columns = np.nonzero(lungs.max(axis=0) > 127)
    if len(rows) < lungs[0].size // 250:
        return None
    left, right = np.quantile(columns, (_TRIM, 1 - _TRIM))
    top, bottom = np.quantile(rows, (_TRIM, 1 - _TRIM))
    return float(left), float(right), float(top), float(bottom)


def _moved(partner: Film, partner_lungs: Film, lungs: Film) -> tuple[Film, Film]:
    """The partner and its lungs, stretched so that the boxes of the lungs agree."""
    want, have = _box(lungs), _box(partner_lungs)
    if want is None or have is None:
        return partner, partner_lungs
    rows = []
    for low, high, own_low, own_high in (
        (want[0], want[1], have[0], have[1]),
        (want[2], want[3], have[2], have[3]),
    ):
        zoom = float(np.clip((high - low) / max(own_high - own_low, 1.0), *_ZOOM))
        rows.append((zoom, (low + high) / 2 - zoom * (own_low + own_high) / 2))
    (across, right), (down, below) = rows
    matrix = np.array([[across, 0, right], [0, down, below]])
    size = partner.shape[::-1]
    film = cv2.warpAffine(partner, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(film, np.uint8), np.stack(
        [cv2.warpAffine(mask, matrix, size) for mask in partner_lungs]
    )


def _outline(lungs: Film, rng: np.random.Generator, widths: tuple[int, int]) -> NDArray[np.float32]:
    """A soft outline around the lungs that does not follow them closely: float32 in [0, 1]."""
    side = len(lungs)
    unit = side / 224
    width = round(rng.integers(*widths, endpoint=True) * unit)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1,) * 2)
    wide = cv2.dilate(lungs, kernel)
    shift = rng.uniform(-4, 4, 2) * unit
    zoom = rng.uniform(0.95, 1.08, 2)
    matrix = np.column_stack([np.diag(zoom), side / 2 * (1 - zoom) + shift])
    wide = cv2.warpAffine(wide, matrix, (side, side))
    return cv2.GaussianBlur(wide.astype(np.float32) / 255, (0, 0), rng.uniform(1, 6) * unit)


def _part(lungs: Film, rng: np.random.Generator) -> Film:
    """Which pixels are the partner's: half of them one side of the chest; else a shape; uint8, 0 or 255."""
    side = lungs.shape[-1]
    part = np.zeros((side, side), np.uint8)
    kind = rng.integers(4)
    if kind < 2:
        middle = _between(lungs)
        part[:, :middle] = 255
        return part if kind else 255 - part
    if kind == 2:
        height, width = (rng.uniform(0.22, 0.67, 2) * side).astype(int)
        top, left = (int(rng.integers(0, side - n + 1)) for n in (height, width))
        part[top : top + height, left : left + width] = 255
        return part
    squares = (rng.permutation(16) < rng.integers(4, 13)).reshape(4, 4).astype(np.uint8) * 255
    return np.asarray(cv2.resize(squares, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)


def _between(lungs: Film) -> int:
    """The column between the lungs; the middle of the picture where there is only one."""
    side = lungs.shape[-1]
    if not all(lung.any() for lung in lungs):
        return side // 2
    columns = np.arange(side)
    centres = [float(np.average(columns, weights=lung.sum(axis=0) + 1e-9)) for lung in lungs]
    return int(np.clip(np.mean(centres), 0.3 * side, 0.7 * side))


def _blanked(film: Film, lungs: Film, rng: np.random.Generator) -> Film:
    inside = _outline(lungs.max(axis=0), rng, (0, 9))
    drawn = lungs.max(axis=0) > 127
    fillings = (
        lambda: np.full(film.shape, rng.integers(20, 200), np.float32),
        lambda: np.full(film.shape, film[drawn].mean() if drawn.any() else 80, np.float32),
        lambda: cv2.GaussianBlur(film, (0, 0), rng.uniform(0.07, 0.18) * len(film)),
    )
    filling = fillings[rng.integers(3)]().astype(np.float32)
    if rng.random() < 0.5:
        filling += rng.normal(0, rng.uniform(2, 15), film.shape)
    return _blend(np.clip(filling, 0, 255).astype(np.uint8), film, inside)
