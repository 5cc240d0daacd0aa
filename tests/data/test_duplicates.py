"""The same film twice, exactly or saved differently."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

cv2 = pytest.importorskip("cv2", reason="needs the [train] extra")

from numpy.typing import NDArray

from pneumoscope import data
from pneumoscope.data import duplicates
from pneumoscope.train.data import phantom


def duplicates_among(films: list[NDArray[np.uint8]]) -> tuple[duplicates.Duplicate, ...]:
    hashes = [f.tobytes().hex() for f in films]
    return duplicates.duplicates(hashes, np.stack([duplicates.thumbnail(f) for f in films]))


def chests(count: int) -> list[NDArray[np.uint8]]:
    """Drawn chests that share their shapes but each have vessels of their own."""
    rng = np.random.default_rng(0)
    films = phantom.films(count, 224, seed=3)[..., 0].astype(np.float32)
    grain = [cv2.GaussianBlur(rng.normal(0, 120, (224, 224)), (0, 0), 3) for _ in films]
    return list(np.clip(films + np.stack(grain), 0, 255).astype(np.uint8))


def saved(film: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(film).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream))


def test_details_are_films_less_their_surroundings() -> None:
    # One bright pixel in the middle: 250 there, less 250 / 25 in the 5 x 5 around, mean 0.
    film = np.zeros((1, 32, 32), np.uint8)
    film[0, 16, 16] = 250
    details = duplicates.details(film)[0].reshape(32, 32)
    raw = np.zeros((32, 32))
    raw[14:19, 14:19] = -10
    raw[16, 16] = 240
    assert details == pytest.approx(raw / np.linalg.norm(raw), abs=1e-6)


def test_look_alikes_are_not_duplicates() -> None:
    films = chests(40)
    thumbs = np.stack([duplicates.thumbnail(f) for f in films]).reshape(40, -1)
    plain = np.corrcoef(thumbs) - np.eye(40)
    assert plain.max() > duplicates.ALIKE  # whole thumbnails would mix them up
    assert duplicates_among(films) == ()


def test_no_two_real_films_are_near_duplicates(films_dir: Path) -> None:
    folder = films_dir / "chest_xray" / "train" / "NORMAL"
    if not folder.is_dir():
        pytest.skip("the real films have another layout")
    films = [np.array(Image.open(p).convert("L")) for p in sorted(folder.glob("*"))[:300]]
    assert [d for d in duplicates_among(films) if not d.exact] == []


def test_exact_and_near_duplicates() -> None:
    films = chests(6)
    films.append(films[2].copy())
    films.append(saved(films[4], 40))
    films.append(np.uint8(255 * (films[0] / 255) ** 0.8))
    exact, *near = duplicates_among(films)
    assert (exact.films, exact.exact, exact.correlation) == ((2, 6), True, 1.0)
    assert sorted(d.films for d in near) == [(0, 8), (4, 7)]
    assert all(not d.exact and duplicates.ALIKE <= d.correlation < 1 for d in near)
    assert near[0].correlation >= near[1].correlation


def test_many_films_go_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    films = chests(9)
    films.append(saved(films[1], 40))
    whole = duplicates_among(films)
    monkeypatch.setattr(duplicates, "_ROWS", 3)
    assert duplicates_among(films) == whole
    assert whole[0].films == (1, 9)


def test_nothing_and_blank_films_have_no_duplicates() -> None:
    assert duplicates.duplicates([], np.zeros((0, 32, 32), np.uint8)) == ()
    blank = np.zeros((2, 32, 32), np.uint8)
    blank[1] += 9
    assert duplicates.duplicates(["a", "b"], blank) == ()


def test_duplicates_of_a_film_set(films_folder: Path, tmp_path: Path) -> None:
    folder = films_folder / "train"
    shutil.copy(
        folder / "NORMAL" / "IM-0001-0000.jpeg", folder / "PNEUMONIA/person0_bacteria_0.jpeg"
    )
    films = data.load(
        films_folder, 224, task="binary", share=0.25, seed=0, cache=tmp_path / "cache"
    )
    pair = duplicates.of(films)[0]  # drawn films have so few shapes that some are alike
    assert pair.films == (2, 24)
    assert duplicates.across(pair, films.labels.tolist())
    assert not duplicates.across(pair, [film.split for film in films.films])
