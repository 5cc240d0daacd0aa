"""Watched places in tests: a queue whose films a test reads itself, and a run with the tiny bundle."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pneumoscope.bundle import Bundle
from pneumoscope.errors import PneumoscopeError
from pneumoscope.jobs.received import ReceivedFiles
from pneumoscope.jobs.requests import JobRequest
from pneumoscope.jobs.tables import FilmRow
from pneumoscope.records import Settings
from pneumoscope.watch.places import Place
from pneumoscope.watch.result_files import ResultFiles
from pneumoscope.watch.watcher import Intake, Reports, Watcher, reader_id
from pneumoscope.watch.watching import OWNER, Listener, Outcome, WatchSettings, watch
from pneumoscope.watch.writing import OUTPUT
from queue_parts import KEYS, Parts

SETTLE_S = 2.0


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Reported:
    """What a watcher has reported."""

    unreadable: list[tuple[str, str]] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)


class Receiving:
    """A watcher with a queue that nobody reads, and the clock that it uses."""

    def __init__(
        self, folder: Path, *places: Place, settings: Settings = Settings(), bundle: str = "b1"
    ) -> None:
        self.parts = Parts(folder, keep_films=True)
        self.clock = Clock()
        self.reported = Reported()
        request = JobRequest(owner=OWNER, settings=settings, destinations=(OUTPUT,))
        intake = Intake(
            store=self.parts.store,
            keys=KEYS,
            jobs=self.parts.jobs,
            received=ReceivedFiles(self.parts.store),
            request=request,
            reader=reader_id([bundle], request),
        )
        reports = Reports(
            lambda name, error: self.reported.unreadable.append((name, error.code)),
            self.reported.repeated.append,
            lambda error: self.reported.trouble.append(error.message),
        )
        self.watcher = Watcher(places, intake, reports, SETTLE_S, self.clock, lambda _seconds: True)

    def step(self, seconds: float = SETTLE_S) -> float | None:
        """Lists all places, lets time pass, and receives what is complete."""
        self.watcher.list_all()
        self.clock.now += seconds
        return self.watcher.receive()

    def rows(self) -> list[FilmRow]:
        """Every film in the database, oldest first."""
        return self.parts.store.history(OWNER, 100)[::-1]

    def names(self) -> list[str]:
        """Names of the films in the database, oldest first."""
        return [KEYS.open(row.name, row.id).decode() for row in self.rows()]


@dataclass
class Heard(Listener):
    """What a run has reported."""

    results: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    repetitions: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    on_result: threading.Event = field(default_factory=threading.Event)
    on_start: threading.Event = field(default_factory=threading.Event)

    def started(self) -> None:
        self.on_start.set()

    def result(self, record: Mapping[str, Any], path: str) -> None:
        assert record["source"] not in self.results
        self.results[record["source"]] = record["label"]
        self.on_result.set()

    def failed(self, name: str, error: PneumoscopeError) -> None:
        self.failures.append(error.message)

    def repeated(self, name: str) -> None:
        self.repetitions.append(name)

    def trouble(self, error: PneumoscopeError) -> None:
        self.troubles.append(error.message)


def watch_settings(
    folder: Path, sources: Sequence[str | Path], bundle: Bundle, **changes: Any
) -> WatchSettings:
    """Settings with the tiny bundle, with queue and results in a folder."""
    values: dict[str, Any] = {
        "sources": tuple(map(str, sources)),
        "out": str(folder / "out"),
        "folder": folder / "queue",
        "database_url": f"sqlite:///{folder / 'queue' / 'watch.sqlite'}",
        "reading": Settings(),
        "bundle": bundle.path,
        "result_files": ResultFiles(overlays=False),
        "settle_s": 0.0,
        "once": True,
        "threads": 1,
    }
    return WatchSettings(**(values | changes))


def run_once(settings: WatchSettings) -> tuple[Outcome, Heard]:
    """Reads what is there."""
    heard = Heard()
    return watch(settings, heard, threading.Event()), heard
