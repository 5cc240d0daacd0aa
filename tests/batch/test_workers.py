from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from pneumoscope.batch import workers as module
from pneumoscope.batch.columns import Row
from pneumoscope.batch.films import Film
from pneumoscope.batch.job import ReadJob
from pneumoscope.batch.workers import CHUNK_FILMS, Workers
from pneumoscope.errors import BundleMismatch, PneumoscopeError
from stub_reader import JOB, StubReader, films_in


class Failing(StubReader):
    def __init__(self, job: ReadJob) -> None:
        raise BundleMismatch("stub", "by hand")


class Dying(StubReader):
    def __init__(self, job: ReadJob) -> None:
        raise SystemExit(3)


class Slow(StubReader):
    """Reads a film called ``slow*`` for a minute."""

    def rows(self, films: Sequence[Film]) -> list[Row]:
        if films[0].name.startswith("slow"):
            time.sleep(60)
        return super().rows(films)


def chunks_of(folder: Path, size: int) -> list[list[Film]]:
    films = [Film(path.name, path) for path in sorted(folder.iterdir())]
    return [films[i : i + size] for i in range(0, len(films), size)]


@pytest.mark.slow
def test_films_that_kill_a_worker_cost_only_themselves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"{i:02}.png" for i in range(20)]
    names[3], names[12] = "deadly once.png", "deadly.png"
    folder = films_in(tmp_path, *names)
    workers = Workers(JOB, 2, 1000, StubReader)
    rows = [row for rows in workers.results(iter(chunks_of(folder, 4))) for row in rows]
    assert sorted(row["path"] for row in rows) == sorted(names)
    errors = {row["path"]: row["error"] for row in rows if "error" in row}
    assert errors == {
        "deadly.png": "deadly.png: cannot be decoded (it brought the worker process down)"
    }
    assert "its films are read again" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "message"),
    [(Failing, "bundle stub"), (Dying, "died before it could read a film")],
)
def test_a_worker_that_cannot_start_ends_the_batch(
    tmp_path: Path, make: type[StubReader], message: str
) -> None:
    folder = films_in(tmp_path, "1.png")
    with pytest.raises(PneumoscopeError, match=message):
        list(Workers(JOB, 1, 1000, make).results(iter(chunks_of(folder, 1))))


def test_without_films_nothing_is_started() -> None:
    assert list(Workers(JOB, 2, 1000).results(iter([]))) == []


@pytest.mark.parametrize(
    ("workers", "shard_rows", "chunk"), [(2, 1000, CHUNK_FILMS), (2, 40, 5), (8, 10, 1)]
)
def test_no_more_films_are_in_work_than_a_shard_has(
    workers: int, shard_rows: int, chunk: int
) -> None:
    engine = Workers(JOB, workers, shard_rows)
    assert engine.chunk_films == chunk
    assert engine.capacity == 2 * workers * chunk


@pytest.mark.slow
def test_busy_workers_end_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once had its own time to end, one after the other: minutes after Ctrl-C on a large machine."""
    monkeypatch.setattr(module, "_PATIENCE_S", 1.0)
    folder = films_in(
        tmp_path, *(f"{i}.png" for i in range(4)), *(f"slow {i}.png" for i in range(8))
    )
    results = Workers(JOB, 4, 1000, Slow).results(iter(chunks_of(folder, 1)))
    for _ in range(4):
        next(results)
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 3
