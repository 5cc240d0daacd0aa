"""The audit log of a node: films received, results sent, and what was refused, as a chain of lines.

Lines contain keyed hashes of studies and patients, never a UID, a Patient ID or a name.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.audit_log.anchor import AuditAnchor
from pneumoscope.audit_log.command_user import command_user
from pneumoscope.audit_log.log import MINOR, SERIOUS, SUCCESS, AuditLog, Event
from pneumoscope.errors import ImageError, PneumoscopeError
from pneumoscope.pacs.delivery import DELIVERED
from pneumoscope.pacs.errors import AuditLogNotWritten
from pneumoscope.pacs.film_header import header_of_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Engine

    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.store import Record
    from pneumoscope.jobs.tables import Delivery, FilmRow
    from pneumoscope.pacs.film_header import FilmHeader

_log = logging.getLogger(__name__)

_NODE = "node"
_ANCHOR_S = 2.0
"""Seconds between a line and its anchor in the database, a transaction that waits for the disk."""
_REFUSALS, _REFUSALS_S = 60, 60.0
"""Lines about refusals in so many seconds: strangers must not fill the disk with them."""


def open_node_log(folder: Path, engine: Engine, keys: Keys) -> AuditLog:
    """Opens the audit log in the folder of a node; writes nothing.

    Args:
        folder: The folder.
        engine: Its database; its tables exist.
        keys: Its keys.
    """
    anchor = AuditAnchor(engine, keys.audit, keys.former_audit, delay_s=_ANCHOR_S)
    return AuditLog(folder, keys.audit, former_keys=keys.former_audit, anchor=anchor)


def note_command(log: AuditLog, action: str, *objects: str) -> None:
    """Writes a line about a command that somebody runs on the node's machine.

    Args:
        log: The log.
        action: The command.
        objects: Ids of what it concerns.
    """
    log.append(Event(what=action, who=command_user(), objects=objects))


class NodeAuditLog:
    """Writes the lines of a running node. Safe to share between threads.

    Attributes:
        writable: Whether the last line was written.
    """

    def __init__(self, log: AuditLog, keys: Keys) -> None:
        """Writes nothing yet.

        Args:
            log: See `open_node_log`.
            keys: Make keyed hashes.

        Raises:
            AuditLogDamaged: The last line was changed, or the key is another one.
        """
        self._log = log
        self._keys = keys
        self._refusals = RefusalLimit()
        self.writable = True
        log.check()

    def stop(self) -> None:
        """Writes the last line, and waits until the database has its hash."""
        self.note("node stopped")
        self._log.settle()

    def note(self, action: str, outcome: int = SUCCESS, objects: Sequence[str] = ()) -> None:
        """Writes a line about the node itself; a failure is logged.

        Args:
            action: What happened.
            outcome: See `Event`.
            objects: Ids of what it concerns.
        """
        self._try(Event(what=action, outcome=outcome, where=_NODE, objects=tuple(objects)))

    def receiver(self, kind: str, details: dict[str, Any]) -> None:
        """Takes a message of the receiver, see `Receiver`; a failure is logged.

        The film is in the spool already. It leaves it only with another line, see `accepting`.
        """
        words = (details.get("ae_title", ""), details.get("address", ""))
        where = " ".join(word for word in words if word) or "unknown"
        if kind == "stored":
            study, patient = details.get("study", ""), details.get("patient", "")
            self._try(
                Event(
                    what="film received",
                    where=where,
                    objects=(self._keys.fingerprint(study),),
                    patient=self._patient(patient),
                    status=0,
                )
            )
        elif kind in ("refused", "rejected") and (missing := self._refusals.take()) is not None:
            subject = "film" if kind == "refused" else "connection"
            status = details.get("status")
            note = f" (and {missing} more refusals before)" if missing else ""
            self._try(
                Event(
                    what=f"{subject} refused: {details.get('reason', '')}{note}",
                    outcome=MINOR,
                    where=where,
                    status=None if status is None else int(status, 16),
                )
            )

    def fetched(self, source: str, film: bytes) -> None:
        """Writes a line about a film that the node has fetched; a failure is logged.

        Args:
            source: Name of the source in the configuration.
            film: The file.
        """
        try:
            header = header_of_file(film)
        except ImageError:
            header = None
        study, patient = self._marks(header)
        self._try(Event(what="film fetched", where=source, objects=study, patient=patient))

    def accepting(self, header: FilmHeader | None) -> Record:
        """A function that writes the line about a film, for `JobService.accept`.

        It raises `AuditLogNotWritten` if the line cannot be written: then the film stays in the spool.

        Args:
            header: Of the film; None if it cannot be read.
        """
        study, patient = self._marks(header)

        def write(ids: Sequence[str]) -> None:
            what = "film accepted" if header is not None else "film accepted: it cannot be read"
            self._write(Event(what=what, where=_NODE, objects=(*ids, *study), patient=patient))

        return write

    def delivered(self, delivery: Delivery, row: FilmRow, outcome: str) -> None:
        """Writes the line about an attempt to deliver a result.

        Args:
            delivery: To which destination.
            row: The film.
            outcome: Of the attempt, as `DeliveryLoop` names it.

        Raises:
            AuditLogNotWritten: It cannot be written.
        """
        sent = outcome == DELIVERED
        ids = (row.id, row.job, row.study)
        self._write(
            Event(
                what="result sent" if sent else f"result not sent: {outcome}",
                outcome=SUCCESS if sent else MINOR,
                where=delivery.destination,
                objects=tuple(each for each in ids if each is not None),
                patient=row.patient,
            )
        )

    def deleting(self, ids: Sequence[str]) -> None:
        """Writes the line about results that are deleted because of their age.

        Raises:
            AuditLogNotWritten: It cannot be written: then nothing must be deleted.
        """
        self._write(Event(what="retention", where=_NODE, objects=tuple(ids)))

    def tampered(self, film: str) -> None:
        """Writes the line about a film that was changed on the disk; a failure is logged."""
        self.note("film on the disk was changed", SERIOUS, (film,))

    def _marks(self, header: FilmHeader | None) -> tuple[tuple[str, ...], str | None]:
        """Keyed hashes of the study and the patient."""
        if header is None:
            return (), None
        return (self._keys.fingerprint(header.study),), self._patient(header.patient)

    def _patient(self, patient: str) -> str | None:
        return self._keys.fingerprint(patient) if patient else None

    def _try(self, event: Event) -> None:
        with suppress(AuditLogNotWritten):  # it is in the node's log
            self._write(event)

    def _write(self, event: Event) -> None:
        try:
            self._log.append(event)
        except (PneumoscopeError, OSError, SQLAlchemyError) as error:
            self.writable = False
            _log.error("the audit log cannot be written", exc_info=error)
            raise AuditLogNotWritten from error
        self.writable = True


class RefusalLimit:
    """Says which refusals get a line. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Counts nothing yet.

        Args:
            clock: Seconds of a clock that never jumps.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._since = float("-inf")
        self._lines = 0
        self._missing = 0

    def take(self) -> int | None:
        """The number of refusals before this one that got no line; None if this one gets none either."""
        with self._lock:
            if self._clock() - self._since >= _REFUSALS_S:
                self._since, self._lines = self._clock(), 0
            if self._lines >= _REFUSALS:
                self._missing += 1
                return None
            self._lines += 1
            missing, self._missing = self._missing, 0
            return missing
