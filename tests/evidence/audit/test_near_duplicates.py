from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="needs the [train] extra")

from film_sets import Film, chests, saved
from pneumoscope import images
from pneumoscope.data import duplicates
from pneumoscope.evidence.audit import near_duplicates
from pneumoscope.evidence.audit.near_duplicates import Copy, copies, united


def copies_of(films: list[Film]) -> tuple[Copy, ...]:
    squares = [images.resample(film, 224) for film in films]
    hashes = [f"{film.shape}{film.tobytes().hex()}" for film in films]
    thumbs = np.stack([duplicates.thumbnail(f) for f in squares])
    return copies(hashes, thumbs, squares.__getitem__)


def resized(film: Film, side: int) -> Film:
    return cv2.resize(film, (side, side), interpolation=cv2.INTER_AREA)


PLANTS = {
    "exact": lambda film: film.copy(),
    "saved at 30": lambda film: saved(film, 30),
    "saved at 60, smaller": lambda film: saved(resized(film, 120), 60),
    "smaller": lambda film: resized(film, 112),
    "mirrored": lambda film: film[:, ::-1].copy(),
    "mirrored, saved at 50": lambda film: saved(film[:, ::-1].copy(), 50),
    "upside down": lambda film: film[::-1].copy(),
    "quarter turn": lambda film: np.rot90(film).copy(),
    "shifted": lambda film: np.roll(film, 2, 1),
    "equalised": lambda film: cv2.createCLAHE(3.0, (8, 8)).apply(film),
}


def check_plants(films: list[Film]) -> None:
    """Every film gets one planted copy; at least 95 % of each kind are found, and nothing else is."""
    distinct = {copy.films for copy in copies_of(films)}
    assert distinct == set()
    kinds = list(PLANTS)
    planted = films + [PLANTS[kinds[i % len(kinds)]](film) for i, film in enumerate(films)]
    pairs = {copy.films: copy for copy in copies_of(planted)}
    count = len(films)
    for k, kind in enumerate(kinds):
        expected = {(i, i + count) for i in range(k, count, len(kinds))}
        hit = expected & set(pairs)
        assert len(hit) >= 0.95 * len(expected), kind
        assert all(pairs[pair].exact == (kind == "exact") for pair in hit)
    assert set(pairs) <= {(i, i + count) for i in range(count)}
    assert pairs[4, 4 + count].turn == "mirrored"
    assert pairs[0, count].turn == ""


@pytest.mark.slow
def test_planted_copies_of_drawn_films_are_found_and_nothing_else() -> None:
    check_plants(chests(120))


@pytest.mark.slow
def test_planted_copies_of_500_real_films_are_found_and_nothing_else(films_dir: Path) -> None:
    folder = films_dir / "chest_xray" / "train"
    if not folder.is_dir():
        pytest.skip("the real films have another layout")
    paths = sorted(folder.glob("*/*.jpeg"))
    seen: set[bytes] = set()
    films = []
    for i in np.random.default_rng(1).permutation(len(paths)):
        film = images.model_input(images.read(paths[i]), 224)
        if film.tobytes() not in seen and len(films) < 500:
            seen.add(film.tobytes())
            films.append(film)
        if len(films) == 500:
            break
    check_plants(films)


def test_a_copy_that_is_cut_is_not_found() -> None:
    film = chests(3)
    assert copies_of([*film, images.resample(film[0][12:-12, 12:-12].copy(), 224)]) == ()


def test_blank_films_and_none() -> None:
    # Not the same pixels, and no details that could be alike.
    assert copies_of([np.full((224, 224), grey, np.uint8) for grey in (0, 10)]) == ()
    assert copies([], np.zeros((0, 32, 32), np.uint8), lambda _: np.zeros((224, 224))) == ()


def test_likeness_looks_for_small_shifts() -> None:
    film = near_duplicates.local_contrast(chests(1)[0])
    assert near_duplicates.likeness(film, film) == pytest.approx(1, abs=1e-5)
    assert near_duplicates.likeness(film, np.roll(film, 2, 0)) == pytest.approx(1, abs=1e-5)
    assert near_duplicates.likeness(film, film[::-1].copy()) < 0.5


def test_groups_join_patients_and_copies() -> None:
    pair = Copy((1, 3), False, "", 0.9)
    groups = united(["a", "a", "b", "c", "c", "d"], [pair])
    # Copies 1 and 3 join the patients a and c.
    assert groups[0] == groups[1] == groups[3] == groups[4]
    assert len({groups[0], groups[2], groups[5]}) == 3
