"""From uploaded files to stored results: at once, or as a job that outlives its request.

The films of a job are in the database before the sender hears that they were accepted. What happens
to them after a restart is in `pneumoscope.jobs.recovery`.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.errors import Cancelled, DiskFull, Interrupted, NotStored, ServerFault
from pneumoscope.files import cause
from pneumoscope.jobs.deliveries import new_deliveries
from pneumoscope.jobs.queue import QueuedFilm
from pneumoscope.jobs.rows import (
    READ_AGAIN,
    ending,
    enter_outcome,
    failure,
    may_be_read_later,
    new_rows,
    settings_from_json,
    values,
)
from pneumoscope.jobs.store import Record, no_record
from pneumoscope.jobs.tables import DONE, FAILED, QUEUED, RUNNING, FilmRow, new_id, now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from sqlalchemy import Executable

    from pneumoscope.jobs.film_store import FilmStore
    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.progress_events import ProgressEvents
    from pneumoscope.jobs.queue import FilmQueue
    from pneumoscope.jobs.requests import JobRequest, UploadedFile
    from pneumoscope.jobs.store import Store
    from pneumoscope.records import Outcome, Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a film of a job ended.

    Attributes:
        job: Id of the job.
        film: Id of the film.
        values: Columns of its row that change.
    """

    job: str
    film: str
    values: dict[str, Any]


