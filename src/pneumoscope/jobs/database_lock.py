"""One server at a time works on a database: a second would report the films of the first as lost."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_NUMBER = 0x706E6575  # "pneu": of the advisory lock, the same for every server


class Claim:
    """A lock on a database that ends with this process, however that ends."""

    def __init__(self, engine: Engine) -> None:
        """Takes it.

        Raises:
            UsageError: Another server has it.
        """
        self._file: int | None = None
        self._connection: Connection | None = None
        name = engine.url.database
        if engine.dialect.name == "postgresql":
            self._connection = engine.connect()
            taken = self._connection.scalar(select(func.pg_try_advisory_lock(_NUMBER)))
            self._connection.commit()  # the lock belongs to the session
        elif name and name != ":memory:" and sys.platform != "win32":
            self._file = os.open(f"{name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
            taken = _locked(self._file)
        else:
            taken = True
        if not taken:
            self.release()
            raise UsageError(
                "another server works on this database",
                "Stop it, or give this one a --folder of its own.",
            )

    def release(self) -> None:
        """Gives it back."""
        if self._file is not None:
            os.close(self._file)
        if self._connection is not None:
            self._connection.invalidate()  # ends the session, in place of back to the pool
            self._connection.close()


def _locked(file: int) -> bool:
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
