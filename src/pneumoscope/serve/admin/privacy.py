"""Data of patients: retention, export and erasure."""

from __future__ import annotations

import json
import logging
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pneumoscope.audit_log.log import Event
from pneumoscope.files import replacing
from pneumoscope.jobs.database import empty_write_ahead_log
from pneumoscope.jobs.tables import FilmRow
from pneumoscope.render.serialise import NOTICE
from pneumoscope.serve.serializers import record_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pneumoscope.audit_log.log import AuditLog
    from pneumoscope.jobs.clock import SteadyClock
    from pneumoscope.jobs.film_store import FilmStore
    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.store import Store

_log = logging.getLogger(__name__)

_README = f"""All data of one patient on this server.

predictions.json  every result under the patient's key, with the film's name and SHA-256
films/            the films as they were sent, if the server keeps films; their names have no ending
audit-log.jsonl   who asked for these results, when and from where

{NOTICE}
"""


@dataclass(frozen=True, slots=True)
class PatientData:
    """What was exported or erased.

    Attributes:
        predictions: Number of results.
        films: Number of films on the disk.
        lines: Number of lines of the audit log; erasing a patient leaves them, as they have no name.
    """

    predictions: int
    films: int
    lines: int


def rows_of(store: Store, marks: Sequence[str]) -> list[FilmRow]:
    """Films of a patient, of all users, oldest first.

    Args:
        store: The database.
        marks: Keyed hashes of the patient's key, see `Keys.fingerprints`.
    """
    with Session(store.engine, expire_on_commit=False) as db:
        return list(
            db.scalars(
                select(FilmRow)
                .where(FilmRow.patient.in_(marks))
                .order_by(FilmRow.created, FilmRow.id)
            )
        )


def export(
    store: Store,
    film_store: FilmStore,
    keys: Keys,
    audit: AuditLog,
    marks: Sequence[str],
    out: Path,
) -> PatientData:
    """Writes all data of a patient as a ZIP.

    Args:
        store: The database.
        film_store: The films.
        keys: Decrypt names and films.
        audit: The audit log.
        marks: Keyed hashes of the patient's key, see `Keys.fingerprints`.
        out: The file.

    Raises:
        DiskFull: There is not enough space.
    """
    rows = rows_of(store, marks)
    lines = _lines(audit, marks, {row.id for row in rows})
    films = 0
    with replacing(out) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("README.txt", _README)
        records = [record_json(row, keys) | {"owner": row.owner} for row in rows]
        pack.writestr("predictions.json", json.dumps(records, indent=2))
        pack.writestr("audit-log.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        for row in rows:
            film = film_store.get(row.id)
            if film is not None:
                pack.writestr(f"films/{row.id}", film)
                films += 1
    return PatientData(len(rows), films, len(lines))


def erase(
    store: Store,
    film_store: FilmStore,
    audit: AuditLog,
    marks: Sequence[str],
    record: Callable[[], object],
) -> PatientData:
    """Deletes results and films of a patient, of all users.

    Args:
        store: The database.
        film_store: The films.
        audit: The audit log; its lines stay.
        marks: Keyed hashes of the patient's key, see `Keys.fingerprints`.
        record: Writes the line in the log; without this line nothing is deleted.
    """
    ids = store.delete_patient(marks, lambda _ids: record())
    if not ids:
        record()
    films = sum(film_store.get(id_) is not None for id_ in ids)
    film_store.drop(ids)
    empty_write_ahead_log(store.engine)
    # The line about the deletion is not one of those that were there before.
    return PatientData(len(ids), films, len(_lines(audit, marks, ids)) - 1)


def _lines(audit: AuditLog, marks: Sequence[str], ids: Iterable[str]) -> list[dict[str, Any]]:
    films = set(ids)
    return [
        entry
        for entry in audit.entries()
        if entry.get("patient") in marks or films & set(entry.get("objects", ()))
    ]


MOST_OF_A_SWEEP = 0.25
"""Share of all results that one sweep deletes at most; the next one, an hour later, goes on."""


class RetentionCleanup:
    """Deletes old results, and films without a result. Run it regularly.

    Args:
        store: The database.
        film_store: The films.
        days: Results older than this are deleted; None to keep all.
        audit: The audit log; what cannot be written there is not deleted.
        clock: By which results are old.
    """

    def __init__(
        self,
        store: Store,
        film_store: FilmStore,
        days: int | None,
        audit: AuditLog,
        clock: SteadyClock,
    ) -> None:
        self.store = store
        self.film_store = film_store
        self.days = days
        self.audit = audit
        self.clock = clock
        self._jump_noted = False
        self._orphans: frozenset[str] = frozenset()

    def run(self) -> list[str]:
        """Deletes them; returns the ids of the results.

        Raises:
            DiskFull, AuditLogDamaged: The audit log cannot be written, so nothing was deleted.
        """
        self._check_clock()
        old = []
        if self.days is not None:
            before = datetime.fromtimestamp(self.clock.now(), UTC) - timedelta(days=self.days)
            record = partial(self._record, "retention")
            old = self.store.delete_before(before, record, MOST_OF_A_SWEEP)
        self.film_store.drop(old)
        ids = self.film_store.ids()
        with Session(self.store.engine) as db:
            orphans = ids - set(db.scalars(select(FilmRow.id)))
        # A film is stored a moment before its row, so only films are deleted that were orphans at
        # the last run too.
        abandoned = sorted(orphans & self._orphans)
        if abandoned:
            self._record("retention: films without a result", abandoned)
        self.film_store.drop(abandoned)
        self._orphans = frozenset(orphans)
        empty_write_ahead_log(self.store.engine)  # users may have deleted results since
        self.clock.keep()
        return old

    def _check_clock(self) -> None:
        """Notes in the log that the system's clock has jumped, once for each jump."""
        ahead_s = self.clock.ahead_s()
        if ahead_s and not self._jump_noted:
            self._record(f"clock: {ahead_s / 86400:+.1f} days from the last known time", [])
            _log.error(
                "the clock is %+.1f days from the last known time, so results are deleted by the "
                "time that has passed since; if it is right: pneumoscope purge --trust-clock",
                ahead_s / 86400,
            )
        self._jump_noted = bool(ahead_s)

    def _record(self, action: str, ids: Sequence[str]) -> None:
        self.audit.append(Event(what=action, where="server", objects=tuple(ids)))
