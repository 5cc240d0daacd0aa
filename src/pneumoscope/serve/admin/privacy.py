"""What is held on people, and how it goes again: retention, export and erasure by patient."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pneumoscope.files import replacing
from pneumoscope.jobs.store import Row
from pneumoscope.render.serialise import NOTICE
from pneumoscope.serve.present import record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pneumoscope.jobs.film_store import Shelf
    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.store import Store
    from pneumoscope.serve.security.audit_log import AuditLog

_README = f"""What this server holds on one patient.

predictions.json  every result under the patient's key, with the film's name and SHA-256
films/            the films as they were sent in, if the server keeps films; no ending, the content tells
audit-log.jsonl   who asked for these results, when and from where

{NOTICE}
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What was exported, or erased.

    Attributes:
        predictions: Results.
        films: Films that were held on the disk.
        lines: Lines of the audit log; they stay when a patient is erased, and hold no name.
    """

    predictions: int
    films: int
    lines: int


def rows_of(store: Store, patient: str) -> list[Row]:
    """Films of a patient, whoever sent them in, oldest first.

    Args:
        store: The database.
        patient: Keyed fingerprint.
    """
    with Session(store.engine, expire_on_commit=False) as db:
        return list(
            db.scalars(select(Row).where(Row.patient == patient).order_by(Row.created, Row.id))
        )


def export(
    store: Store, shelf: Shelf, keys: Keys, audit: AuditLog, patient: str, out: Path
) -> Held:
    """Writes all that is held on a patient as a ZIP.

    Args:
        store: The database.
        shelf: The films.
        keys: Open names and films.
        audit: The log.
        patient: Keyed fingerprint.
        out: The file.

    Raises:
        DiskFull: It does not fit.
    """
    rows = rows_of(store, patient)
    lines = _lines(audit, patient, {row.id for row in rows})
    films = 0
    with replacing(out) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("README.txt", _README)
        shown = [record(row, keys) | {"owner": row.owner} for row in rows]
        pack.writestr("predictions.json", json.dumps(shown, indent=2))
        pack.writestr("audit-log.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        for row in rows:
            film = shelf.get(row.id)
            if film is not None:
                pack.writestr(f"films/{row.id}", film)
                films += 1
    return Held(len(rows), films, len(lines))


def erase(store: Store, shelf: Shelf, audit: AuditLog, patient: str) -> Held:
    """Deletes results and films of a patient, whoever sent them in.

    Args:
        store: The database.
        shelf: The films.
        audit: The log; its lines stay.
        patient: Keyed fingerprint.
    """
    rows = rows_of(store, patient)
    ids = {row.id for row in rows}
    films = sum(shelf.get(id_) is not None for id_ in ids)
    for owner in {row.owner for row in rows}:
        store.delete(owner, [row.id for row in rows if row.owner == owner])
    shelf.drop(ids)
    settle(store)
    return Held(len(rows), films, len(_lines(audit, patient, ids)))


def settle(store: Store) -> None:
    """Empties SQLite's write-ahead log: what was deleted would stand there until it is written over."""
    if store.engine.dialect.name == "sqlite":
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _lines(audit: AuditLog, patient: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    wanted = set(ids)
    return [
        entry
        for entry in audit.entries()
        if entry.get("patient") == patient or wanted & set(entry.get("objects", ()))
    ]


class Sweeper:
    """Deletes what is too old, and films whose result is gone. Run it every so often.

    Args:
        store: The database.
        shelf: The films.
        days: Age of results; None to keep them.
    """

    def __init__(self, store: Store, shelf: Shelf, days: int | None) -> None:
        self.store = store
        self.shelf = shelf
        self.days = days
        self._suspects: frozenset[str] = frozenset()

    def sweep(self) -> list[str]:
        """Returns the ids of results that were too old."""
        old = [] if self.days is None else self.store.delete_older(self.days)
        self.shelf.drop(old)
        held = self.shelf.ids()
        with Session(self.store.engine) as db:
            left = held - set(db.scalars(select(Row.id)))
        # A film may be there a moment before its row, so only what was already missing last time.
        self.shelf.drop(left & self._suspects)
        self._suspects = frozenset(left)
        settle(self.store)  # for users who deleted something since
        return old
