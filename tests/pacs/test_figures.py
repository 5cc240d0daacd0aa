"""What a node has and what waits."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import ItemsView, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from sqlalchemy import update

from pneumoscope.jobs.tables import FAILED, QUEUED, FilmRow, now
from pneumoscope.pacs import figures as figures_module
from pneumoscope.pacs.config import DiskLimits
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.figures import FigureReader, Rate
from pneumoscope.pacs.spool import Spool
from stored_results import Results


def aged(results: Results, film: str, seconds: float, **values: object) -> None:
    """Changes a film, and makes it older."""
    created = now() - timedelta(seconds=seconds)
    with results.store.writing() as session:
        session.execute(update(FilmRow).where(FilmRow.id == film).values(created=created, **values))


def test_films_verdicts_and_results_that_wait(tmp_path: Path) -> None:
    results, spool = Results(tmp_path), Spool(tmp_path / "spool", DiskLimits())
    reader = FigureReader(spool, results.store)
    empty = reader.read()
    assert (empty.spool_films, empty.spool_oldest_s, empty.disk_bytes) == (0, 0.0, 0)
    assert empty.stored is not None
    assert (empty.stored.states, empty.stored.oldest_s) == ({}, None)
    spool.put("1.2.3", [b"waiting film"])
    os.utime(spool.films()[0], (0, now().timestamp() - 60))
    for label, destination in (("NORMAL", "a"), ("NORMAL", "b"), ("REFUSED", "b")):
        aged(results, results.add(destination), 500, label=label)
    aged(results, results.add(), 900, state=QUEUED)
    positive = {"label": "PNEUMONIA", "positive": "PNEUMONIA"}
    aged(results, results.add(), 500, label="PNEUMONIA", result=positive)
    aged(results, results.add(), 500, state=FAILED, result=None)
    later = now() + timedelta(hours=1)
    (_, row) = results.deliveries.due(1, destination="b")[0]
    results.deliveries.record_failure(row.id, "b", DeliveryFailed("x"), later)
    read = reader.read()
    assert (read.spool_films, read.disk_bytes) == (1, 12)
    assert 60 <= read.spool_oldest_s < 90
    stored = read.stored
    assert stored is not None
    assert stored.states == {"done": 4, "queued": 1, "failed": 1}
    assert stored.labels == {"NORMAL": 2, "REFUSED": 1, "PNEUMONIA": 1}
    assert stored.worklist == {"routine": 2, "not read": 2, "positive": 1}
    assert stored.oldest_s is not None
    assert 900 <= stored.oldest_s < 930
    assert stored.deliveries == {("a", "pending"): 1, ("b", "pending"): 2}
    assert stored.oldest_results_s.keys() == {"a", "b"}
    assert stored.failing == {"b": 1}
    assert all(500 <= age < 530 for age in stored.oldest_results_s.values())
    results.store.close()
    (tmp_path / "x.sqlite").unlink()
    (tmp_path / "x.sqlite").mkdir()
    assert reader.read().stored is None


def test_films_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(figures_module.time, "monotonic", lambda: clock[0])
    rate = Rate()
    for _ in range(6):
        rate.count()
    assert rate.films_per_minute() == 6.0  # a run of less than a minute counts as one
    clock[0] += 180
    assert rate.films_per_minute() == 2.0
    clock[0] += 1200
    assert rate.films_per_minute() == 0.0
    for _ in range(20):
        rate.count()
    assert rate.films_per_minute() == pytest.approx(2.0)


def test_films_are_counted_by_one_thread_at_a_time() -> None:
    """Otherwise another thread may add a minute, or delete one, while this one looks through them."""
    rate = Rate()

    class Watched(Counter[int]):
        def __iter__(self) -> Iterator[int]:
            assert rate._lock.locked()
            return super().__iter__()

        def items(self) -> ItemsView[int, int]:
            assert rate._lock.locked()
            return super().items()

    rate._minutes = Watched()
    rate.count()
    assert rate.films_per_minute() == 1.0
