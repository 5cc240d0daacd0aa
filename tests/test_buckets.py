from __future__ import annotations

import builtins
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from pneumoscope import buckets
from pneumoscope.batch.listing import Listing
from pneumoscope.buckets import BucketFilm, file_system, objects_below, stamp_of, version_of
from pneumoscope.errors import (
    EmptySource,
    MissingExtra,
    MissingFile,
    NotPermitted,
    TooLarge,
    UnreadableImage,
    UsageError,
)
from pneumoscope.images import load_bytes

fsspec = pytest.importorskip("fsspec", reason="needs fsspec")


@pytest.fixture
def bucket() -> Iterator[str]:
    """A URL in memory with three films and other objects."""
    url = f"memory://{uuid.uuid4().hex}/films"
    system, root = file_system(url)
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
    system, root = file_system(bucket)
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
    known = {"LastModified": "2026-01-01", "mtime": 1.5}
    for tag in ("ETag", "etag", "md5Hash", "content_md5"):
        assert version_of(known | {tag: "1"}) == "1"
    moment = datetime.fromtimestamp(1.5, UTC)
    assert version_of({"created": moment}) == version_of({"mtime": 1.5}) == "1.5"


def test_an_object_is_looked_up_by_one_request(bucket: str) -> None:
    film, stamp = BucketFilm(f"{bucket}/b/2.png").looked_up("2.png")
    assert film == BucketFilm(f"{bucket}/b/2.png", 7)
    assert stamp == next(stamp for path, _, stamp in objects_below(bucket) if path == "b/2.png")
    with pytest.raises(MissingFile, match=r"9\.png: no such file"):
        BucketFilm(f"{bucket}/9.png").looked_up("9.png")


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (PermissionError("no"), NotPermitted),
        (FileNotFoundError(), MissingFile),
        (TimeoutError("late"), UnreadableImage),
    ],
)
def test_an_object_that_the_store_does_not_give(
    bucket: str, monkeypatch: pytest.MonkeyPatch, raised: Exception, kind: type[Exception]
) -> None:
    system, root = file_system(bucket)

    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(type(system), "cat_file", fail)
    with pytest.raises(kind) as caught:
        buckets.read(system, f"{root}/1.png", "1.png", 100)
    assert caught.value.__cause__ is raised


def test_an_empty_object_is_no_film(bucket: str) -> None:
    system, root = file_system(bucket)
    system.pipe_file(f"{root}/0.png", b"")
    with pytest.raises(EmptySource):
        buckets.read(system, f"{root}/0.png", "0.png", 100)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="ftpx") as unknown:
        file_system("ftpx://host/films")
    assert "s3://" in unknown.value.hint
    load = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] in ("s3fs", "fsspec"):
            raise ImportError(f"no {name}", name=name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for url, extra in (("s3://bucket/films", "s3"), ("memory://films", "watch")):
        with pytest.raises(MissingExtra, match=f"{url.partition('//')[0]}// needs") as missing:
            file_system(url)
        assert f"[{extra}]" in missing.value.hint


def test_a_package_that_fsspec_misses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, **_: object) -> None:
        raise ImportError(f"Install it to access {url}")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    for protocol, extra in (("gs", "gcs"), ("s3", "s3"), ("abfss", "azure")):
        with pytest.raises(MissingExtra, match=f"{protocol}:// needs") as missing:
            Listing(f"{protocol}://bucket/films")
        assert f"[{extra}]" in missing.value.hint
    with pytest.raises(UsageError, match="sftp://: Install it"):
        file_system("sftp://host/films")


def test_a_store_that_does_not_answer_is_an_error_with_a_hint(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, _ = file_system(bucket)

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
    system, _ = file_system(bucket)
    ls = system.ls

    def refuse(path: str, *args: object, **options: object) -> object:
        if path.endswith("/c"):
            raise error("refused")
        return ls(path, *args, **options)

    monkeypatch.setattr(system, "ls", refuse)
    with pytest.raises(UsageError, match="cannot be listed"):
        list(objects_below(bucket))


def test_a_folder_that_was_deleted_meanwhile_has_no_objects(bucket: str) -> None:
    system, root = file_system(bucket)
    objects = objects_below(bucket)
    assert next(objects)[0] == "1.png"
    system.rm(f"{root}/b", recursive=True)
    assert [path for path, _, _ in objects] == ["notes.md"]


def test_a_name_at_which_nothing_is(bucket: str) -> None:
    with pytest.raises(UsageError, match="films/none: nothing is there") as refused:
        list(objects_below(f"{bucket}/none"))
    assert "name of the bucket" in refused.value.hint


def test_paths_are_no_urls() -> None:
    assert buckets.is_url("s3://bucket/films")
    assert not buckets.is_url("films/s3")
    assert not buckets.is_url(r"C:\films")
    assert not buckets.is_url("file:///films")
    assert not buckets.is_url("C:/films")
    assert buckets.plain_path("file:///films") == "/films"
