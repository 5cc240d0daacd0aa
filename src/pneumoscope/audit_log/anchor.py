"""The anchor of the audit log: number and HMAC of its last line, in the database.

The log and its mark are files in one folder: somebody who can delete or replace both would leave no
trace there. The anchor is in another place, so that `AuditLog.verify` notices it.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from pneumoscope.audit_log.background_thread import BackgroundThread
from pneumoscope.audit_log.lines import START, Tail
from pneumoscope.errors import AuditLogDamaged, UsageError
from pneumoscope.files import write_text
from pneumoscope.jobs.database import open_engine
from pneumoscope.jobs.signatures import is_signed, signature
from pneumoscope.jobs.tables import Base

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Engine

_log = logging.getLogger(__name__)

DELAY_S = 0.2
"""Seconds between a line and its anchor: lines that follow closely share one write."""
_ID = 1
_NAME = "the anchor in the database"


class AnchorRow(Base):
    """The only row; the migration that made the table has put it there, with number 0."""

    __tablename__ = "audit_anchor"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    mac: Mapped[str]
    mark: Mapped[str]


class AuditAnchor:
    """The anchor. A thread writes it, as lines are written inside of transactions.

    Args:
        engine: The database; its tables exist.
        key: Key of the audit log.
        former_keys: Keys of earlier times.
        copy: A file, best on another machine, that also gets number and HMAC; None for none.
        delay_s: Seconds between a line and its anchor; None for `DELAY_S`.
    """

    def __init__(
        self,
        engine: Engine,
        key: bytes,
        former_keys: Sequence[bytes] = (),
        copy: Path | None = None,
        delay_s: float | None = None,
    ) -> None:
        self._url = engine.url.render_as_string(hide_password=False)
        self._reading = engine
        self._keys = (key, *former_keys)
        self._copy = copy
        self._delay_s = DELAY_S if delay_s is None else delay_s
        self._settling = threading.Event()
        self._lock = threading.Lock()
        self._due: tuple[Tail, bool] | None = None
        self._thread = BackgroundThread(
            "audit-anchor", self._write_due, lambda: self._due is not None
        )

    def read(self) -> Tail | None:
        """The anchor; None if there is none yet.

        Raises:
            AuditLogDamaged: It was removed or changed.
        """
        with Session(self._reading) as db:
            row = db.scalar(select(AnchorRow).where(AnchorRow.id == _ID))
        if row is None:
            raise AuditLogDamaged(_NAME, "is missing")
        if (row.seq, row.mac, row.mark) == (0, START, ""):
            return None
        tail = Tail(row.seq, row.mac)
        if not is_signed(_marked(tail), row.mark, self._keys):
            raise AuditLogDamaged(_NAME, "was changed, or the key is another one")
        return tail

    def note(self, tail: Tail, *, replace: bool = False) -> None:
        """Writes an anchor soon, in a thread that a normal end of the process waits for.

        Args:
            tail: End of the chain.
            replace: Also if the present anchor has a higher number.
        """
        with self._lock:
            self._due = tail, replace or (self._due is not None and self._due[1])
        self._thread.wake()

    def settle(self) -> None:
        """Waits until the anchor is written, which is done at once."""
        self._settling.set()
        self._thread.settle()
        self._settling.clear()

    def _write_due(self) -> None:
        self._settling.wait(self._delay_s)
        with self._lock:
            due, self._due = self._due, None
        if due is None:
            return
        try:
            self.write(due[0], replace=due[1])
        except (SQLAlchemyError, UsageError, OSError) as error:
            # The next line tries again.
            _log.error("the anchor of the audit log is not written: %s", type(error).__name__)

    def write(self, tail: Tail, *, replace: bool = False) -> None:
        """Writes an anchor, unless the present one has a higher number.

        Raises:
            SQLAlchemyError: The database cannot be used.
            OSError: The copy cannot be written.
        """
        values = {"seq": tail.seq, "mac": tail.mac, "mark": signature(self._keys[0], _marked(tail))}
        statement = update(AnchorRow).where(AnchorRow.id == _ID)
        if not replace:
            statement = statement.where(AnchorRow.seq < tail.seq)
        # An engine for this one transaction: the server's may be closed at this moment.
        engine = open_engine(self._url)
        try:
            with Session(engine) as db, db.begin():
                db.execute(statement.values(**values))
                if replace and db.scalar(select(AnchorRow.id)) is None:
                    db.execute(insert(AnchorRow).values(id=_ID, **values))
        finally:
            engine.dispose()
        if self._copy is not None:
            write_text(self._copy, f"{tail.seq}:{tail.mac}\n")


def _marked(tail: Tail) -> bytes:
    return f"anchor {tail.seq} {tail.mac}".encode()
