"""The audit log: who did what, when, from where, with which outcome. A file with a chain of HMACs.

Every line is JSON with the fields of a DICOM audit message (PS3.15, A.5). It ends with an HMAC over
itself and the line before, so changing, removing, inserting or moving a line breaks the chain. The file
`HEAD` contains a keyed mark of the last line; it reveals that lines were removed at the end.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import AuditLogDamaged
from pneumoscope.files import room_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pneumoscope.serve.security.accounts import User

LOG = "audit-log.jsonl"
HEAD = "audit-log.head"
TORN = "audit-log.torn"
START = "0" * 64
"""The HMAC before the first line."""
GAP = "audit log: lines are missing"
"""Text of a line that was written after lines, or the mark, had been removed; `verify` reports it."""
SUCCESS, MINOR, SERIOUS, MAJOR = 0, 4, 8, 12
"""Event outcome indicator: done; refused; the server failed; unavailable (PS3.15, A.5.2.1)."""
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        what: Method and route, or a name such as ``"user add"``. Never the name of a film.
        outcome: `SUCCESS`, `MINOR`, `SERIOUS` or `MAJOR`.
        who: The user; None if nobody was signed in.
        where: Network address, or ``"command"``.
        objects: Ids of the objects concerned.
        patient: Keyed hash of a patient's key.
        status: HTTP status.
    """

    what: str
    outcome: int = SUCCESS
    who: User | None = None
    where: str = "command"
    objects: tuple[str, ...] = ()
    patient: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of the chain: number and HMAC of its last line; 0 and `START` if it is empty."""

    seq: int
    mac: str


class AuditLog:
    """The log in a folder. Several processes may write to it at once.

    Args:
        folder: Made if it does not exist.
        key: 32 bytes; without it lines can be read, but not forged or verified.
        clock: Seconds since 1970.
    """

    def __init__(self, folder: Path, key: bytes, clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / LOG
        self._head = folder / HEAD
        self._torn = folder / TORN
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._end = -1
        self._tail = Tail(0, START)

    def append(self, event: Event) -> Tail:
        """Writes one line; it is in the file even if the process is killed afterwards.

        Raises:
            DiskFull: Nothing was written.
            AuditLogDamaged: The last line does not belong to this log.
        """
        with self._lock, room_for(self.path), self._opened() as log:
            end = os.fstat(log).st_size
            if end != self._end:
                end = self._catch_up(log, end)
                gap = self._gap()
                if gap is not None:  # otherwise the new mark would hide it
                    end = self._put(
                        log, end, Event(what=GAP, outcome=MAJOR, where="log", objects=(gap,))
                    )
            self._put(log, end, event)
        return self._tail

    def check(self) -> None:
        """Checks the last line.

        Raises:
            AuditLogDamaged: It was changed, or the key is another one.
        """
        if self.path.exists():
            with self._lock, self._opened() as log:
                self._catch_up(log, os.fstat(log).st_size)

    def _put(self, log: int, end: int, event: Event) -> int:
        entry = _entry(event, self._tail, self._clock())
        mac = self._mac(_canonical(entry))
        line = _canonical(entry | {"mac": mac}) + b"\n"
        try:
            _write(log, line)
        except OSError:
            os.ftruncate(log, end)
            raise
        self._end, self._tail = end + len(line), Tail(entry["seq"], mac)
        self._write_head()
        return self._end

    def _gap(self) -> str | None:
        """What the mark says about lines after the last one; None if nothing is missing."""
        try:
            head = self._read_head()
        except AuditLogDamaged:
            return "the mark of the last line was changed"
        if head is None:
            return "the mark of the last line was missing" if self._tail.seq else None
        # A crash between line and mark leaves an older mark, never a newer one.
        if head.seq < self._tail.seq or head == self._tail:
            return None
        return f"the last line was {head.seq}:{head.mac}"

    def verify(self, expected: Tail | None = None) -> Tail:
        """Checks the whole log, and returns its end.

        Args:
            expected: The end of the log at an earlier time, kept elsewhere; it must be in the log.

        Raises:
            AuditLogDamaged: Names the first line that is wrong.
        """
        tail, gap = Tail(0, START), 0
        seen = expected is None or expected == tail
        head = self._read_head()
        if head == tail:
            head = None
        reached = head is None
        for entry in self.entries():
            tail = self._checked(entry, tail)
            gap = gap or (tail.seq if entry["what"] == GAP else 0)
            seen = seen or tail == expected
            reached = reached or tail == head
        if not reached:
            raise AuditLogDamaged(self.path.name, f"lines after line {tail.seq} are missing")
        if head is None and tail.seq:
            raise AuditLogDamaged(self._head.name, "is missing")
        if gap:
            raise AuditLogDamaged(
                self.path.name, f"lines before line {gap} are missing, as it says"
            )
        if expected is not None and not seen:
            raise AuditLogDamaged(
                self.path.name, f"line {expected.seq} is not the one that was expected"
            )
        return tail

    def entries(self) -> Iterator[dict[str, Any]]:
        """All lines in order, not verified.

        Raises:
            AuditLogDamaged: A line is not JSON.
        """
        if not self.path.exists():
            return
        with self.path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                yield self._parsed(line, number)

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or not line.endswith(b"\n"):
            raise AuditLogDamaged(self.path.name, f"line {number} is not whole")
        return entry

    def _checked(self, entry: dict[str, Any], before: Tail) -> Tail:
        body = {key: value for key, value in entry.items() if key != "mac"}
        mac = self._mac(_canonical(body))
        number = before.seq + 1
        if not hmac.compare_digest(mac, str(entry.get("mac"))):
            raise AuditLogDamaged(
                self.path.name, f"line {number} was changed, or the key is another one"
            )
        if body.get("prev") != before.mac or body.get("seq") != number:
            raise AuditLogDamaged(
                self.path.name, f"before line {number} something was removed or inserted"
            )
        return Tail(number, mac)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        log = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if sys.platform != "win32":
                import fcntl

                fcntl.flock(log, fcntl.LOCK_EX)
            yield log
        finally:
            os.close(log)

    def _catch_up(self, log: int, end: int) -> int:
        """Reads the last line after another process wrote; a line that a crash cut off moves to `TORN`."""
        data, start = b"", end
        while start and data.count(b"\n") < 2:
            start = max(0, start - _CHUNK)
            data = os.pread(log, end - start, start)
        whole, _, torn = data.rpartition(b"\n")
        if torn:
            with self._torn.open("ab") as stream:
                stream.write(torn + b"\n")
            end -= len(torn)
            os.ftruncate(log, end)
        if not whole:
            self._tail = Tail(0, START)
            return end
        last = self._parsed(whole.rpartition(b"\n")[2] + b"\n", -1)
        body = {key: value for key, value in last.items() if key != "mac"}
        if not hmac.compare_digest(self._mac(_canonical(body)), str(last.get("mac"))):
            raise AuditLogDamaged(
                self.path.name, "the last line was changed, or the key is another one"
            )
        self._tail = Tail(last["seq"], last["mac"])
        return end

    def _mac(self, data: bytes) -> str:
        return hmac.digest(self._key, data, hashlib.sha256).hex()

    def _write_head(self) -> None:
        text = f"{self._tail.seq} {self._tail.mac} "
        mark = self._mac(b"head " + text.encode())
        head = os.open(self._head, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            # Numbers only grow, so the new text is never shorter than the old one.
            _write(head, f"{text}{mark}\n".encode())
        finally:
            os.close(head)

    def _read_head(self) -> Tail | None:
        if not self._head.exists():
            return None
        parts = self._head.read_text(encoding="ascii", errors="replace").split()
        if len(parts) == 3 and parts[0].isdecimal():
            mark = self._mac(f"head {parts[0]} {parts[1]} ".encode())
            if hmac.compare_digest(mark, parts[2]):
                return Tail(int(parts[0]), parts[1])
        raise AuditLogDamaged(self._head.name, "was changed, or the key is another one")


def _entry(event: Event, tail: Tail, now: float) -> dict[str, Any]:
    who = event.who
    return {
        "seq": tail.seq + 1,
        "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
        "what": event.what,
        "outcome": event.outcome,
        "who": None
        if who is None
        else {"id": who.id, "name": who.name, "role": who.role, "via": who.via},
        "where": event.where,
        "objects": list(event.objects),
        "patient": event.patient,
        "status": event.status,
        "prev": tail.mac,
    }


def _canonical(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
