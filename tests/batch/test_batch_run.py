from __future__ import annotations

import itertools
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from pneumoscope.batch import shards as shards_module
from pneumoscope.batch.listing import Listing
from pneumoscope.batch.places import Folder
from pneumoscope.batch.run import Tally, run
from pneumoscope.errors import UsageError
from stub_reader import JOB, InThisProcess, films_in


class Batch:
    """A folder of films and what is made of it."""

    def __init__(self, root: Path) -> None:
        self.films, self.out = root / "films", root / "out"
        self.engine = InThisProcess()

    def run(self, source: Path | None = None, **options: Any) -> Tally:
        self.engine = InThisProcess()
        settings = {"shard_rows": 10} | options
        listing = Listing(str(source or self.films))
        return run(listing, Folder(self.out), JOB, self.engine, **settings)

    def rows(self) -> dict[str, dict[str, Any]]:
        """Name to row; a film with two rows fails the test."""
        rows = [
            row
            for file in sorted(self.out.glob("part-*.parquet"))
            for row in parquet.read_table(file).to_pylist()
        ]
        names = [row["path"] for row in rows]
        assert len(set(names)) == len(names)
        return dict(zip(names, rows, strict=True))


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _file: None)


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    films_in(tmp_path / "films", *(f"{i:02}.png" for i in range(25)))
    return Batch(tmp_path)


def test_every_film_has_a_row_and_is_read_once(batch: Batch) -> None:
    assert batch.run() == Tally(listed=25, skipped=0, written=25)
    assert list(batch.rows()) == [f"{i:02}.png" for i in range(25)]
    assert max(map(_length, batch.out.glob("part-*"))) <= 10
    before = {file.name: file.stat().st_mtime_ns for file in batch.out.glob("part-*")}
    assert batch.run() == Tally(listed=25, skipped=25, written=0)
    assert not batch.engine.read
    assert {file.name: file.stat().st_mtime_ns for file in batch.out.glob("part-*")} == before


def _length(file: Path) -> int:
    return int(parquet.read_metadata(file).num_rows)


def test_shards_have_no_more_rows_if_the_engine_gives_many_at_once(batch: Batch) -> None:
    engine = InThisProcess()
    engine.chunk_films, engine.capacity = 25, 0  # as Ray does
    run(Listing(str(batch.films)), Folder(batch.out), JOB, engine, shard_rows=10)
    assert [_length(file) for file in sorted(batch.out.glob("part-*"))] == [10, 10, 5]
    assert len(batch.rows()) == 25


def test_new_films_are_read_and_known_ones_are_not(batch: Batch) -> None:
    batch.run()
    films_in(batch.films, "new.png", "sub/new.png")
    assert batch.run().written == 2
    assert list(batch.engine.read) == ["new.png", "sub/new.png"]
    assert len(batch.rows()) == 27


def test_without_the_index_the_shards_say_what_is_done(batch: Batch) -> None:
    batch.run()
    (batch.out / "index.sqlite").unlink()
    assert batch.run().skipped == 25
    (batch.out / "part-000002.parquet").unlink()
    assert 0 < batch.run().written < 25
    assert len(batch.rows()) == 25


def test_a_changed_film_gets_its_new_row_in_place_of_the_old_one(batch: Batch) -> None:
    batch.run()
    old = batch.rows()
    (batch.films / "03.png").write_text("other")
    (batch.films / "17.png").write_text("broken")
    tally = batch.run()
    assert (tally.written, tally.failed) == (2, 1)
    rows = batch.rows()
    assert len(rows) == 25
    assert [n for n in rows if rows[n] != old[n]] == ["03.png", "17.png"]
    assert rows["17.png"]["error_code"] == "UnreadableImage"


def test_a_file_that_was_only_touched_keeps_its_row(batch: Batch) -> None:
    batch.run()
    before = batch.rows()
    os.utime(batch.films / "03.png", (1, 1))
    assert batch.run() == Tally(listed=25, skipped=25)
    assert list(batch.engine.read) == ["03.png"]
    assert batch.rows() == before
    batch.run()
    assert not batch.engine.read  # the new time is noted


def test_errors_are_read_again_on_request_or_if_the_file_has_changed(batch: Batch) -> None:
    films_in(batch.films, "broken1.png", "broken2.png")
    (batch.films / "m.csv").write_text("path\nbroken1.png\nbroken2.png\nlate.png\n")
    assert batch.run().failed == 2
    assert batch.run() == Tally(listed=27, skipped=27)
    tally = batch.run(retry_errors=True)
    assert (tally.skipped, tally.written, tally.failed) == (25, 2, 2)
    assert len(batch.rows()) == 27
    (batch.films / "broken1.png").write_text("sound, but for its name")
    assert batch.run().written == 1


