"""Films are decoded once; another file, order or side is another entry."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.data import cache
from pneumoscope.errors import DataError, ImageError


def films(folder: Path, *levels: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = []
    for level in levels:
        paths.append(folder / f"{level}.png")
        Image.fromarray(np.full((80, 90), level, np.uint8)).save(paths[-1])
    return paths


class Steps(list[tuple[int, int]]):
    def __call__(self, done: int, total: int) -> None:
        self.append((done, total))


def test_pixels_and_their_hashes(tmp_path: Path) -> None:
    steps = Steps()
    pixels, hashes = cache.cached(films(tmp_path / "f", 10, 200), 64, tmp_path / "c", steps)
    assert (pixels.shape, pixels.dtype) == ((2, 64, 64), np.uint8)
    assert [int(film[0, 0]) for film in pixels] == [10, 200]
    assert hashes == [hashlib.sha256(bytes([level]) * 64 * 64).hexdigest() for level in (10, 200)]
    assert steps == [(1, 2), (2, 2)]


def test_nothing_is_decoded_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = films(tmp_path / "f", 10, 200)
    first, hashes = cache.cached(paths, 64, tmp_path / "c", Steps())

    def never(*_: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(cache, "film", never)
    again, same = cache.cached(paths, 64, tmp_path / "c", Steps())
    assert (again == first).all()
    assert same == hashes
    assert isinstance(again, np.memmap)


def entries(folder: Path) -> int:
    return len(list(folder.glob("*.npy")))


def test_what_makes_another_entry(tmp_path: Path) -> None:
    paths, home = films(tmp_path / "f", 10, 200), tmp_path / "c"
    cache.cached(paths, 64, home, Steps())
    cache.cached(paths, 64, home, Steps())
    assert entries(home) == 1
    cache.cached(paths, 65, home, Steps())
    assert entries(home) == 2
    cache.cached(paths[::-1], 64, home, Steps())
    assert entries(home) == 3
    Image.fromarray(np.full((81, 90), 10, np.uint8)).save(paths[0])  # another file of that name
    cache.cached(paths, 64, home, Steps())
    assert entries(home) == 4


def test_a_new_version_of_the_decoder_makes_all_entries_void(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, home = films(tmp_path / "f", 10), tmp_path / "c"
    cache.cached(paths, 64, home, Steps())
    monkeypatch.setattr(cache.images, "VERSION", cache.images.VERSION + 1)
    cache.cached(paths, 64, home, Steps())
    assert entries(home) == 2


def test_half_an_entry_is_made_again(tmp_path: Path) -> None:
    paths, home = films(tmp_path / "f", 10), tmp_path / "c"
    cache.cached(paths, 64, home, Steps())
    next(home.glob("*.json")).unlink()
    steps = Steps()
    assert cache.cached(paths, 64, home, steps)[0][0, 0, 0] == 10
    assert steps == [(1, 1)]


def test_a_film_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    paths = films(tmp_path / "f", 10, 200)
    paths[1].write_bytes(b"no film")
    with pytest.raises(DataError, match=r"200\.png") as error:
        cache.cached(paths, 64, tmp_path / "c", Steps())
    assert error.value.hint.endswith("Or remove the film.")
    assert isinstance(error.value.__cause__, ImageError)
    assert list((tmp_path / "c").iterdir()) == []


def test_a_missing_film_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.png"
    with pytest.raises(DataError, match=r"none\.png"):
        cache.cached([*films(tmp_path / "f", 10), missing], 64, tmp_path / "c", Steps())


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_home() == tmp_path / "pneumoscope" / "films"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/home/lee")
    assert cache.cache_home() == Path("/home/lee/.cache/pneumoscope/films")


def test_broken_films_are_named_all_at_once(tmp_path: Path) -> None:
    paths = films(tmp_path / "f", 10, 20, 30, 40)
    paths[1].write_bytes(b"no film")
    paths[3].write_bytes(b"")
    with pytest.raises(DataError, match="2 films cannot be read") as error:
        cache.cached(paths, 64, tmp_path / "c", Steps())
    assert "20.png" in str(error.value)
    assert "40.png" in str(error.value)
    assert "--skip-broken" in error.value.hint
    for path in paths:
        path.unlink()
    with pytest.raises(DataError, match="4 films cannot be read"):
        cache.cached(paths, 64, tmp_path / "c", Steps())


def test_films_without_the_broken_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = films(tmp_path / "f", 10, 20, 30, 40)
    paths[1].write_bytes(b"no film")
    paths[2].unlink()
    pixels, hashes, broken = cache.cached_readable(paths, 64, tmp_path / "c", Steps())
    assert [int(film[0, 0]) for film in pixels] == [10, 40]
    assert len(hashes) == 2
    assert [*broken] == [paths[2], paths[1]]
    assert "no such file" in broken[paths[2]]
    read: list[str] = []
    decode = cache.film
    monkeypatch.setattr(
        cache, "film", lambda path, side: (read.append(path.name), decode(path, side))[1]
    )
    again = cache.cached_readable(paths, 64, tmp_path / "c", Steps())
    assert (again[0] == pixels).all()
    assert again[1:] == (hashes, broken)
    assert read == ["20.png"]  # in case it can be read now
    for path in (paths[0], paths[3]):
        path.write_bytes(b"no film")
    with pytest.raises(DataError, match="none of the films can be read"):
        cache.cached_readable(paths, 64, tmp_path / "c", Steps())
