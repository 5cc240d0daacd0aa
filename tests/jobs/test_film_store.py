"""Films in memory and on the disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from pneumoscope.errors import DiskFull
from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.jobs.keys import Keys

SECRET = bytes(range(32))


def test_memory_for_films_is_bounded() -> None:
    films = FilmStore(10, Keys(SECRET))
    for name in "abc":
        films.put(name, bytes(4))
    assert [films.get(name) for name in "abc"] == [None, bytes(4), bytes(4)]
    films.get("b")
    films.put("d", bytes(4))  # b was used after c
    assert [films.get(name) for name in "bcd"] == [bytes(4), None, bytes(4)]
    films.put("large", bytes(11))
    assert films.get("large") is None
    films.drop(["b", "d", "unknown"])
    assert films._used_bytes == 0


@pytest.fixture
def kept(tmp_path: Path) -> FilmStore:
    """Films that are kept on the disk."""
    return FilmStore(10, Keys(SECRET), tmp_path / "films")


A, B, C = "a" * 32, "b" * 32, "c" * 32


def test_films_on_the_disk_are_encrypted_and_survive_the_server(
    kept: FilmStore, tmp_path: Path
) -> None:
    kept.put(A, b"film of Doe")
    file = tmp_path / "films" / A
    assert b"Doe" not in file.read_bytes()
    assert (tmp_path / "films").stat().st_mode & 0o777 == 0o700
    again = FilmStore(0, Keys(SECRET), tmp_path / "films")
    assert (again.get(A), again.ids()) == (b"film of Doe", {A})
    assert FilmStore(0, Keys(SECRET[::-1]), tmp_path / "films").get(A) is None
    # A film under another id, as somebody with access to the disk might put it there.
    file.rename(tmp_path / "films" / B)
    assert again.get(B) is None
    assert again.get(A) is None


def test_a_film_that_was_changed_on_the_disk_is_none(kept: FilmStore, tmp_path: Path) -> None:
    kept.keep(A, b"film")
    file = tmp_path / "films" / A
    sealed = file.read_bytes()
    for changed in (sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:7], b""):
        file.write_bytes(changed)
        assert kept.get(A) is None
    file.write_bytes(sealed)
    assert kept.get(A) == b"film"


def test_what_does_not_fit_in_memory_is_read_from_the_disk(kept: FilmStore) -> None:
    for name in (A, B, C):
        kept.put(name, name[:5].encode())
    assert kept._films.keys() == {B, C}
    assert [kept.get(name) for name in (A, B, C)] == [b"aaaaa", b"bbbbb", b"ccccc"]
    assert kept.ids() == {A, B, C}


def test_a_film_that_is_put_again_counts_once() -> None:
    films = FilmStore(10, Keys(SECRET))
    films.put("a", bytes(4))
    films.put("a", bytes(6))
    films.put("b", bytes(4))
    assert films.ids() == {"a", "b"}
    assert films._used_bytes == 10


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    films = FilmStore(0, Keys(SECRET))
    films.keep(A, b"film")
    films.put(A, b"film")
    assert (films.get(A), films.ids()) == (None, set())
    films.remove_partial_files()
    films.drop([A])


def test_dropping_takes_films_from_memory_and_disk(kept: FilmStore, tmp_path: Path) -> None:
    kept.put(A, b"1")
    kept.keep(B, b"2")
    kept.drop([A, B, C])
    assert kept.ids() == set()
    assert list((tmp_path / "films").iterdir()) == []
    assert kept._used_bytes == 0


def test_a_full_disk_leaves_no_half_film_and_the_film_in_memory(
    kept: FilmStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFull):
            kept.put(A, b"film")
    assert list((tmp_path / "films").iterdir()) == []
    assert kept.get(A) == b"film"
    kept.keep(A, b"film")  # there is room again
    assert (tmp_path / "films" / A).is_file()


def test_what_a_kill_left_half_written_is_swept(kept: FilmStore, tmp_path: Path) -> None:
    kept.keep(A, b"film")
    folder = tmp_path / "films"
    (folder / f".{B}.4711.part").write_bytes(b"half")
    (folder / "notes.txt").write_text("of an administrator")
    assert kept.ids() == {A}
    kept.remove_partial_files()
    assert {path.name for path in folder.iterdir()} == {A, "notes.txt"}
