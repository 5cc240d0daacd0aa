"""Watches places until it is stopped, or until every film that is there has its result."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pneumoscope import files
from pneumoscope.errors import PneumoscopeError, restored
from pneumoscope.images.decoders import FILM_NAME
from pneumoscope.jobs.bundles import load_bundles
from pneumoscope.jobs.database import DatabaseError, unusable
from pneumoscope.jobs.kept_films import drop_orphans, drop_unneeded
from pneumoscope.jobs.pipeline import (
    PipelineHooks,
    PipelineSettings,
    open_job_database,
    open_pipeline,
)
from pneumoscope.jobs.received import ReceivedFiles
from pneumoscope.jobs.requests import JobRequest
from pneumoscope.jobs.rows import name_of
from pneumoscope.jobs.tables import FAILED
from pneumoscope.watch.folder import Folder
from pneumoscope.watch.result_files import ResultFiles
from pneumoscope.watch.sources import open_sources
from pneumoscope.watch.targets import open_target
from pneumoscope.watch.watcher import Intake, Reports, Watcher, reader_id
from pneumoscope.watch.writing import OUTPUT, Output, Writer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pneumoscope.jobs.pipeline import Pipeline
    from pneumoscope.jobs.tables import FilmRow
    from pneumoscope.records import Settings
    from pneumoscope.watch.notices import Notices
    from pneumoscope.watch.places import Place

OWNER = "watch"
"""Id of the owner of the films."""
_RELIST_S = 60.0
"""Seconds between two listings of folders whose changes the system reports: it may lose a report."""
_LONGEST_PAUSE_S = 5.0
"""Longest pause of the loops."""
_FINISH_S = 20.0
"""Longest wait, at the end, for films that are being read; the others are read after the next start."""


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What is watched, and what is done with the films.

    Attributes:
        sources: Folders, and URLs of fsspec.
        out: Folder or URL for the results.
        folder: Folder of the queue: its database, its key and the films that wait; made if missing.
        database_url: SQLAlchemy URL of the database.
        key: File with the key; None for the one in the folder.
        bundle: Name or folder of the bundle; None for the shipped ones.
        reading: How films are read.
        result_files: Which files are written.
        settle_s: Seconds without a change after which a file counts as complete.
        poll_s: Seconds between listings; None to rely on the system's reports where it gives them.
        once: End when every film that is there has its result.
        threads: Batches that are read at the same time; None for one more than cores.
    """

    sources: tuple[str, ...]
    out: str
    folder: Path
    database_url: str
    reading: Settings
    key: Path | None = None
    bundle: Path | None = None
    result_files: ResultFiles = field(default_factory=ResultFiles)
    settle_s: float = 2.0
    poll_s: float | None = None
    once: bool = False
    threads: int | None = None


class Listener:
    """What happens to films, for people; called from several threads."""

    def started(self) -> None:
        """Everything is ready, and the first listing follows."""

    def result(self, record: Mapping[str, Any], path: str) -> None:
        """The files of a result were written; ``path`` is that of the JSON with this content."""

    def failed(self, name: str, error: PneumoscopeError) -> None:
        """A film cannot be read."""

    def repeated(self, name: str) -> None:
        """A file contains a film that was received before."""

    def trouble(self, error: PneumoscopeError) -> None:
        """Something does not work now, and is tried again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        failed: Films that could not be read.
        left: Files and results that wait for the next run.
    """

    failed: int
    left: int


def watch(settings: WatchSettings, listener: Listener, stop: threading.Event) -> Outcome:
    """Watches until ``stop`` is set, or once.

    Raises:
        PneumoscopeError: A source, the target, the bundle or the queue cannot be used.
    """
    places = open_sources(settings.sources, settings.out, settings.folder)
    target = open_target(settings.out)
    bundles = load_bundles(
        () if settings.bundle is None else (str(settings.bundle),),
        settings.reading.profile,
        settings.threads,
    )
    files.make_private_folder(settings.folder, "Name another --folder.")
    database = open_job_database(settings.folder, settings.database_url, settings.key)
    run = _Run(settings, listener, stop)
    pipeline = open_pipeline(
        PipelineSettings(threads=settings.threads, films_folder=settings.folder / "films"),
        bundles,
        database,
        PipelineHooks(ended=run.ended),
    )
    try:
        # A crash of an earlier run may have left them; nothing would ever delete them.
        drop_orphans(database.store, pipeline.film_store)
        drop_unneeded(database.store, pipeline.film_store)
        run.connect(pipeline, places)
        output = Output(target, settings.result_files, listener.result, listener.trouble)
        return run.work(Writer(pipeline, output))
    finally:
        pipeline.close(0)


