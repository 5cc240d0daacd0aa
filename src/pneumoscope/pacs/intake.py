"""Takes films out of the spool and accepts them into the queue, each of them once."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.errors import (
    DiskFull,
    DuplicateFilm,
    ImageError,
    QueueError,
    QueueFull,
)
from pneumoscope.files import cause
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.store import no_record
from pneumoscope.pacs.errors import TooManyFilms
from pneumoscope.pacs.film_header import FilmHeader, header_of_file
from pneumoscope.records import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pneumoscope.jobs.pipeline import Pipeline
    from pneumoscope.jobs.store import Record
    from pneumoscope.pacs.spool import Spool

_log = logging.getLogger(__name__)

OWNER = "node"
"""Owner of the films in the database."""
_IDLE_S = 1.0
"""Seconds after which the spool is looked at even if nobody reported a film."""
_TROUBLE_S = 2.0


class Intake:
    """A thread that accepts films from the spool."""

    def __init__(
        self,
        pipeline: Pipeline,
        spool: Spool,
        destinations: tuple[str, ...],
        study_films: int,
        counted: Callable[[str], None] = lambda _outcome: None,
        recording: Callable[[FilmHeader | None], Record] = lambda _header: no_record,
    ) -> None:
        """Starts the thread.

        Args:
            pipeline: Gets the films.
            spool: Has them.
            destinations: Names of the systems that every result goes to.
            study_films: Films of a study that are read.
            counted: Called with ``accepted``, ``duplicate`` or ``failed`` for each film.
            recording: Takes the header of a film, and gives the function that is called before the
                film is stored, see `JobService.accept`.
        """
        self._pipeline = pipeline
        self._spool = spool
        self._destinations = destinations
        self._study_films = study_films
        self._counted = counted
        self._recording = recording
        self._bundle_sha256 = pipeline.readers.sha256()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="intake", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Says that a film has arrived."""
        self._wake.set()

    def stop(self) -> None:
        """Ends the thread after the film that it accepts; the others stay in the spool."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                pause_s = self._accept_all()
            except Exception as error:  # noqa: BLE001 (a film that fails must not end the thread)
                _log.error("films cannot be accepted", exc_info=error)
                pause_s = _TROUBLE_S
            if pause_s:
                self._stopping.wait(pause_s)
            else:
                self._wake.wait(_IDLE_S)

    def _accept_all(self) -> float:
        """Accepts what is in the spool; returns seconds to wait if that was not possible."""
        pause_s = 0.0
        for path in self._spool.films():
            if self._stopping.is_set():
                break
            try:
                self._accept(path)
            except QueueFull as error:
                return min(_TROUBLE_S, error.retry_after_s)
            except QueueError:  # the node is shutting down, or has lost its database or audit log
                return _TROUBLE_S
            except DiskFull:
                _log.error("the disk is full; films wait in the spool")
                return _TROUBLE_S
            except SQLAlchemyError as error:
                _log.error("the database cannot be used; films wait in the spool", exc_info=error)
                return _TROUBLE_S
            except Exception as error:  # noqa: BLE001 (the films after this one must not wait for it)
                _log.error("a film cannot be accepted; it stays in the spool", exc_info=error)
                pause_s = _TROUBLE_S
        return pause_s

    def _accept(self, path: Path) -> None:
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # somebody has deleted it
            return
        header: FilmHeader | None = None
        try:
            header = header_of_file(data)
            request, film = self._film(header, data)
        except ImageError as error:
            request = self._request(None)
            film = UploadedFile("film", b"", error)
        try:
            job = self._pipeline.jobs.accept(request, [film], self._recording(header))
        except DuplicateFilm:
            key = film.idempotency_key
            if key is not None and self._pipeline.jobs.resume_failed(OWNER, key):
                _log.info("a film that failed was received again; it is read again")
            elif key is not None and self._pipeline.database.store.row_of_key(OWNER, key) is None:
                return  # the film that failed is not here any more: this one is accepted next
            else:
                _log.info("a film was received that is known already")
            self._counted("duplicate")
        else:
            self._counted("accepted" if film.error is None else "failed")
            fields = {"job": job} | ({} if film.error is None else {"error": film.error.code})
            _log.info("a film was accepted", extra={"fields": fields})
        # From here on the database and the folder of films answer for it.
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            _log.error("a film stays in the spool: %s", cause(error))

    def _film(self, header: FilmHeader, data: bytes) -> tuple[JobRequest, UploadedFile]:
        request = self._request(header)
        database = self._pipeline.database
        key = database.keys.idempotency_key(header.sop_instance, self._bundle_sha256)
        known = database.store.row_of_key(OWNER, key) is not None
        study = database.keys.fingerprint(header.study)
        if not known and database.store.count_of_study(OWNER, study) >= self._study_films:
            return request, UploadedFile("film", b"", TooManyFilms(self._study_films))
        return request, UploadedFile("film", data, idempotency_key=key)

    def _request(self, header: FilmHeader | None) -> JobRequest:
        return JobRequest(
            owner=OWNER,
            settings=Settings(),
            patient=None if header is None or not header.patient else header.patient,
            study=None if header is None else header.study,
            priority=0 if header is None else header.priority,
            destinations=self._destinations,
        )