class JobService:
    """Accepts films and stores their results. Safe to share between threads."""

    def __init__(
        self,
        store: Store,
        film_store: FilmStore,
        keys: Keys,
        events: ProgressEvents,
        queue: FilmQueue,
        counted: Callable[[FilmRow], None] = lambda _row: None,
        *,
        keep_failed: bool = False,
    ) -> None:
        """Connects the parts.

        Args:
            store: For results.
            film_store: For films.
            keys: Seal names.
            events: Report progress of jobs.
            queue: From which films are read.
            counted: Called with the row of every film that has ended, for metrics.
            keep_failed: Keep films that may be read in another attempt, and their idempotency keys.
        """
        self._store = store
        self._film_store = film_store
        self._keys = keys
        self._events = events
        self._queue = queue
        self._counted = counted
        self._keep_failed = keep_failed
        self._resuming = threading.Lock()
        self._waiting: dict[str, tuple[str, Future[FilmRow]]] = {}  # film to job and future
        self._unsaved: list[_Ending] = []
        self._lock = threading.Lock()

    # Accepting

    def read_now(
        self,
        request: JobRequest,
        files: Sequence[UploadedFile],
        deadline_s: float,
        record: Record = no_record,
    ) -> list[Future[FilmRow]]:
        """Queues films of a request that waits for their results.

        Args:
            request: Who sends them.
            files: The films.
            deadline_s: Seconds within which reading must start; the future of a film fails when they
                have passed.
            record: Called with the ids of the films before any is queued.

        Raises:
            QueueFull, ShuttingDown: As `FilmQueue.reserve`.
        """
        self._queue.reserve(len(files), _size_bytes(files), request.owner)
        deadline = time.monotonic() + deadline_s
        try:
            rows = new_rows(request, files, None, self._keys)
            record([row.id for row in rows])
        except BaseException:
            self._queue.release(len(files), _size_bytes(files), request.owner)
            raise
        return [
            self._queue.submit(_queued(row, file.data, request.settings, deadline))
            for file, row in zip(files, rows, strict=True)
        ]

    def accept(
        self,
        request: JobRequest,
        files: Sequence[UploadedFile],
        record: Record = no_record,
        also: Callable[[str], Sequence[Executable]] = lambda _job: (),
    ) -> str:
        """Accepts a job; returns its id once it is stored.

        Args:
            request: Who sends it.
            files: The films.
            record: Called with the job's id before it is stored.
            also: Takes the job's id; gives statements that are executed in the transaction that
                stores the job.

        Raises:
            QueueFull, ShuttingDown: As `FilmQueue.reserve`.
            DiskFull: Films are to be kept, and there is no space.
            DuplicateFilm: The owner has a film with the idempotency key of one of these.
        """
        self._queue.reserve(len(files), _size_bytes(files), request.owner)
        job, kept = new_id(), list[str]()
        try:
            rows = new_rows(request, files, job, self._keys)
            films = [(f.data, r) for f, r in zip(files, rows, strict=True) if f.error is None]
            for data, row in films:
                self._film_store.keep(row.id, data)
                kept.append(row.id)
            job_row = {"id": job, "owner": request.owner, "created": now(), "total": len(files)}
            deliveries = new_deliveries([row.id for _, row in films], request.destinations)
            stored = [values(row) for row in rows]
            self._store.accept(job_row, stored, deliveries, record, also(job))
        except BaseException:
            self._queue.release(len(files), _size_bytes(files), request.owner)
            self._drop_films(kept)
            raise
        # Files that are not films have no bytes.
        self._queue.release(len(files) - len(films), 0, request.owner)
        for data, row in films:
            self._submit(job, data, row, request.settings)
        return job

    def resume(self, row: FilmRow, data: bytes) -> None:
        """Queues a film that an earlier run accepted as part of a job.

        Args:
            row: Its row.
            data: The file.
        """
        if row.job is None:
            raise ValueError("the film belongs to no job")
        row.error = None
        self._queue.admit(1, len(data), row.owner)
        self._submit(row.job, data, row, settings_from_json(row.settings))

    def resume_failed(self, owner: str, idempotency_key: str) -> bool:
        """Queues a film that failed and is kept; returns False if there is none with this key."""
        row = self._store.row_of_key(owner, idempotency_key)
        if row is None or row.state != FAILED:
            return False
        self._store.change([{"id": row.id, "state": QUEUED, "error": READ_AGAIN}])
        return self.resume_wanted() > 0

    def resume_wanted(self) -> int:
        """Queues films that somebody wants to be read again, see `QueueContents.retry`; returns how many.

        Only the process that reads the films of the database may call it.
        """
        resumed = 0
        with self._resuming:
            for row in self._store.read_again():
                data = self._film_store.get(row.id)
                if row.job is None or data is None:
                    self._save([_Ending(row.job or "", row.id, failure(Interrupted()))])
                    continue
                self._store.change([{"id": row.id, "error": None}])
                self.resume(row, data)
                resumed += 1
        return resumed

    def cancel(self, owner: str, job: str) -> None:
        """Cancels the films of an owner's job that are not being read yet."""
        if self._store.job(owner, job) is None:
            return
        with self._lock:
            films = [(id_, future) for id_, (of, future) in self._waiting.items() if of == job]
        cancelled = [id_ for id_, future in films if future.cancel()]
        self._save([_Ending(job, id_, failure(Cancelled())) for id_ in cancelled])

    def delete(
        self, owner: str, ids: Sequence[str] | None = None, record: Record = no_record
    ) -> list[str]:
        """Deletes results of an owner with their films.

        Args:
            owner: Id of the user.
            ids: Which results; None for all.
            record: Called with the ids before the deletion is committed, unless there are none.

        Returns:
            Ids of the results that were deleted.
        """
        deleted = self._store.delete(owner, ids, record)
        self._film_store.drop(deleted)
        for id_ in deleted:
            with self._lock:
                job, future = self._waiting.get(id_, ("", None))
            if future is not None and future.cancel():
                self._events.publish(job, id_)
        return deleted

    def _submit(self, job: str, data: bytes, row: FilmRow, settings: Settings) -> None:
        future = self._queue.submit(_queued(row, data, settings))
        with self._lock:
            self._waiting[row.id] = job, future
        future.add_done_callback(partial(self._forget, job, row.id))

    def _forget(self, job: str, film: str, future: Future[FilmRow]) -> None:
        with self._lock:
            self._waiting.pop(film, None)
        error = None if future.cancelled() else future.exception()
        if isinstance(error, ServerFault):
            columns = failure(error)
            if self._keep_failed:
                del columns["idempotency_key"]
            self._save([_Ending(job, film, columns)])

    # Storing results; called by the batcher's threads

    def begin(self, films: Sequence[QueuedFilm]) -> None:
        """Marks films of jobs as being read."""
        ids = [film.tag.id for film in films if film.tag.job is not None]
        if ids:
            try:
                self._store.change([{"id": id_, "state": RUNNING} for id_ in ids])
            except SQLAlchemyError as error:  # the state is only shown; the films are read anyway
                _log.error("films are not marked as running", exc_info=error)

    def finish(
        self, outcomes: Sequence[tuple[QueuedFilm, Outcome]]
    ) -> Sequence[FilmRow | NotStored]:
        """Keeps films, stores results, then reports progress.

        Returns:
            The rows; for a film without a job that could not be stored, the error instead.
        """
        rows = [self._ended(film.tag, outcome) for film, outcome in outcomes]
        for (film, _), row in zip(outcomes, rows, strict=True):
            self._counted(row)
            if row.state == DONE:
                self._keep_film(row.id, film.data)
        self._save([_Ending(row.job, row.id, ending(row)) for row in rows if row.job is not None])
        without_job = [row for row in rows if row.job is None]
        try:
            if without_job:
                self._store.add([values(row) for row in without_job])
        except SQLAlchemyError as error:
            _log.error("results of %d films are not stored", len(without_job), exc_info=error)
            self._drop_films([row.id for row in without_job])
            return [row if row.job is not None else NotStored() for row in rows]
        return rows

    def _ended(self, row: FilmRow, outcome: Outcome) -> FilmRow:
        """Enters how a film ended. One that may be read later keeps its key: it must not be read twice."""
        key = row.idempotency_key
        row = enter_outcome(row, outcome)
        if self._is_kept(row.error):
            row.idempotency_key = key
        return row

    def _is_kept(self, error: Mapping[str, Any] | None) -> bool:
        return self._keep_failed and may_be_read_later(error)

    def _keep_film(self, id_: str, data: bytes) -> None:
        try:
            self._film_store.put(id_, data)
        except DiskFull:
            _log.error("a film is not kept: the disk is full")
        except OSError as error:
            _log.error("a film is not kept: %s", cause(error))

    def _drop_films(self, ids: Sequence[str]) -> None:
        """Deletes films; one that stays on the disk is deleted later, at the latest with its result."""
        for id_ in ids:
            try:
                self._film_store.drop([id_])
            except OSError as error:
                _log.error("a film is not deleted: %s", cause(error))

    def retry_unsaved(self) -> None:
        """Tries again to store results that the database refused before."""
        if self._unsaved:
            self._save([])

    def _save(self, endings: Sequence[_Ending]) -> None:
        """Stores how films of jobs ended and reports progress; if the database refuses, later."""
        with self._lock:
            due, self._unsaved = [*self._unsaved, *endings], []
        if not due:
            return
        try:
            changed = self._store.change([{"id": ended.film} | ended.values for ended in due])
        except SQLAlchemyError as error:
            _log.error("results of %d films wait to be stored", len(due), exc_info=error)
            with self._lock:
                self._unsaved = due + self._unsaved
            return
        for ended in due:
            # A film that failed for good, or whose row was deleted meanwhile, is of no further use.
            failed = ended.values["state"] == FAILED and not self._is_kept(ended.values["error"])
            if ended.film not in changed or failed:
                self._drop_films([ended.film])
            self._events.publish(ended.job, ended.film)


def _queued(
    row: FilmRow, data: bytes, settings: Settings, deadline: float | None = None
) -> QueuedFilm:
    return QueuedFilm(
        data=data,
        settings=settings,
        tag=row,
        deadline=deadline,
        priority=row.priority,
        bundle=row.bundle,
        owner=row.owner,
    )


def _size_bytes(files: Sequence[UploadedFile]) -> int:
    return sum(len(file.data) for file in files)
