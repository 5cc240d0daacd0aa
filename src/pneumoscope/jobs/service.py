"""From an upload to stored results: at once, or as a job that outlives the request.

Accepted films of a job are in the database before anybody is told so. After a kill they are read
again, if the server keeps films, and else reported as interrupted.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.errors import DiskFull, PneumoscopeError
from pneumoscope.jobs.batcher import Film
from pneumoscope.jobs.store import DONE, FAILED, QUEUED, RUNNING, Row, new_id, now
from pneumoscope.records import Settings
from pneumoscope.render import wording
from pneumoscope.render.serialise import prediction_to_json
from pneumoscope.serve.problems import Cancelled, Interrupted, NotStored, ServerFault, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from pneumoscope.jobs.batcher import Batcher
    from pneumoscope.jobs.film_store import Shelf
    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.progress_events import Feeds
    from pneumoscope.jobs.store import Store
    from pneumoscope.records import Outcome

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who sends films, and how they are to be read.

    Attributes:
        owner: Id of the user.
        settings: For the classifier.
        patient: Key of the patient, or None; it is stored as a keyed hash only.
    """

    owner: str
    settings: Settings
    patient: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """A file of an upload: a film, or what an archive held in its place.

    Attributes:
        name: Display name.
        data: The file's bytes; empty with an error.
        error: Why it is none, or None.
    """

    name: str
    data: bytes = field(repr=False)
    error: PneumoscopeError | None = None


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a film of a job ended: what its row is to hold."""

    job: str
    film: str
    values: dict[str, Any]


class Desk:
    """Takes films in and puts results away. Safe to share between threads.

    Attributes:
        batcher: Set by the app, which knows both.
    """

    batcher: Batcher

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        keys: Keys,
        feeds: Feeds,
        counted: Callable[[Row], None] = lambda _row: None,
    ) -> None:
        """Connects the parts.

        Args:
            store: Where results go.
            shelf: Where films go.
            keys: Seal names.
            feeds: Who listens to jobs.
            counted: Takes every film that has ended, for the metrics.
        """
        self._store, self._shelf, self._keys, self._feeds = store, shelf, keys, feeds
        self._counted = counted
        self._waiting: dict[str, tuple[str, Future[Row]]] = {}  # film to job and future
        self._owed: list[_Ending] = []
        self._lock = threading.Lock()

    # Taking in

    def read_now(
        self, asked: Asked, films: Sequence[Arrived], deadline_s: float
    ) -> list[Future[Row]]:
        """Queues films of a request that waits for them.

        Raises:
            Busy, ShuttingDown: See `Batcher.reserve`.
        """
        self.batcher.reserve(len(films), _size(films))
        deadline = time.monotonic() + deadline_s
        try:
            rows = self._rows(asked, films, None)
        except BaseException:
            self.batcher.release(len(films), _size(films))
            raise
        return [
            self.batcher.submit(Film(film.data, asked.settings, row, deadline))
            for film, row in zip(films, rows, strict=True)
        ]

    def accept(self, asked: Asked, films: Sequence[Arrived]) -> str:
        """Takes a job in; returns its id once it is stored.

        Raises:
            Busy, ShuttingDown: See `Batcher.reserve`.
        """
        self.batcher.reserve(len(films), _size(films))
        job, kept = new_id(), list[str]()
        try:
            rows = self._rows(asked, films, job)
            good = [(f, r) for f, r in zip(films, rows, strict=True) if f.error is None]
            for film, row in good:
                self._shelf.keep(row.id, film.data)
                kept.append(row.id)
            told = {"id": job, "owner": asked.owner, "created": now(), "total": len(films)}
            self._store.accept(told, [_values(row) for row in rows])
        except BaseException:
            self.batcher.release(len(films), _size(films))
            self._shelf.drop(kept)
            raise
        self.batcher.release(len(films) - len(good), 0)  # what is no film has no bytes
        self._start(job, [(film.data, row) for film, row in good], asked.settings)
        return job

    def recover(self) -> tuple[int, int]:
        """Takes up, or reports, what an earlier run left open; returns how many of each."""
        self._shelf.tidy()
        again: list[tuple[str, bytes, Row]] = []
        for row in self._store.left_open():
            film = self._shelf.get(row.id)
            if film is not None and row.job is not None:
                again.append((row.job, film, row))
        lost = self._store.close_open(problem(Interrupted()), [row.id for _, _, row in again])
        for job, film, row in again:
            self.batcher.admit(1, len(film))
            self._start(job, [(film, row)], _settings(row.asked))
        if again or lost:
            _log.warning("after a restart %d films are read again, %d are lost", len(again), lost)
        return len(again), lost

    def cancel(self, owner: str, job: str) -> None:
        """Ends what of an owner's job has not begun."""
        if self._store.job(owner, job) is None:
            return
        with self._lock:
            mine = [(id_, future) for id_, (of, future) in self._waiting.items() if of == job]
        stopped = [id_ for id_, future in mine if future.cancel()]
        self._put_away([_Ending(job, id_, _failed(Cancelled())) for id_ in stopped])

    def delete(self, owner: str, ids: Sequence[str] | None = None) -> list[str]:
        """Deletes results with their films, all of the owner's by default; returns which."""
        gone = self._store.delete(owner, ids)
        self._shelf.drop(gone)
        for id_ in gone:
            with self._lock:
                job, future = self._waiting.get(id_, ("", None))
            if future is not None and future.cancel():
                self._feeds.tell(job, id_)
        return gone

    def _start(self, job: str, films: Sequence[tuple[bytes, Row]], settings: Settings) -> None:
        for film, row in films:
            future = self.batcher.submit(Film(film, settings, row))
            with self._lock:
                self._waiting[row.id] = job, future
            future.add_done_callback(partial(self._forget, job, row.id))

    def _forget(self, job: str, film: str, future: Future[Row]) -> None:
        with self._lock:
            self._waiting.pop(film, None)
        error = None if future.cancelled() else future.exception()
        if isinstance(error, ServerFault):
            self._put_away([_Ending(job, film, _failed(error))])

    def _rows(self, asked: Asked, films: Sequence[Arrived], job: str | None) -> list[Row]:
        created = now()
        patient = None if asked.patient is None else self._keys.fingerprint(asked.patient)
        settings = _asked(asked.settings)
        rows = []
        for position, film in enumerate(films):
            id_ = new_id()
            rows.append(
                Row(
                    id=id_,
                    owner=asked.owner,
                    created=created,
                    job=job,
                    position=position,
                    state=QUEUED if film.error is None else FAILED,
                    name=self._keys.seal(film.name.encode(), id_),
                    sha256=hashlib.sha256(film.data).hexdigest(),
                    patient=patient,
                    asked=settings,
                    label=None,
                    result=None,
                    error=None if film.error is None else problem(film.error),
                    heatmap=None,
                    heatmap_rows=None,
                )
            )
        return rows

    # Putting away: called by the batcher's threads

    def begin(self, films: Sequence[Film]) -> None:
        """Marks films of jobs as begun."""
        begun = [film.tag.id for film in films if film.tag.job is not None]
        if begun:
            try:
                self._store.change([{"id": id_, "state": RUNNING} for id_ in begun])
            except SQLAlchemyError as error:  # only what people see meanwhile
                _log.error("films are not marked as begun", exc_info=error)

    def finish(self, found: Sequence[tuple[Film, Outcome]]) -> Sequence[Row | NotStored]:
        """Holds films, stores results, then tells who listens.

        Returns:
            The rows; in place of one without a job, why it could not be stored.
        """
        rows = [self._ended(film.tag, outcome) for film, outcome in found]
        for (film, _), row in zip(found, rows, strict=True):
            self._counted(row)
            if row.state == DONE:
                self._hold(row.id, film.data)
        self._put_away(
            [_Ending(row.job, row.id, _ending(row)) for row in rows if row.job is not None]
        )
        at_once = [row for row in rows if row.job is None]
        try:
            if at_once:
                self._store.add([_values(row) for row in at_once])
        except SQLAlchemyError as error:
            _log.error("results of %d films are not stored", len(at_once), exc_info=error)
            self._shelf.drop(row.id for row in at_once)
            return [row if row.job is not None else NotStored() for row in rows]
        return rows

    def _hold(self, id_: str, film: bytes) -> None:
        try:
            self._shelf.put(id_, film)
        except DiskFull:
            _log.error("a film is not kept: the disk is full")

    def settle(self) -> None:
        """Stores what could not be stored before, if there is such."""
        if self._owed:
            self._put_away([])

    def _put_away(self, endings: Sequence[_Ending]) -> None:
        """Stores how films of jobs ended and tells who listens; later, if the database refuses."""
        with self._lock:
            due, self._owed = [*self._owed, *endings], []
        try:
            there = (
                self._store.change([{"id": one.film} | one.values for one in due]) if due else ()
            )
        except SQLAlchemyError as error:
            _log.error("results of %d films wait to be stored", len(due), exc_info=error)
            with self._lock:
                self._owed = due + self._owed
            return
        for one in due:
            if one.film not in there or one.values["state"] == FAILED:  # deleted, or of no use
                self._shelf.drop([one.film])
            self._feeds.tell(one.job, one.film)

    def _ended(self, row: Row, outcome: Outcome) -> Row:
        p = outcome.prediction
        if p is None:
            row.state = FAILED
            row.error = problem(outcome.error or PneumoscopeError("no outcome"))
            return row
        row.state, row.label = DONE, p.label
        row.result = prediction_to_json(p) | {"words": wording.sentences(p)}
        if p.heatmap is not None and row.result["heatmap_class"] is not None:
            row.heatmap = np.ascontiguousarray(p.heatmap, np.float32).tobytes()
            row.heatmap_rows = p.heatmap.shape[0]
        return row


_COLUMNS = tuple(column.key for column in Row.__table__.columns)
_CHANGED = ("state", "label", "result", "error", "heatmap", "heatmap_rows")


def _size(films: Sequence[Arrived]) -> int:
    return sum(len(film.data) for film in films)


def _values(row: Row) -> dict[str, Any]:
    return {key: getattr(row, key) for key in _COLUMNS}


def _failed(error: PneumoscopeError) -> dict[str, Any]:
    return {"state": FAILED, "error": problem(error)}


def _ending(row: Row) -> dict[str, Any]:
    return {key: getattr(row, key) for key in _CHANGED}


def _asked(settings: Settings) -> dict[str, Any]:
    values = asdict(settings)
    return values | {"profile": None if settings.profile is None else str(settings.profile)}


def _settings(asked: Mapping[str, Any]) -> Settings:
    profile = asked["profile"]
    return Settings(**{**asked, "profile": None if profile is None else Path(profile)})
