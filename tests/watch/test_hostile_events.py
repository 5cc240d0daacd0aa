"""Events, keys and objects that somebody made in order to do harm."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from grey_films import BRIGHT, zipped
from pneumoscope import buckets
from pneumoscope.bundle import Bundle
from pneumoscope.errors import EmptySource, TooLarge, UsageError
from pneumoscope.watch import lambda_function
from pneumoscope.watch.lambda_function import handler
from pneumoscope.watch.targets import FolderTarget

HOSTILE_KEYS = (
    "../x.png", "a/../../x.png", "/etc/x.png", "//etc//x.png", "..%2F..%2Fx.png", "%2Fetc%2Fx.png",
    "a%00.png", "a%0Ab.png", "%1B%5B2J.png", "%FF%FE.png", "a" * 1024 + ".png", "/" * 500 + "x.png",
    "..", "/", ".", "%2e%2e/%2e%2e/x.png", "a\\..\\..\\x.png", "C:\\x.png",
)  # fmt: skip


@pytest.fixture
def results(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The function writes into a folder: films are in memory, in the bucket ``hospital``."""
    folder = tmp_path / "a" / "b" / "results"
    folder.mkdir(parents=True)
    monkeypatch.setattr(lambda_function, "_SCHEME", "memory")
    monkeypatch.setenv("PNEUMOSCOPE_WATCH_OUT", f"file://{folder}")
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLE", str(tiny_bundle.path))
    lambda_function._function.cache_clear()
    fsspec.filesystem("memory").store.clear()
    yield folder
    fsspec.filesystem("memory").store.clear()
    lambda_function._function.cache_clear()


