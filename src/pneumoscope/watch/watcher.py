"""Brings the films of places to the queue: each version of a file once."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pneumoscope.errors import (
    DiskFull,
    ImageError,
    MissingFile,
    NotPermitted,
    PneumoscopeError,
    QueueError,
    QueueFull,
    ShuttingDown,
    UnreadableImage,
)
from pneumoscope.jobs.database import DatabaseError, unusable
from pneumoscope.jobs.received import entry
from pneumoscope.jobs.requests import UploadedFile
from pneumoscope.jobs.rows import name_of, settings_to_json
from pneumoscope.jobs.tables import FAILED
from pneumoscope.watch.places import is_packed, may_be_film
from pneumoscope.watch.settling import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.received import ReceivedFiles
    from pneumoscope.jobs.requests import JobRequest
    from pneumoscope.jobs.service import JobService
    from pneumoscope.jobs.store import Store
    from pneumoscope.jobs.tables import ReceivedFile
    from pneumoscope.watch.places import Place, PlaceFile

_UNREADABLE = "unreadable "
"""Begins the version of a file that was reported as unreadable, before the name of the error."""
_FULL_S = 0.1
"""Seconds between attempts while the queue is full."""


@dataclass(frozen=True, slots=True)
class Reports:
    """What is reported while films arrive, in the watcher's thread.

    Attributes:
        unreadable: Takes the name of a file and why it cannot be read, without the name; called once
            for each version.
        repeated: Takes the name of a file whose film was received before.
        trouble: Takes why nothing can be received now, or a place cannot be listed; once until it is
            over.
    """

    unreadable: Callable[[str, PneumoscopeError], object]
    repeated: Callable[[str], object]
    trouble: Callable[[PneumoscopeError], object]


@dataclass(frozen=True, slots=True)
class Intake:
    """Where films go.

    Attributes:
        store: The database.
        keys: Make keyed hashes.
        jobs: Accepts films.
        received: Remembers files.
        request: How films are to be read, and where their results go.
        reader: Hash of what reads them, see `reader_id`.
    """

    store: Store
    keys: Keys
    jobs: JobService
    received: ReceivedFiles
    request: JobRequest
    reader: str


def reader_id(bundles: Iterable[str], request: JobRequest) -> str:
    """A hash of what reads films: other bundles or settings give other results.

    Args:
        bundles: SHA-256 of each bundle.
        request: With the settings.
    """
    facts = [sorted(bundles), settings_to_json(request.settings), request.bundle]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(slots=True)
class _PlaceState:
    """What is known about the files of a place.

    Attributes:
        received: Path to the version that was received or left out.
        waiting: Files that are not received yet, by path.
        trouble: Whether the place could not be listed the last time.
    """

    received: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    trouble: bool = False


class Watcher:
    """Receives films. Only one thread may use it at a time."""

    def __init__(
        self,
        places: Sequence[Place],
        intake: Intake,
        reports: Reports,
        settle_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], bool | None] = time.sleep,
    ) -> None:
        """Lists nothing yet.

        Args:
            places: The places; names of films begin with the label of theirs if there are several.
            intake: Where films go.
            reports: What is reported.
            settle_s: Seconds without a change after which a file counts as complete.
            clock: Seconds of a clock that never jumps.
            sleep: Waits some seconds; returns True to end the work.
        """
        self._places = places
        self._intake = intake
        self._reports = reports
        self._settle_s = settle_s
        self._clock = clock
        self._sleep = sleep
        self._states = [_PlaceState() for _ in places]
        self._in_trouble = False
        self._reopened_for: set[str] = set()

    @property
    def waiting(self) -> int:
        """Files that were listed, and that no attempt has been made to receive."""
        return sum(not w.attempts for state in self._states for w in state.waiting.values())

    @property
    def put_off(self) -> int:
        """Files that could not be received, and places that could not be listed; to be tried again."""
        files = sum(bool(w.attempts) for state in self._states for w in state.waiting.values())
        return files + sum(state.trouble for state in self._states)

    def list_all(self) -> None:
        """Lists every place, and takes note of what is new."""
        self._forget_again()
        inner = self._names_again()
        for number, (place, state) in enumerate(zip(self._places, self._states, strict=True)):
            try:
                listed = {file.path: file for file in place.files()}
            except PneumoscopeError as error:
                if not state.trouble:
                    self._reports.trouble(error)
                state.trouble = True
                continue
            state.trouble = False
            for paths in (state.received, state.waiting):
                for path in paths.keys() - listed.keys():
                    del paths[path]
            self._note(number, list(listed.values()))
            self._reopen(number, listed, inner)

    def look_at(
        self, number: int, path: str, *, folder: bool = False, closed: bool = False
    ) -> None:
        """Takes note of one file, or of the files of a folder.

        Args:
            number: Number of the place.
            path: The file or folder.
            folder: Whether it is a folder.
            closed: Whether the writer of the file has finished.
        """
        place, state = self._places[number], self._states[number]
        if folder:
            try:
                files = list(place.files(path))
            except PneumoscopeError:
                return  # the next listing of all reports it
        else:
            file = place.file(path)
            if file is None:
                state.waiting.pop(path, None)
                return
            files = [file]
        self._note(number, files, closed=closed)

    def _note(self, number: int, files: Sequence[PlaceFile], *, closed: bool = False) -> None:
        """Takes note of how files look now; those that were received before are left out."""
        state, now = self._states[number], self._clock()
        fresh = []
        for file in files:
            if state.received.get(file.path) == file.version:
                continue
            if file.path in state.waiting:
                state.waiting[file.path].seen(file, now, closed=closed)
            else:
                fresh.append(file)
        known = self._intake.received.of_places([self._key(number, file.path) for file in fresh])
        for file in fresh:
            before = known.get(self._key(number, file.path))
            if before is not None and before.version == file.version:
                state.received[file.path] = file.version
            else:
                state.waiting[file.path] = Waiting(file, now, closed)

    def _forget_again(self) -> None:
        """Forgets files that are to be received again."""
        again = self._intake.received.again()
        if not again:
            return
        for number, state in enumerate(self._states):
            for path in [p for p in state.received if self._key(number, p) in again]:
                del state.received[path]
            for path, waiting in state.waiting.items():
                if self._key(number, path) in again:
                    waiting.not_before = 0.0

    def _names_again(self) -> set[str]:
        """Names of films that are to be received again, and that no archive was opened for yet."""
        intake = self._intake
        names = {
            name_of(row, intake.keys)
            for job in intake.received.jobs_again()
            for row in intake.store.of_job(intake.request.owner, job)
        }
        self._reopened_for &= names
        return names - self._reopened_for

    def _reopen(self, number: int, listed: Mapping[str, PlaceFile], names: set[str]) -> None:
        """Receives archives again that contain films with these names."""
        state = self._states[number]
        for path in [path for path in state.received if path.lower().endswith(".zip")]:
            inside = {name for name in names if name.startswith(f"{self._name(number, path)}/")}
            if inside:
                self._reopened_for |= inside
                del state.received[path]
                state.waiting[path] = Waiting(listed[path], self._clock())

    def _key(self, number: int, path: str) -> str:
        """Keyed hash of a file for what reads it now."""
        place = f"{self._places[number].shown(path)}\n{self._intake.reader}"
        # As numbers: the keyed hash takes different forms of letters for the same.
        return self._intake.keys.fingerprint(place.encode("utf-8", "backslashreplace").hex())

    def receive(self) -> float | None:
        """Receives every file that is complete.

        Returns:
            Seconds until the next one can be complete; None if none waits.
        """
        due: list[float] = []
        for number, state in enumerate(self._states):
            atomic = self._places[number].atomic
            for path in list(state.waiting):
                waiting = state.waiting[path]
                ready_at = waiting.ready_at(self._settle_s, atomic=atomic)
                if ready_at <= self._clock():
                    self._receive(number, path, waiting)
                    waiting = state.waiting.get(path, waiting)
                    ready_at = waiting.ready_at(self._settle_s, atomic=atomic)
                if path in state.waiting:
                    due.append(ready_at)
        return None if not due else max(0.0, min(due) - self._clock())

    def _receive(self, number: int, path: str, waiting: Waiting) -> None:
        """Receives a file, or leaves it waiting."""
        place, state = self._places[number], self._states[number]
        try:
            file = place.file(path)
        except PneumoscopeError as error:
            self._put_off(waiting, error)
            return
        if file is None:
            del state.waiting[path]
            return
        if file.version != waiting.file.version:
            waiting.seen(file, self._clock())
            return
        try:
            if self._accepted(number, file, waiting):
                state.received[path] = file.version
                del state.waiting[path]
                self._in_trouble = False
        except MissingFile:
            del state.waiting[path]  # moved away; a listing finds its new place
        except ShuttingDown:
            return
        except (DiskFull, QueueError) as error:
            self._put_off(waiting, error)
        except DatabaseError as error:
            self._put_off(waiting, unusable(error))

    def _put_off(self, waiting: Waiting, error: PneumoscopeError) -> None:
        waiting.put_off(self._clock())
        if not self._in_trouble:
            self._reports.trouble(error)
        self._in_trouble = True

    def _accepted(self, number: int, file: PlaceFile, waiting: Waiting) -> bool:
        """Accepts the films of a file; returns False if they are to be read once more later.

        Raises:
            MissingFile: It has been moved away.
            DiskFull, DatabaseError: Nothing can be accepted now.
        """
        place = self._places[number]
        name, key = self._name(number, file.path), self._key(number, file.path)
        if is_packed(place, file.path):
            for inner, content in place.archive_films(file.path):
                path = f"{file.path}/{inner}" if inner else file.path
                self._accept(
                    self._name(number, path), self._key(number, path), file.version, content
                )
            self._intake.received.enter(key, file.version)
            return True
        if not may_be_film(place, file.path):
            return True  # not remembered: it costs one look after each start
        try:
            data = place.read(file.path)
        except MissingFile:
            raise
        except ImageError as error:
            if is_final(error):
                self._accept(name, key, file.version, error)
                return True
            self._accept(name, key, f"{_UNREADABLE}{error.code} {file.version}", error)
            waiting.put_off(self._clock())
            return False
        after = file if place.atomic else place.file(file.path)
        if after is None or after.version != file.version:
            if after is not None:
                waiting.seen(after, self._clock())
            return False
        self._accept(name, key, file.version, data)
        return True

    def _accept(self, name: str, key: str, version: str, content: bytes | ImageError) -> None:
        """Accepts a film, or why a file is none; nothing happens if that is known."""
        intake = self._intake
        before = intake.received.of_places([key]).get(key)
        if before is not None and before.version == version:
            return
        if isinstance(content, ImageError):
            file = UploadedFile(name, b"", content)
            self._reports.unreadable(name, content)
        else:
            digest = hashlib.sha256(content).hexdigest()
            identity = intake.keys.idempotency_key(digest, intake.reader)
            same = intake.store.row_of_key(intake.request.owner, identity)
            if same is not None:
                intake.received.enter(key, version, same.job)
                self._forget_failure(before)
                self._reports.repeated(name)
                return
            file = UploadedFile(name, content, idempotency_key=identity)
        while True:
            try:
                intake.jobs.accept(
                    intake.request, [file], also=lambda job: entry(key, version, job)
                )
                break
            except QueueFull:
                if self._sleep(_FULL_S):
                    raise ShuttingDown from None
        self._forget_failure(before)

    def _forget_failure(self, before: ReceivedFile | None) -> None:
        """Deletes what is known about an earlier version of a file that could not be read."""
        if before is None or before.job is None:
            return
        owner = self._intake.request.owner
        rows = self._intake.store.of_job(owner, before.job)
        failed = [row.id for row in rows if row.state == FAILED]
        if failed:
            self._intake.jobs.delete(owner, failed)

    def _name(self, number: int, path: str) -> str:
        place = self._places[number]
        name = path if len(self._places) == 1 else f"{place.label}/{path}"
        return name.encode("utf-8", "backslashreplace").decode()


def is_final(error: ImageError) -> bool:
    """Whether another attempt on the same bytes would fail too; not if the system refused to read."""
    return not isinstance(error, NotPermitted) and not (
        isinstance(error, UnreadableImage) and error.__cause__ is not None
    )
