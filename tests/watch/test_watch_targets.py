"""Results are written whole, in folders and buckets, and never in place of another film's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from pneumoscope.errors import UsageError
from pneumoscope.watch.targets import Target, free_name, has_result, open_target


@pytest.fixture(params=["folder", "bucket"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    if request.param == "folder":
        yield open_target(str(tmp_path / "out"))
        return
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield open_target("memory://hospital/out/")
    system.store.clear()


def test_files_are_written_and_replaced(target: Target) -> None:
    assert target.read("ward/a.json") is None
    target.write("ward/a.json", b"first")
    target.write("ward/a.json", b"second")
    assert target.read("ward/a.json") == b"second"
    assert target.shown("ward/a.json") == f"{target.name.rstrip('/')}/ward/a.json"


def test_a_name_belongs_to_one_film_and_bundle(target: Target) -> None:
    film, other, bundle = "a" * 64, "b" * 64, "c" * 64
    assert free_name(target, "latest.png", (film, bundle)) == "latest.png"
    target.write(
        "latest.png.json", json.dumps({"film_sha256": film, "bundle_sha256": bundle}).encode()
    )
    assert free_name(target, "latest.png", (film, bundle)) == "latest.png"
    assert free_name(target, "latest.png", (other, bundle)) == "latest.png.bbbbbbbb-cccccccc"
    assert free_name(target, "latest.png", (film, other)) == "latest.png.aaaaaaaa-bbbbbbbb"


def test_a_film_has_its_result_under_either_name(target: Target) -> None:
    film, other, bundle, older = "a" * 64, "b" * 64, "c" * 64, "d" * 64
    for sha256 in (film, other):
        assert not has_result(target, "latest.png", sha256, [bundle])
        name = free_name(target, "latest.png", (sha256, bundle))
        record = {"film_sha256": sha256, "bundle_sha256": bundle}
        target.write(f"{name}.json", json.dumps(record).encode())
        assert has_result(target, "latest.png", sha256, [older, bundle])
        assert not has_result(target, "latest.png", sha256, [older])
    assert has_result(target, "latest.png", film, [bundle])


@pytest.mark.parametrize("content", [b"no json", b"[1]", b'{"film_sha256": "a"}', b"\xff"])
def test_a_file_of_somebody_else_stays(target: Target, content: bytes) -> None:
    target.write("a.png.json", content)
    assert free_name(target, "a.png", ("1" * 64, "2" * 64)) == "a.png.11111111-22222222"


@pytest.mark.parametrize(
    "name", ["x" * 251 + ".png", "ü" * 125 + ".png", "\\udcff" * 200, "x" * 191, "é" * 95 + "x"]
)
def test_names_that_are_as_long_as_possible_get_results(target: Target, name: str) -> None:
    film, bundle = "a" * 64, "c" * 64
    content = json.dumps({"film_sha256": film, "bundle_sha256": bundle}).encode()
    base = free_name(target, f"ward/{name}", (film, bundle))
    assert base.startswith(f"ward/{name[:80]}")
    target.write(f"{base}.json", content)
    assert free_name(target, f"ward/{name}", (film, bundle)) == base
    other = free_name(target, f"ward/{name}", (bundle, bundle))
    target.write(f"{other}.heatmap.png", b"x")
    alike = free_name(target, f"ward/{name[:-1]}0", (film, bundle))
    assert len({base, other, alike}) == 3
    assert len(f"{other}.heatmap.png".removeprefix("ward/").encode()) <= 255
    assert free_name(target, "y" * 190, (film, bundle)) == "y" * 190


def test_files_are_removed_if_they_are_there(target: Target) -> None:
    target.write("ward/a.json", b"first")
    target.remove("ward/a.json")
    target.remove("ward/a.json")
    assert target.read("ward/a.json") is None


def test_failures_of_a_store_are_errors_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("slow down")

    system: Any = type(fsspec.filesystem("memory"))
    monkeypatch.setattr(system, "pipe_file", fail)
    monkeypatch.setattr(system, "cat_file", fail)
    target = open_target("memory://b")
    with pytest.raises(OSError, match="slow down"):
        target.write("a", b"")
    with pytest.raises(OSError, match="slow down"):
        target.read("a")
    monkeypatch.setattr(system, "rm_file", fail)
    with pytest.raises(OSError, match="slow down"):
        target.remove("a")


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(UsageError, match="s4"):
        open_target("s4://bucket")