def record(key: object, bucket: object = "hospital") -> dict[str, Any]:
    thing = {"bucket": {"name": bucket}, "object": {"key": key}}
    return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": thing}


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_no_key_leads_out_of_the_folder_of_the_results(
    results: Path, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every key is a film, as in a bucket, where nothing but letters is in a key."""
    monkeypatch.setattr(MemoryFileSystem, "info", lambda *_, **__: {"size": len(BRIGHT[1])})
    monkeypatch.setattr(MemoryFileSystem, "cat_file", lambda *_, **__: BRIGHT[1])
    with suppress(OSError, UsageError):
        handler({"Records": [record(key.replace("etc", str(tmp_path / "etc")[1:]))]}, None)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(path.resolve().is_relative_to(results) for path in files)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "..", "a\0b"])
def test_a_folder_of_results_refuses_paths_that_lead_out_of_it(tmp_path: Path, path: str) -> None:
    target = FolderTarget(tmp_path / "results")
    for act in (target.read, target.remove, lambda name: target.write(name, b"x")):
        with pytest.raises(OSError, match="leads out"):
            act(path)
    target.write("//etc/x", b"x")
    assert target.read("/etc/x") == b"x"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["x"]
    assert (tmp_path / "results" / "etc" / "x").exists()


def test_members_of_archives_do_not_lead_out_either(results: Path, tmp_path: Path) -> None:
    png = BRIGHT[1]
    archive = zipped(("../../x.png", png), ("/etc/x.png", png), ("a/../../../y.png", png))
    fsspec.filesystem("memory").pipe_file("/hospital/films.zip", archive)
    assert len(handler({"Records": [record("films.zip")]}, None)["films"]) == 3
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert all(path.is_relative_to(results) for path in files)


ODD = (
    record(None), record(5), record(""), record(["a.png"]), record({"a": 1}), record("x" * 1025),
    record("a.png", None), record("a.png", ""), record("a.png", "../results"),
    record("a.png", "hospital/films"), record("a.png", "a:b"), record("a.png", "-x"),
    {"eventName": "ObjectCreated:Put"}, {"eventName": "ObjectCreated:Put", "s3": None},
    {"eventName": "ObjectCreated:Put", "s3": {"bucket": "hospital", "object": "a.png"}},
)  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_record_does_not_keep_other_films_from_being_read(
    results: Path, odd: dict[str, Any]
) -> None:
    fsspec.filesystem("memory").pipe_file("/hospital/good.png", BRIGHT[1])
    with pytest.raises(UsageError, match="names no object"):
        handler({"Records": [odd, record("good.png")]}, None)
    assert (results / "good.png.json").exists()
    assert [path.name for path in results.glob("*.json")] == ["good.png.json"]


@pytest.mark.parametrize(
    "event",
    [
        {}, {"Records": None}, {"Records": 5}, {"Records": "aws:sqs"},
        {"Records": {"eventSource": "aws:sqs"}}, {"detail-type": ["Object Created"]},
    ],
)  # fmt: skip
def test_an_event_that_is_none_of_s3_is_an_error(results: Path, event: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="the event is none of S3"):
        handler(event, None)
    assert not list(results.iterdir())


@pytest.mark.parametrize(
    "event",
    [
        {"Records": [None, 5, []]}, {"Records": [{"eventName": None}]},
        {"detail": None, "detail-type": "Object Deleted"},
    ],
)  # fmt: skip
def test_an_event_without_objects_reads_nothing(results: Path, event: dict[str, Any]) -> None:
    assert handler(event, None)["films"] == []


def test_an_event_of_eventbridge_without_a_key_is_an_error(results: Path) -> None:
    for detail in (None, 5, {}, {"bucket": {"name": "hospital"}}, {"object": {"key": "a.png"}}):
        with pytest.raises(UsageError, match="names no object"):
            handler({"detail-type": "Object Created", "detail": detail}, None)


def test_of_odd_messages_only_those_come_again_and_no_key_is_logged(
    results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fsspec.filesystem("memory").pipe_file("/hospital/good.png", BRIGHT[1])
    bodies = [
        "", "null", "5", "[]", '"text"', "[" * 100_000, json.dumps({"Records": [record(None)]}),
        json.dumps({"Records": [record("Doe^John.png", "a/b")]}), None, 5,
        json.dumps({"Records": [record("good.png")] * 200}),
    ]  # fmt: skip
    records = [
        {"eventSource": "aws:sqs", "messageId": str(number), "body": body}
        for number, body in enumerate(bodies)
    ]
    records += [{"eventSource": "aws:sqs", "messageId": "11"}, {"eventSource": "aws:sqs"}]
    with caplog.at_level(logging.DEBUG):
        answer = handler({"Records": records}, None)
    failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert failed == [*map(str, range(10)), "11", None]
    assert (results / "good.png.json").exists()
    assert "Doe" not in caplog.text


def test_an_object_that_grows_after_its_size_was_asked_is_not_taken_whole() -> None:
    lengths: list[int] = []

    class Growing(MemoryFileSystem):
        cachable = False

        def info(self, path: str, **_: Any) -> dict[str, Any]:
            return {"name": path, "size": 10, "type": "file"}

        def cat_file(self, _path: str, start: int = 0, end: int = 10**9, **_: Any) -> bytes:
            lengths.append(end - start)
            return bytes(min(10**6, end - start))

    with pytest.raises(TooLarge):
        buckets.read(Growing(), "/x", "film", 1000)
    assert lengths == [1001]
    with pytest.raises(TooLarge):
        buckets.read(Growing(), "/x", "film", 1000, size=5)


def test_stores_that_ignore_the_limit_or_know_no_size() -> None:
    class Odd(MemoryFileSystem):
        cachable = False
        size: int | None = None

        def info(self, path: str, **_: Any) -> dict[str, Any]:
            return {"name": path, "size": self.size, "type": "file"}

        def cat_file(self, *_: Any, **__: Any) -> bytes:
            return bytes(1001)

    system = Odd()
    assert len(buckets.read(system, "/x", "film", 1001)) == 1001
    with pytest.raises(TooLarge):
        buckets.read(system, "/x", "film", 1000)
    system.size = 0
    with pytest.raises(EmptySource):
        buckets.read(system, "/x", "film", 1000)
