"""The objects of a bucket, in fsspec's file system in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fsspec
import pytest

from grey_films import BRIGHT, DARK, zipped
from pneumoscope.errors import (
    EmptySource,
    MissingFile,
    NotPermitted,
    TooLarge,
    UnreadableImage,
    UsageError,
)
from pneumoscope.watch import bucket
from pneumoscope.watch.bucket import open_bucket


@pytest.fixture
def memory() -> Iterator[Any]:
    """An empty file system in memory."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def test_objects_come_with_paths_below_the_prefix(memory: Any) -> None:
    for name in (
        "films/a.png",
        "films/ward/b.png",
        "films/.c.png",
        "films/out/d.png",
        "films2/e.png",
    ):
        memory.pipe_file(f"/hospital/{name}", BRIGHT[1])
    place = open_bucket("memory://hospital/films/", "out")
    assert [file.path for file in place.files()] == ["a.png", "ward/b.png"]
    assert [file.path for file in place.files("ward")] == ["ward/b.png"]
    assert place.shown("a.png") == "memory://hospital/films/a.png"
    assert place.label == "films"
    assert place.file("ward/c.png") is None
    assert place.file("ward") is None


def test_the_version_changes_with_the_object(memory: Any) -> None:
    memory.pipe_file("/b/a.png", BRIGHT[1])
    place = open_bucket("memory://b")
    first = place.file("a.png")
    assert first == place.file("a.png") == next(iter(place.files()))
    memory.pipe_file("/b/a.png", DARK[1])
    assert place.file("a.png") != first


@pytest.mark.parametrize("facts", [{"ETag": '"1"'}, {"etag": "1"}, {"md5Hash": "1"}])
def test_the_hashes_of_all_stores_are_versions(facts: dict[str, str]) -> None:
    place = open_bucket("memory://b")
    known = {"type": "file", "size": 3, "LastModified": "2026-01-01"}
    first = place._listed("/b/a.png", known | facts)
    other = place._listed("/b/a.png", known | dict.fromkeys(facts, "2"))
    assert first != other
    assert first == place._listed("/b/a.png", known | facts)


def test_reading(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe_file("/b/doe.png", BRIGHT[1])
    memory.pipe_file("/b/empty.png", b"")
    place = open_bucket("memory://b")
    assert place.read("doe.png") == BRIGHT[1]
    assert place.head("doe.png") == BRIGHT[1][:260]
    assert place.head("gone.png") == b""
    with pytest.raises(EmptySource, match=r"^film: "):
        place.read("empty.png")
    with pytest.raises(MissingFile, match=r"^film: "):
        place.read("gone.png")
    monkeypatch.setattr(bucket, "MAX_BYTES", 10)
    with pytest.raises(TooLarge):
        place.read("doe.png")


@pytest.mark.parametrize(
    ("raised", "kind"),
    [(PermissionError("no"), NotPermitted), (TimeoutError("late"), UnreadableImage)],
)
def test_failures_of_the_store_are_errors_of_films(
    memory: Any, monkeypatch: pytest.MonkeyPatch, raised: Exception, kind: type[Exception]
) -> None:
    memory.pipe_file("/b/a.png", BRIGHT[1])

    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(type(memory), "cat_file", fail)
    with pytest.raises(kind) as caught:
        open_bucket("memory://b").read("a.png")
    assert caught.value.__cause__ is raised


def test_a_store_that_does_not_answer_is_an_error_and_not_an_empty_list(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(type(memory), "find", fail)
    memory.pipe_file("/b/a.png", BRIGHT[1])
    with pytest.raises(UsageError, match=r"memory://b: cannot be listed \(no route to host\)"):
        list(open_bucket("memory://b").files())
    with pytest.raises(UsageError, match="no such folder"):
        list(open_bucket("memory://gone").files())


def test_archives(memory: Any) -> None:
    memory.pipe_file("/b/films.zip", zipped(BRIGHT, DARK))
    films = dict(open_bucket("memory://b").archive_films("films.zip"))
    assert films == {"bright.png": BRIGHT[1], "dark.png": DARK[1]}
    [(inner, error)] = open_bucket("memory://b").archive_films("gone.zip")
    assert (inner, type(error)) == ("", MissingFile)
