from __future__ import annotations

import builtins
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from pneumoscope.batch import buckets
from pneumoscope.batch.buckets import BucketFilm, filesystem, objects_below, stamp_of
from pneumoscope.batch.listing import Listing
from pneumoscope.errors import MissingFile, TooLarge, UsageError
from pneumoscope.images import load_bytes

fsspec = pytest.importorskip("fsspec", reason="needs fsspec")


@pytest.fixture
def bucket() -> Iterator[str]:
    """A URL in memory with three films and other objects."""
    url = f"memory://{uuid.uuid4().hex}/films"
    system, root = buckets.split_url(url)
    for name in ("b/2.png", "b/c/3.dcm", "1.png", "notes.md", ".git/4.png"):
        system.pipe_file(f"{root}/{name}", name.encode())
    yield url
    system.rm(root, recursive=True)


def test_objects_are_listed_folder_by_folder(bucket: str) -> None:
    paths = [path for path, _, _ in objects_below(bucket)]
    assert paths == ["1.png", "notes.md", "b/2.png", "b/c/3.dcm"]


def test_a_bucket_is_a_source_of_films(bucket: str) -> None:
    films = list(Listing(f"{bucket}/").films())
    assert [film.name for film in films] == ["1.png", "b/2.png", "b/c/3.dcm"]
    assert load_bytes(films[1].source, "2") == b"b/2.png"
    assert isinstance(films[1].source, BucketFilm)
    assert films[1].source.size == 7
    assert all(film.stamp for film in films)


def test_a_manifest_in_a_bucket_names_films_relative_to_it(bucket: str) -> None:
    system, root = buckets.split_url(bucket)
    system.pipe_file(f"{root}/m.csv", f"path\nb/2.png\n{bucket}/1.png\nb/9.png\n".encode())
    films = list(Listing(f"{bucket}/m.csv").films())
    assert [film.name for film in films] == ["b/2.png", f"{bucket}/1.png", "b/9.png"]
    assert [load_bytes(film.source, "") for film in films[:2]] == [b"b/2.png", b"1.png"]
    with pytest.raises(MissingFile, match=r"b/9\.png: no such file"):
        load_bytes(films[2].source, films[2].name)


def test_a_large_object_is_not_read(bucket: str) -> None:
    with pytest.raises(TooLarge, match="7 bytes"):
        load_bytes(BucketFilm(f"{bucket}/b/2.png", 7), "2.png", 5)
    with pytest.raises(TooLarge):
        load_bytes(BucketFilm(f"{bucket}/b/2.png"), "2.png", 5)


def test_what_a_store_says_about_an_object_is_its_stamp() -> None:
    assert stamp_of({"size": 3, "ETag": '"abc"', "LastModified": "today"}) == "3-abc"
    assert stamp_of({"size": 3, "mtime": 1.5}) == "3-1.5"
    assert stamp_of({"size": 3}) == "3-"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    filesystem.cache_clear()
    with pytest.raises(UsageError, match="unknown kind of object store"):
        filesystem("ftpx")
    load = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] in ("s3fs", "fsspec"):
            raise ImportError(f"no {name}")
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UsageError, match="s3:// needs fsspec") as missing:
        filesystem("s3")
    assert missing.value.hint == "Install it with: pip install fsspec s3fs"


def test_a_package_that_fsspec_misses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    filesystem.cache_clear()

    def refuse(scheme: str, **_: object) -> None:
        raise ImportError(f"Install it to access {scheme}")

    monkeypatch.setattr(fsspec, "filesystem", refuse)
    with pytest.raises(UsageError, match="gs:// cannot be used") as missing:
        Listing("gs://bucket/films")
    assert missing.value.hint == "Install it with: pip install fsspec gcsfs"


def test_a_store_that_does_not_answer_is_an_error_with_a_hint(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, _ = buckets.split_url(bucket)

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("403")

    monkeypatch.setattr(system, "ls", refuse)
    with pytest.raises(UsageError, match="cannot be listed") as refused:
        list(objects_below(bucket))
    assert "credentials" in refused.value.hint


@pytest.mark.parametrize("error", [PermissionError, OSError])
def test_a_folder_that_cannot_be_listed_is_not_left_out(
    bucket: str, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    system, _ = buckets.split_url(bucket)
    ls = system.ls

    def refuse(path: str, *args: object, **options: object) -> object:
        if path.endswith("/c"):
            raise error("refused")
        return ls(path, *args, **options)

    monkeypatch.setattr(system, "ls", refuse)
    with pytest.raises(UsageError, match="cannot be listed"):
        list(objects_below(bucket))


def test_a_folder_that_was_deleted_meanwhile_has_no_objects(bucket: str) -> None:
    system, root = buckets.split_url(bucket)
    objects = objects_below(bucket)
    assert next(objects)[0] == "1.png"
    system.rm(f"{root}/b", recursive=True)
    assert [path for path, _, _ in objects] == ["notes.md"]
    assert list(objects_below(f"{bucket}/none")) == []


def test_paths_are_no_urls() -> None:
    assert buckets.is_url("s3://bucket/films")
    assert not buckets.is_url("file:///films")
    assert not buckets.is_url("C:/films")
    assert buckets.plain_path("file:///films") == "/films"
