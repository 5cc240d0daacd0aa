"""Only one server may use a database: a second one would report the films of the first as lost."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.errors import UsageError
from pneumoscope.files import take_lock

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_NUMBER = 0x706E6575  # "pneu": of PostgreSQL's advisory lock, the same for every server


class DatabaseLock:
    """A lock on a database; it ends with this process, even if the process is killed."""

    def __init__(self, engine: Engine) -> None:
        """Acquires the lock.

        Raises:
            UsageError: Another server holds it.
        """
        self._engine = engine
        self._looking = threading.Lock()  # a session belongs to one thread at a time
        self._file: int | None = None
        self._connection: Connection | None = None
        name = engine.url.database
        if engine.dialect.name == "postgresql":
            acquired = self._lock_session()
        elif name and name != ":memory:":
            self._file = os.open(f"{name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
            acquired = take_lock(self._file)
        else:
            acquired = True
        if not acquired:
            self.release()
            raise UsageError(
                "another server is using this database",
                "Stop it, or give this server another --folder.",
            )

    def held(self) -> bool:
        """Whether this server has the lock; takes it again if PostgreSQL has ended the session.

        It does so when it restarts, and then another server may have been faster.
        """
        if self._engine.dialect.name != "postgresql":
            return True
        with self._looking:
            return self._holds_session()

    def _holds_session(self) -> bool:
        try:
            if self._connection is not None:
                self._connection.execute(select(1))
                self._connection.commit()
                return True
        except SQLAlchemyError:
            self._end_session()
        try:
            acquired = self._lock_session()
        except SQLAlchemyError:
            acquired = False
        if not acquired:
            self._end_session()
        return acquired

    def release(self) -> None:
        """Releases the lock; nothing happens if it was released before."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                # PostgreSQL may keep the lock for a while after the session was closed.
                self._connection.execute(select(func.pg_advisory_unlock_all()))
                self._connection.commit()
        self._end_session()

    def _lock_session(self) -> bool:
        self._connection = self._engine.connect()
        acquired = self._connection.scalar(select(func.pg_try_advisory_lock(_NUMBER)))
        self._connection.commit()  # the lock belongs to the session
        return bool(acquired)

    def _end_session(self) -> None:
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                self._connection.invalidate()  # or the session would return to the pool
                self._connection.close()
            self._connection = None
