"""The audit log: who did what, when, from where, with which outcome. Files with a chain of HMACs.

Every line is JSON with the fields of a DICOM audit message (PS3.15, A.5). It ends with an HMAC over
itself and the line before, so changing, removing, inserting or moving a line breaks the chain. The file
`HEAD` contains a keyed mark of the last line; it reveals that lines were removed at the end. The
anchor, in the database, reveals that both files were removed or replaced by older ones.

A file that reaches `ROTATE_BYTES` is closed and gets the number of its last line in its name; the chain
continues in the next file.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from pneumoscope.audit_log.line_files import last_line, last_lines, write_all
from pneumoscope.audit_log.lines import (
    MAJOR,
    MINOR,
    SERIOUS,
    START,
    SUCCESS,
    Event,
    Tail,
    canonical,
    entry_of,
    parsed,
)
from pneumoscope.errors import AuditLogDamaged, UsageError
from pneumoscope.files import room_for
from pneumoscope.jobs.signatures import is_signed, signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pneumoscope.audit_log.anchor import AuditAnchor

__all__ = ["MAJOR", "MINOR", "SERIOUS", "START", "SUCCESS", "AuditLog", "Event", "Tail"]

LOG = "audit-log.jsonl"
HEAD = "audit-log.head"
TORN = "audit-log.torn"
GAP = "audit log: lines are missing"
"""Text of a line that was written after lines, or the mark, had been removed; `verify` reports it."""
ROTATE_BYTES = 64 * 2**20
"""About 150,000 lines."""


class AuditLog:
    """The log in a folder. Several processes may write to it at once.

    Args:
        folder: Made if it does not exist.
        key: 32 bytes; without it lines can be read, but not forged or verified.
        clock: Seconds since 1970.
        former_keys: Keys of earlier times; lines that were written with them are valid.
        anchor: Keeps the end of the chain in the database; None to keep it nowhere.
        forward: Called with each line after it was written, such as to send it to a syslog.
    """

    def __init__(
        self,
        folder: Path,
        key: bytes,
        clock: Callable[[], float] = time.time,
        *,
        former_keys: Sequence[bytes] = (),
        anchor: AuditAnchor | None = None,
        forward: Callable[[bytes], object] = lambda _line: None,
        rotate_bytes: int = ROTATE_BYTES,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / LOG
        self._head = folder / HEAD
        self._torn = folder / TORN
        self._folder = folder
        self._keys = (key, *former_keys)
        self._anchor = anchor
        self._forward = forward
        self._rotate_bytes = rotate_bytes
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
                before = self._tail
                end = self._catch_up(log, end)
                gap = self._gap(before)
                if gap is not None:  # otherwise the new mark would hide it
                    end = self._put(
                        log, end, Event(what=GAP, outcome=MAJOR, where="log", objects=(gap,))
                    )
                    self._note_anchor(replace=True)
            if self._put(log, end, event) >= self._rotate_bytes:
                self._rotate()
            self._note_anchor()
        return self._tail

    def last_time(self) -> float | None:
        """Seconds since 1970 at which the last line was written; None without lines.

        Raises:
            AuditLogDamaged: The last line was changed, or the key is another one.
        """
        for path in (self.path, *reversed(self.archives())):
            if path.exists() and (line := last_line(path)):
                return datetime.fromisoformat(self._valid(line)["time"]).timestamp()
        return None

    def anchored(self) -> Tail | None:
        """The end of the chain that the database knows; None if it knows none.

        Raises:
            AuditLogDamaged: The anchor was removed or changed.
        """
        return None if self._anchor is None else self._anchor.read()

    def settle(self) -> None:
        """Waits until the anchor of the last line is written; call it before a process ends."""
        if self._anchor is not None:
            self._anchor.settle()

    def _note_anchor(self, *, replace: bool = False) -> None:
        if self._anchor is not None:
            self._anchor.note(self._tail, replace=replace)

    def _rotate(self) -> None:
        self.path.rename(self._folder / f"audit-log.{self._tail.seq:012d}.jsonl")
        self._end = 0

    def archives(self) -> list[Path]:
        """Closed files of the log, oldest first."""
        return sorted(self._folder.glob("audit-log." + "[0-9]" * 12 + ".jsonl"))

    @contextmanager
    def snapshot(self) -> Iterator[list[tuple[str, BinaryIO, int]]]:
        """The files of the log at one moment: name, stream, and bytes to read."""
        with ExitStack() as streams:
            with self._lock, self._opened():
                files: list[tuple[str, BinaryIO, int]] = []
                for path in (*self.archives(), self.path, self._torn):
                    if path.exists():
                        stream = streams.enter_context(path.open("rb"))
                        files.append((path.name, stream, path.stat().st_size))
                if self._head.exists():  # unlike the others, it is overwritten
                    mark = self._head.read_bytes()
                    files.append((HEAD, io.BytesIO(mark), len(mark)))
            yield files

    def check(self) -> None:
        """Checks the last line.

        Raises:
            AuditLogDamaged: It was changed, or the key is another one.
        """
        if self.path.exists() or self.archives():
            with self._lock, self._opened() as log:
                self._catch_up(log, os.fstat(log).st_size)
                self._end = -1  # the next line looks for a gap, too

    def _put(self, log: int, end: int, event: Event) -> int:
        entry = entry_of(event, self._tail, self._clock())
        mac = self._mac(canonical(entry))
        line = canonical(entry | {"mac": mac}) + b"\n"
        try:
            write_all(log, line)
        except OSError:
            os.ftruncate(log, end)
            raise
        self._end, self._tail = end + len(line), Tail(entry["seq"], mac)
        self._write_head()
        self._forward(line)
        return self._end

    def _gap(self, before: Tail) -> str | None:
        """What is known of lines after the last one; None if nothing is missing.

        Args:
            before: The last line that this process knows of.
        """
        if before.seq > self._tail.seq:
            return f"the last line was {before.seq}:{before.mac}"
        anchor = self._anchor_gap()
        if anchor is not None:
            return anchor
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

    def _anchor_gap(self) -> str | None:
        try:
            anchor = self.anchored()
        except AuditLogDamaged as error:
            return error.message
        # The anchor is written a moment after the line, so it may be older.
        if anchor is None or anchor.seq < self._tail.seq or anchor == self._tail:
            return None
        return f"the last line was {anchor.seq}:{anchor.mac}"

    def verify(self, expected: Tail | None = None, start: Tail = Tail(0, START)) -> Tail:  # noqa: B008 (frozen)
        """Checks the whole log, and returns its end.

        Args:
            expected: The end of the log at an earlier time, kept elsewhere; it must be in the log.
            start: The end of the files that were moved to another place.

        Raises:
            AuditLogDamaged: Names the first line that is wrong.
            UsageError: The expected line is in files that were moved.
        """
        if expected is not None and expected.seq < start.seq:
            raise UsageError(
                f"line {expected.seq} is in files that were moved: it cannot be compared",
                "Move them back, or expect a later line.",
            )
        tail, gap = start, 0
        head = self._read_head()
        anchor = self.anchored()
        # A file is closed after its mark was written, so that an older mark belongs to an older log.
        ends = (expected, head, anchor)
        sought = {end for end in ends if end and end != start and end.seq >= start.seq}
        for entry in self.entries():
            if entry["seq"] <= start.seq:
                continue
            tail = self._checked(entry, tail)
            gap = gap or (tail.seq if entry["what"] == GAP else 0)
            sought.discard(tail)
        if head in sought or (head is not None and head.seq < start.seq):
            raise AuditLogDamaged(self.path.name, f"lines after line {tail.seq} are missing")
        if head is None and tail.seq:
            raise AuditLogDamaged(self._head.name, "is missing")
        if gap:
            raise AuditLogDamaged(
                self.path.name, f"lines before line {gap} are missing, as it says"
            )
        if expected in sought and expected is not None:
            raise AuditLogDamaged(
                self.path.name, f"line {expected.seq} is not the one that was expected"
            )
        if anchor in sought and anchor is not None:
            raise AuditLogDamaged(
                self.path.name,
                f"line {anchor.seq}, whose hash is in the database, is missing or another one",
            )
        return tail

    def entries(self) -> Iterator[dict[str, Any]]:
        """All lines in order, not verified.

        Raises:
            AuditLogDamaged: A line is not as it was written.
        """
        for number, line in enumerate(self._lines(), 1):
            yield self._parsed(line, number)

    def _lines(self) -> Iterator[bytes]:
        read: set[Path] = set()
        while True:
            for path in self._unread(read):
                with path.open("rb") as stream:
                    yield from stream
            with suppress(FileNotFoundError), self.path.open("rb") as stream:
                if self._unread(set(read)):  # it was closed a moment ago
                    continue
                yield from stream
                return
            if not self._unread(set(read)):
                return

    def _unread(self, read: set[Path]) -> list[Path]:
        """Closed files that were not read; they are noted as read."""
        files = [path for path in self.archives() if path not in read]
        read.update(files)
        return files

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        entry = parsed(line)
        if entry is None or not isinstance(entry.get("seq"), int):
            raise AuditLogDamaged(self.path.name, f"line {number} is not whole")
        return entry

    def _checked(self, entry: dict[str, Any], before: Tail) -> Tail:
        body = {key: value for key, value in entry.items() if key != "mac"}
        mac = str(entry.get("mac"))
        number = before.seq + 1
        if not self._fits(canonical(body), mac):
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
        while True:
            log = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                if sys.platform != "win32":
                    import fcntl

                    fcntl.flock(log, fcntl.LOCK_EX)
                if not self._is_current(log):  # another process closed this file meanwhile
                    continue
                yield log
                return
            finally:
                os.close(log)

    def _is_current(self, log: int) -> bool:
        try:
            return os.path.samestat(os.fstat(log), self.path.stat())
        except FileNotFoundError:
            return False

    def _catch_up(self, log: int, end: int) -> int:
        """Reads the last line after another process wrote; a line that a crash cut off moves to `TORN`."""
        whole, _, torn = last_lines(log, end).rpartition(b"\n")
        if torn:
            with self._torn.open("ab") as stream:
                stream.write(torn + b"\n")
            end -= len(torn)
            os.ftruncate(log, end)
        if not whole:
            self._tail = self._end_of_archives()
            return end
        self._tail = self._valid_tail(whole.rpartition(b"\n")[2] + b"\n")
        return end

    def _end_of_archives(self) -> Tail:
        files = self.archives()
        return self._valid_tail(last_line(files[-1])) if files else Tail(0, START)

    def _valid_tail(self, line: bytes) -> Tail:
        last = self._valid(line)
        return Tail(last["seq"], last["mac"])

    def _valid(self, line: bytes) -> dict[str, Any]:
        """The last line of a file."""
        last = self._parsed(line, -1)
        body = {key: value for key, value in last.items() if key != "mac"}
        if not self._fits(canonical(body), str(last.get("mac"))):
            raise AuditLogDamaged(
                self.path.name, "the last line was changed, or the key is another one"
            )
        return last

    def _fits(self, data: bytes, mac: str) -> bool:
        return is_signed(data, mac, self._keys)

    def _mac(self, data: bytes) -> str:
        return signature(self._keys[0], data)

    def _write_head(self) -> None:
        text = f"{self._tail.seq} {self._tail.mac} "
        mark = self._mac(b"head " + text.encode())
        head = os.open(self._head, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            # Numbers only grow, so the new text is never shorter than the old one.
            write_all(head, f"{text}{mark}\n".encode())
        finally:
            os.close(head)

    def _read_head(self) -> Tail | None:
        if not self._head.exists():
            return None
        parts = self._head.read_text(encoding="ascii", errors="replace").split()
        if len(parts) == 3 and parts[0].isdecimal():
            text = f"head {parts[0]} {parts[1]} "
            if self._fits(text.encode(), parts[2]):
                return Tail(int(parts[0]), parts[1])
        raise AuditLogDamaged(self._head.name, "was changed, or the key is another one")
