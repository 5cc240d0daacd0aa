"""Films composed lung by lung: which pixels and which label come from where."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2")

from pneumoscope.train.data import compositions
from pneumoscope.train.data.compositions import BLANKED, PARTS, SURROUNDINGS, WHOLE, Shares, compose

SIDE = 112
Film = NDArray[np.uint8]


def lungs(shift: int = 0) -> Film:
    """Two lungs of 60 x 30 pixels, moved to the right."""
    masks = np.zeros((2, SIDE, SIDE), np.uint8)
    masks[0, 25:85, 15 + shift : 45 + shift] = 255
    masks[1, 25:85, 60 + shift : 90 + shift] = 255
    return masks


def film(inside: int, outside: int, shift: int = 0) -> Film:
    return np.where(lungs(shift).max(0) > 0, inside, outside).astype(np.uint8)


def composed(kind: int, seed: int) -> compositions.Composition:
    """A film of 60 in the lungs and 160 around them, with a partner of 110 and 210."""
    return compose(
        film(60, 160), lungs(), film(110, 210, 10), lungs(10), kind, np.random.default_rng(seed)
    )


def test_kinds_are_drawn_as_often_as_asked() -> None:
    rng = np.random.default_rng(0)
    shares = Shares(0.3, 0.4, 0.1)
    counts = np.bincount([shares.draw(rng) for _ in range(5000)], minlength=4) / 5000
    assert counts[[SURROUNDINGS, PARTS, BLANKED, WHOLE]] == pytest.approx(
        [0.3, 0.4, 0.1, 0.2], abs=0.025
    )


def test_whole_films_and_films_without_a_mask_stay() -> None:
    assert (composed(WHOLE, 0).film == film(60, 160)).all()
    for kind in (SURROUNDINGS, PARTS, BLANKED):
        nothing = np.zeros_like(lungs())
        made = compose(film(60, 160), nothing, film(0, 0), lungs(), kind, np.random.default_rng(0))
        assert made.kind == WHOLE
        assert (made.film == film(60, 160)).all()
        assert not made.other.any()


@pytest.mark.parametrize("seed", range(8))
def test_surroundings_keep_the_lungs(seed: int) -> None:
    made = composed(SURROUNDINGS, seed)
    middle = np.zeros((SIDE, SIDE), bool)
    middle[40:70, 25:35] = middle[40:70, 70:80] = True
    assert np.abs(made.film[middle].astype(int) - 60).max() <= 2
    # The corners are the partner's, in its own tones or the film's.
    assert made.film[0, 0] != 160 or made.film[-1, -1] != 60
    assert not made.other.any()
    assert (made.lungs == lungs()).all()


def test_the_outline_is_another_each_time() -> None:
    bright = np.full((SIDE, SIDE), 250, np.uint8)
    made = [
        compose(film(0, 0), lungs(), bright, lungs(), SURROUNDINGS, np.random.default_rng(seed))
        for seed in range(8)
    ]
    kept = {int((m.film[55] < m.film.max() / 2).sum()) for m in made}
    assert len(kept) > 3
    assert min(kept) >= 60  # both lungs, never cut


@pytest.mark.parametrize("seed", range(20))
def test_parts_say_which_pixels_are_the_partners(seed: int) -> None:
    made = composed(PARTS, seed)
    theirs = made.other > 0
    assert 0 < theirs.mean() < 1
    assert set(np.unique(made.other)) == {0, 255}
    # Away from the blurred border, pixels of the film's own are unchanged.
    unchanged = ~_widened(theirs)
    assert (np.abs(made.film[unchanged].astype(int) - film(60, 160)[unchanged]) <= 1).all()
    # The partner's lungs, 10 pixels to the right, were moved onto the film's.
    both = made.lungs.max(axis=0) > 127
    assert np.mean(both == (lungs().max(axis=0) > 0)) > 0.97


def test_half_of_the_parts_are_one_side_of_the_chest() -> None:
    sides = 0
    for seed in range(200):
        other = composed(PARTS, seed).other > 0
        sides += bool((other == other[0]).all() and (np.diff(other[0].astype(int)) != 0).sum() == 1)
    assert 70 < sides < 130


@pytest.mark.parametrize("seed", range(8))
def test_blanked_lungs_show_nothing(seed: int) -> None:
    opacity = film(60, 160)
    opacity[50:60, 25:35] = 250
    made = compose(opacity, lungs(), film(0, 0), lungs(), BLANKED, np.random.default_rng(seed))
    assert made.kind == BLANKED
    assert made.film[50:60, 25:35].mean() < 215
    assert (np.abs(made.film[:5].astype(int) - 160) <= 6).all()
    assert (made.lungs == lungs()).all()


def _widened(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    import cv2

    return cv2.dilate(area.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0


def test_one_side_of_the_chest_comes_from_the_partner() -> None:
    lungs = np.zeros((2, 64, 64), np.uint8)
    lungs[0, 16:48, 8:24] = lungs[1, 16:48, 40:56] = 255
    rng = np.random.default_rng(0)
    film, partner = (rng.integers(60, 200, (64, 64)).astype(np.uint8) for _ in range(2))
    for left in (True, False):
        made = compositions.with_side_of(film, lungs, partner, lungs, left=left)
        kept = slice(40, None) if left else slice(0, 24)
        theirs = slice(0, 24) if left else slice(40, None)
        np.testing.assert_allclose(made[:, kept], film[:, kept], atol=1)  # rounded down
        # In the tones of the film, but with the partner's details.
        detail = np.corrcoef(made[:, theirs].ravel(), partner[:, theirs].ravel())[0, 1]
        assert detail > 0.99
