"""Connections to a database: SQLite in a file, or PostgreSQL by URL."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.errors import UsageError
from pneumoscope.files import tells_of_full_disk
from pneumoscope.hosts import is_loopback

if TYPE_CHECKING:
    from sqlalchemy import URL, CursorResult, Delete, Update
    from sqlalchemy.orm import Session

DatabaseError = SQLAlchemyError
"""What every failure of a database is, for modules that do not know SQLAlchemy."""
_BUSY_S = 30
"""Seconds to wait for other processes that use an SQLite file."""
_RETRY_S = 0.02
_RISKS = {
    None: "without encryption",
    "allow": "without encryption",
    "prefer": "without encryption",
    "require": "without a check of its certificate",
}
"""Values of ``sslmode`` with which libpq may do without something."""


def empty_write_ahead_log(engine: Engine) -> None:
    """Empties SQLite's write-ahead log, which still contains deleted rows until they are overwritten."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def unusable(error: SQLAlchemyError) -> UsageError:
    """Why a database cannot be used, and what helps; without values of a statement."""
    words = str(getattr(error, "orig", None) or "")
    if "is full" in words or tells_of_full_disk(words):
        return UsageError(
            "the disk of the database is full",
            "Free some space on it, or delete old results with `pneumoscope purge`; "
            "what is stored is not lost.",
        )
    if "malformed" in words or "not a database" in words:
        return UsageError(
            "the database is damaged",
            "Stop the server and restore a backup of the folder, or name another --folder.",
        )
    if "readonly" in words or "read-only" in words:
        return UsageError(
            "the database can only be read",
            "Let the account of the server write its file and folder, or name another --folder.",
        )
    return UsageError(
        f"the database cannot be used: {type(error).__name__}",
        "Is its server running, and may you write there? The password belongs in the URL.",
    )


def open_engine(url: str, *, outlives_power_cuts: bool = False) -> Engine:
    """Prepares connections; opens none yet.

    Args:
        url: SQLAlchemy URL.
        outlives_power_cuts: Whether SQLite waits for the disk at the end of every transaction.

    Raises:
        UsageError: The URL is malformed, its driver is missing, or it leaves open whether the
            connection to another machine is encrypted and its certificate is checked.
    """
    try:
        parsed = make_url(url)
        # Errors are logged, so they must not contain the values of a statement.
        if parsed.get_backend_name() != "sqlite":
            engine = create_engine(parsed, pool_pre_ping=True, pool_size=10, hide_parameters=True)
            _check_encrypted(parsed)
            return engine
        _make_private(parsed.database)
        engine = create_engine(parsed, connect_args={"timeout": _BUSY_S}, hide_parameters=True)
    except (SQLAlchemyError, ImportError) as error:
        raise UsageError(
            f"the database URL cannot be used: {type(error).__name__}",
            "For example postgresql+psycopg://user:password@host/name, with psycopg installed.",
        ) from error
    event.listen(engine, "connect", _tune_sqlite)
    if outlives_power_cuts:
        event.listen(engine, "connect", _wait_for_disk)
    return engine


def _check_encrypted(url: URL) -> None:
    """Refuses a database on another machine whose URL does not say how the connection is protected.

    By default PostgreSQL's library tries TLS, and goes on without where the server, or somebody between,
    says that there is none; and it takes any certificate.
    """
    if url.get_backend_name() != "postgresql":
        return
    hosts = [url.host or "", *_values(url, "host")]
    hosts = hosts if any(hosts) else [os.environ.get("PGHOST", "")]
    # An address is where the library goes, whatever the name of the host is.
    hosts += _values(url, "hostaddr") or [os.environ.get("PGHOSTADDR", "")]
    elsewhere = [f"on {host}" for each in hosts for host in each.split(",") if _is_elsewhere(host)]
    # A service may name any host, and its sslmode counts more than the variable.
    services = [*_values(url, "service"), os.environ.get("PGSERVICE", "")]
    elsewhere += [f"of the service {service}" for service in services if service]
    mode = next(
        iter(_values(url, "sslmode")), None if any(services) else os.environ.get("PGSSLMODE")
    )
    if mode == "require" and _values(url, "sslrootcert"):
        mode = "verify-ca"  # which is what the library makes of it
    if elsewhere and mode in _RISKS:
        raise UsageError(
            f"the database {elsewhere[0]} might be reached {_RISKS[mode]}",
            "Add ?sslmode=verify-full&sslrootcert=FILE to its URL, with the certificate of its "
            "authority; or ?sslmode=disable if the network itself is encrypted.",
        )


def _is_elsewhere(host: str) -> bool:
    is_socket = not host or host[0] in "/@"
    return not (is_socket or is_loopback(host))


def _values(url: URL, name: str) -> tuple[str, ...]:
    """The values of a name in the query of a URL."""
    value = url.query.get(name, ())
    return (value,) if isinstance(value, str) else value


def changed_rows(session: Session, statement: Update | Delete) -> int:
    """Changes or deletes rows; returns how many. Not by RETURNING, which SQLite supports only since 3.35."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


def _make_private(path: str | None) -> None:
    """Creates the file before SQLite does, which would let everybody read it.

    SQLite gives its journals the same permissions. A file that exists is not opened: closing it would
    release the locks of every connection of this process to it (POSIX), and the next process that closes
    the database would take itself for the last one and delete the write-ahead log.
    """
    if path and path != ":memory:" and not path.startswith("file:"):
        with suppress(OSError):  # it exists, or the first query reports it
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _tune_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    _use_wal(cursor)
    # With WAL, a killed process loses nothing. A power cut loses the last results at worst.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # Overwrites deleted results in the file.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _wait_for_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=FULL")


def _use_wal(cursor: Any) -> None:
    """Switches the file to a write-ahead log; waits while other processes open a new file too.

    SQLite does not wait for them itself where it changes the journal.
    """
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