class _Run:
    """One run: a thread that writes results, and this one, which receives films."""

    def __init__(self, settings: WatchSettings, listener: Listener, stop: threading.Event) -> None:
        self._settings = settings
        self._listener = listener
        self._stop = stop
        self._wake = threading.Event()
        self._done = threading.Event()
        self._writing_ends = threading.Event()
        self._failed = 0
        self._fault: Exception | None = None
        self._pipeline: Pipeline
        self._places: Sequence[Place]
        self._watcher: Watcher

    def ended(self, row: FilmRow) -> None:
        """Takes a film that has ended, from a thread that reads films."""
        if row.state == FAILED:
            error = row.error or {}
            restored_error = restored(
                PneumoscopeError, str(error.get("message")), str(error.get("hint"))
            )
            self._fail(name_of(row, self._pipeline.database.keys), restored_error)
        self._done.set()

    def _fail(self, name: str, error: PneumoscopeError) -> None:
        self._failed += 1
        words = f"{name}: {error.message.removeprefix(f'{FILM_NAME}: ')}"
        self._listener.failed(name, restored(type(error), words, error.hint))

    def connect(self, pipeline: Pipeline, places: Sequence[Place]) -> None:
        """Connects the parts."""
        self._pipeline, self._places = pipeline, places
        request = JobRequest(owner=OWNER, settings=self._settings.reading, destinations=(OUTPUT,))
        hashes = [b.sha256 for reader in pipeline.readers.bundles.values() for b in reader.bundles]
        intake = Intake(
            store=pipeline.database.store,
            keys=pipeline.database.keys,
            jobs=pipeline.jobs,
            received=ReceivedFiles(pipeline.database.store),
            request=request,
            reader=reader_id(hashes, request),
        )
        reports = Reports(self._fail, self._listener.repeated, self._listener.trouble)
        self._watcher = Watcher(
            places, intake, reports, self._settings.settle_s, sleep=self._stop.wait
        )

    def work(self, writer: Writer) -> Outcome:
        """Receives films until the end, then waits for their results."""
        thread = threading.Thread(target=self._write, args=(writer,), name="results", daemon=True)
        thread.start()
        notices = self._notices()
        self._listener.started()
        try:
            self._receive(notices)
        finally:
            if notices is not None:
                notices.stop()
            self._pipeline.queue.drain(None if self._settings.once else _FINISH_S)
            self._pipeline.jobs.retry_unsaved()
            self._writing_ends.set()
            self._done.set()
            thread.join()
        if self._fault is not None:
            raise self._fault
        left = self._watcher.waiting + self._watcher.put_off
        return Outcome(self._failed, left + writer.pending())

    def _notices(self) -> Notices | None:
        """The system's reports of changes, if they are wanted and there are folders."""
        folders = [(n, place) for n, place in enumerate(self._places) if isinstance(place, Folder)]
        if not folders or self._settings.once or self._settings.poll_s is not None:
            return None
        from pneumoscope.watch.notices import Notices

        return Notices(folders, self._wake)

    def _receive(self, notices: Notices | None) -> None:
        """Lists, takes notices and receives, until the end."""
        every_s = self._settings.poll_s or _RELIST_S
        next_list = time.monotonic()
        in_trouble = False
        while not self._stop.is_set():
            self._wake.clear()
            wait_s: float | None = _LONGEST_PAUSE_S
            try:
                if time.monotonic() >= next_list:
                    next_list = time.monotonic() + every_s
                    held = self._pipeline.database.lock.held()
                    self._pipeline.queue.pause(paused=not held)
                    self._watcher.list_all()
                for notice in [] if notices is None else notices.take():
                    self._watcher.look_at(
                        notice.place, notice.path, folder=notice.folder, closed=notice.closed
                    )
                wait_s = self._watcher.receive()
                in_trouble = False
            except DatabaseError as error:
                if not in_trouble:
                    self._listener.trouble(unusable(error))
                in_trouble = True
            self._pipeline.jobs.retry_unsaved()
            if self._settings.once and not self._watcher.waiting:
                return
            left_s = next_list - time.monotonic()
            self._pause(min(left_s, _LONGEST_PAUSE_S, left_s if wait_s is None else wait_s))

    def _pause(self, seconds: float) -> None:
        """Waits for a notice or for the end; signals do not end the wait for an event everywhere."""
        end = time.monotonic() + max(0.02, seconds)
        while time.monotonic() < end and not (self._wake.is_set() or self._stop.is_set()):
            self._wake.wait(min(0.25, max(0.0, end - time.monotonic())))

    def _write(self, writer: Writer) -> None:
        """Writes results until the end, in its own thread; if that fails, the run ends."""
        try:
            self._write_all(writer)
        except Exception as error:  # noqa: BLE001 (`work` raises it)
            self._fault = error
            self._stop.set()

    def _write_all(self, writer: Writer) -> None:
        while True:
            ending = self._writing_ends.is_set()
            self._done.clear()
            if writer.write_due():
                continue
            if ending:
                return
            # A film is announced a moment before its result is stored.
            self._done.wait(0.05 if self._pipeline.queue.outstanding else 1.0)