def test_a_film_that_comes_twice_has_one_row(batch: Batch) -> None:
    names = [f"{i:02}.png" for i in range(25)]
    manifest = batch.films / "m.csv"
    manifest.write_text("path\n" + "\n".join([*names, *names[:3], names[24], names[24]]) + "\n")
    assert batch.run(manifest) == Tally(listed=30, skipped=5, written=25)
    assert len(batch.rows()) == 25


def test_a_path_that_is_filled_in_later_leaves_no_error(batch: Batch) -> None:
    names = sorted(path.name for path in batch.films.glob("*.png"))[:4]
    manifest = batch.films / "m.csv"
    manifest.write_text(f"path,age\n{names[0]},1\n,2\n{names[2]},3\n,4\n")
    assert batch.run(manifest).failed == 2
    assert batch.rows().keys() == {names[0], "row 2", names[2], "row 4"}
    manifest.write_text(f"path,age\n{names[0]},1\n{names[1]},2\n{names[2]},3\n,4\n")
    batch.run(manifest)
    assert batch.rows().keys() == {*names[:3], "row 4"}
    # Rows that move take their error along.
    manifest.write_text(f"path,age\n{names[0]},1\n{names[1]},2\n,4\n{names[2]},3\n")
    batch.run(manifest)
    assert batch.rows().keys() == {*names[:3], "row 3"}


def test_too_many_errors_stop_the_run(batch: Batch) -> None:
    films_in(batch.films, *(f"{i:02}-broken.png" for i in range(0, 25, 2)))
    tally = batch.run(limit_errors=3)
    assert tally.stopped
    assert 3 < tally.failed < 13
    assert len(batch.rows()) == tally.written < 38
    assert not batch.run(limit_errors=13).stopped
    assert len(batch.rows()) == 38


def test_an_interruption_keeps_what_is_done(batch: Batch) -> None:
    def interrupt(tally: Tally) -> None:
        if tally.written >= 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.run(step=interrupt)
    assert len(batch.rows()) == 16
    assert batch.run().written == 9


def test_nothing_is_claimed_for_a_source_without_films(batch: Batch, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty: no films found"):
        batch.run(tmp_path / "empty")
    assert not batch.out.exists()
    batch.run()
    with pytest.raises(UsageError, match="holds films of"):
        batch.run(films_in(tmp_path / "other", "1.png"))


class Crash(BaseException):
    """The process ends here."""


def crashing_writes(at: int, monkeypatch: pytest.MonkeyPatch, *, before: bool) -> Iterator[int]:
    """Ends the process before or after the write of this number; counts the writes."""
    count = itertools.count()
    write = Folder.write

    def crash(self: Folder, name: str, data: bytes) -> None:
        number = next(count)
        if number > at or (number == at and before):
            raise Crash
        write(self, name, data)
        if number == at:
            raise Crash

    monkeypatch.setattr(Folder, "write", crash)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("at", range(1, 6))
def test_a_crash_at_any_write_doubles_and_loses_no_row(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, at: int, before: bool
) -> None:
    batch.run()
    films_in(batch.films, *(f"new{i}.png" for i in range(12)))
    for name in ("01.png", "02.png", "13.png", "24.png"):
        (batch.films / name).write_text(f"changed {name}")
    with monkeypatch.context() as patch:
        crashing_writes(at, patch, before=before)
        try:
            batch.run()
        except Crash:
            pass
        else:
            assert at > 4
    assert len(batch.rows()) >= 21  # none twice; of the changed ones some may have no row yet
    batch.run()
    rows = batch.rows()
    assert len(rows) == 37
    fresh = InThisProcess()
    other = Batch(batch.out.parent)
    other.out, other.engine = batch.out.parent / "other", fresh
    other.run()
    expected = other.rows()
    assert rows == {name: expected[name] for name in rows}


def test_a_crash_between_a_shard_and_its_entry(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr("pneumoscope.batch.index.Index.add", crash)
        with pytest.raises(Crash):
            batch.run()
    written = len(batch.rows())
    assert written > 0
    assert batch.run().skipped == written
    assert len(batch.rows()) == 25


@pytest.mark.slow
def test_memory_does_not_grow_with_the_films(tmp_path: Path) -> None:
    peaks = []
    for films in (1_000, 4_000):
        manifest = tmp_path / f"{films}.csv"
        manifest.write_text("path\n" + "".join(f"{i:0100}.png\n" for i in range(films)))
        engine = InThisProcess(remembered=0)
        place = Folder(tmp_path / str(films))
        tracemalloc.start()
        tally = run(Listing(str(manifest)), place, JOB, engine, shard_rows=200)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert tally.written == films
    assert peaks[1] < peaks[0] + 100_000  # 3,000 names more would be 450 kB


def test_shards_are_flushed_before_more_is_in_work_than_a_shard_has(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    append = shards_module.Shards.append

    def note(self: shards_module.Shards, rows: Any) -> str:
        sizes.append(len(rows))
        return append(self, rows)

    monkeypatch.setattr(shards_module.Shards, "append", note)
    batch.run(shard_rows=12)  # four films are in work at once
    assert sizes == [8, 8, 8, 1]
