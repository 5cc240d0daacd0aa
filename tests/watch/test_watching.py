"""Whole runs with the tiny bundle: from a file to its results, once, whatever happens in between."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from grey_films import BRIGHT, DARK, film
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.jobs.deliveries import Deliveries
from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.jobs.store import Store
from pneumoscope.watch.result_files import ResultFiles
from pneumoscope.watch.watching import OWNER, WatchSettings, watch
from watched import Heard, run_once, watch_settings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    (folder / "ward").mkdir(parents=True)
    (folder / "ward" / "bright.png").write_bytes(BRIGHT[1])
    (folder / "dark.png").write_bytes(DARK[1])
    return folder


def results(out: Path) -> dict[str, str]:
    """Label of each result by its path."""
    return {
        path.relative_to(out).as_posix(): json.loads(path.read_text()).get("label")
        for path in sorted(out.rglob("*.json"))
    }


def states(settings: WatchSettings) -> list[tuple[str, str]]:
    store = Store(settings.database_url)
    rows = store.history(OWNER, 1000)
    store.close()
    return sorted((row.sha256, row.state) for row in rows)


def test_every_film_gets_its_result_once(tiny_bundle: Bundle, root: Path, tmp_path: Path) -> None:
    (root / "broken.png").write_bytes(BRIGHT[1][:100])
    (root / "copy.png").write_bytes(DARK[1])
    longest = "x" * 251 + ".png"
    (root / longest).write_bytes(film(200))
    settings = watch_settings(tmp_path, [root], tiny_bundle, result_files=ResultFiles())
    outcome, heard = run_once(settings)
    assert (outcome.failed, outcome.left) == (1, 0)
    assert heard.results == {
        "copy.png": "NORMAL",
        "ward/bright.png": "PNEUMONIA",
        longest: "PNEUMONIA",
    }
    assert heard.repetitions == ["dark.png"]
    [failure] = heard.failures
    assert failure.startswith("broken.png: ")
    assert results(tmp_path / "out")["ward/bright.png.json"] == "PNEUMONIA"
    assert (tmp_path / "out" / "ward" / "bright.png.heatmap.png").is_file()
    assert list((tmp_path / "queue" / "films").iterdir()) == []
    before = states(settings)
    outcome, heard = run_once(settings)
    assert (outcome.failed, heard.results, heard.failures) == (0, {}, [])
    assert states(settings) == before


@pytest.mark.parametrize("once", [True, False])
def test_results_that_nobody_takes_end_the_run(
    tiny_bundle: Bundle, root: Path, tmp_path: Path, once: bool
) -> None:
    class Gone(Heard):
        def result(self, *_: object) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    stop = threading.Event()
    patience = threading.Timer(60, stop.set)
    patience.start()
    with pytest.raises(BrokenPipeError):
        watch(watch_settings(tmp_path, [root], tiny_bundle, once=once), Gone(), stop)
    patience.cancel()


class Killed(BaseException):
    """The process ends here."""


def test_a_run_that_is_killed_between_result_and_record_writes_the_same_files(
    tiny_bundle: Bundle, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = watch_settings(tmp_path, [root], tiny_bundle)
    written = threading.Event()

    def killed(*_: object) -> None:
        written.set()
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Deliveries, "record_success", killed)
        patch.setattr(threading, "excepthook", lambda _args: None)
        outcome, heard = run_once(settings)
    assert written.is_set()
    assert (heard.results, outcome.left) == ({}, 2)
    first = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*.json")}
    assert len(first) == 1
    outcome, heard = run_once(settings)
    assert (len(heard.results), outcome.left) == (2, 0)
    assert {path: path.read_bytes() for path in first} == first
    assert len(results(tmp_path / "out")) == 2


def test_results_wait_while_their_disk_is_full(
    tiny_bundle: Bundle, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = watch_settings(tmp_path, [root], tiny_bundle)
    fsync = os.fsync

    def full(number: int) -> None:
        if Path(f"/proc/self/fd/{number}").readlink().is_relative_to(tmp_path / "out"):
            raise OSError(28, "No space left on device")
        fsync(number)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        outcome, heard = run_once(settings)
    assert (heard.results, outcome.left) == ({}, 2)
    [trouble] = heard.troubles
    assert "full" in trouble
    assert results(tmp_path / "out") == {}
    monkeypatch.setattr("pneumoscope.watch.writing.now", lambda: _later())
    monkeypatch.setattr("pneumoscope.jobs.deliveries.now", lambda: _later())
    outcome, heard = run_once(settings)
    assert (len(heard.results), outcome.left) == (2, 0)


def _later() -> Any:
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) + timedelta(hours=1)


def test_a_changed_file_gets_a_result_beside_the_first(
    tiny_bundle: Bundle, root: Path, tmp_path: Path
) -> None:
    settings = watch_settings(tmp_path, [root], tiny_bundle)
    run_once(settings)
    (root / "dark.png").write_bytes(film(205))
    run_once(settings)
    labels = results(tmp_path / "out")
    assert len(labels) == 3
    assert labels.pop("dark.png.json") == "NORMAL"
    assert sorted(labels.values()) == ["PNEUMONIA", "PNEUMONIA"]


def test_new_films_are_read_as_they_arrive(tiny_bundle: Bundle, root: Path, tmp_path: Path) -> None:
    out = root / "results"  # in the watched folder
    settings = watch_settings(
        tmp_path, [root], tiny_bundle, once=False, out=str(out), result_files=ResultFiles()
    )
    heard, stop = Heard(), threading.Event()
    thread = threading.Thread(target=watch, args=(settings, heard, stop))
    thread.start()
    try:
        assert heard.on_start.wait(30)
        (root / ".new.png.part").write_bytes(film(210))
        (root / ".new.png.part").rename(root / "new.png")
        for _ in range(3):
            heard.on_result.wait(20)
            heard.on_result.clear()
            if len(heard.results) == 3:
                break
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    assert heard.results["new.png"] == "PNEUMONIA"
    assert (len(heard.results), heard.failures) == (3, [])


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def test_from_bucket_to_bucket(tiny_bundle: Bundle, tmp_path: Path, memory: Any) -> None:
    memory.pipe_file("/hospital/films/a.png", BRIGHT[1])
    settings = watch_settings(
        tmp_path,
        ["memory://hospital/films"],
        tiny_bundle,
        out="memory://hospital/films/results",
        result_files=ResultFiles(),
    )
    for films in (1, 0):
        outcome, heard = run_once(settings)
        assert (len(heard.results), outcome.failed, outcome.left) == (films, 0, 0)
    assert sorted(memory.find("/hospital/films/results")) == [
        "/hospital/films/results/a.png.heatmap.png",
        "/hospital/films/results/a.png.json",
    ]


def test_a_key_that_gets_another_film_is_read_once_more(
    tiny_bundle: Bundle, tmp_path: Path, memory: Any
) -> None:
    settings = watch_settings(
        tmp_path, ["memory://hospital/films"], tiny_bundle, out="memory://results"
    )
    for content, films in ((BRIGHT, 1), (DARK, 1), (DARK, 0), (BRIGHT, 0)):
        memory.pipe_file("/hospital/films/latest.png", content[1])
        outcome, heard = run_once(settings)
        assert (len(heard.results), outcome.failed, outcome.left) == (films, 0, 0)
    written = [json.loads(memory.cat_file(path)) for path in memory.find("/results")]
    assert sorted(record["label"] for record in written) == ["NORMAL", "PNEUMONIA"]


def test_films_that_a_crash_has_left_are_deleted(
    tiny_bundle: Bundle, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = watch_settings(tmp_path, [root], tiny_bundle)
    films = tmp_path / "queue" / "films"
    with monkeypatch.context() as patch:  # killed after each result was recorded
        patch.setattr(FilmStore, "drop", lambda *_: None)
        run_once(settings)
    assert len(list(films.iterdir())) == 2
    (films / ("f" * 32)).write_bytes(b"killed before its film was entered")
    outcome, heard = run_once(settings)
    assert (heard.results, outcome.left) == ({}, 0)
    assert list(films.iterdir()) == []


def test_one_queue_has_one_watcher(tiny_bundle: Bundle, root: Path, tmp_path: Path) -> None:
    settings = watch_settings(tmp_path, [root], tiny_bundle, once=False)
    heard, stop = Heard(), threading.Event()
    thread = threading.Thread(target=watch, args=(settings, heard, stop))
    thread.start()
    try:
        assert heard.on_start.wait(30)
        with pytest.raises(UsageError, match="another server is using this database"):
            run_once(settings)
    finally:
        stop.set()
        thread.join(60)


def test_a_queue_that_cannot_be_made_is_named(
    tiny_bundle: Bundle, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "queue").write_text("a file")
    with pytest.raises(UsageError, match="queue") as caught:
        run_once(watch_settings(tmp_path, [root], tiny_bundle))
    assert "--folder" in caught.value.hint
