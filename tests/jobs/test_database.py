"""Connections: what cannot be opened, and who may read the file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from pneumoscope.errors import UsageError
from pneumoscope.jobs import database
from pneumoscope.jobs.database import empty_write_ahead_log, open_engine, unusable
from pneumoscope.jobs.store import Store


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path / 'x.sqlite'}").close()
    assert (tmp_path / "x.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_database_that_cannot_be_used() -> None:
    for url in ("nonsense", "sqlite:////nowhere/at/all/x.sqlite", "oracle+missing://x"):
        with pytest.raises(UsageError, match="database") as error:
            Store(url)
        assert error.value.hint


def test_deleted_rows_leave_the_write_ahead_log(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    log = tmp_path / "x.sqlite-wal"
    with (
        engine.connect() as open_elsewhere
    ):  # the last connection to close empties the log by itself
        open_elsewhere.exec_driver_sql("PRAGMA user_version")
        open_elsewhere.rollback()
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE films (name TEXT)")
            connection.exec_driver_sql("INSERT INTO films VALUES ('Doe^Jane')")
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM films")
        assert b"Doe^Jane" in log.read_bytes()
        empty_write_ahead_log(engine)
        assert log.read_bytes() == b""
    engine.dispose()


def test_sqlite_overwrites_what_is_deleted(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with engine.connect() as connection:
        settings = {
            name: connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "secure_delete", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "secure_delete": 1, "foreign_keys": 1}
    engine.dispose()


class Cursor:
    """A cursor whose file is busy for some statements."""

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)
        self.statements: list[str] = []

    def execute(self, statement: str) -> None:
        self.statements.append(statement)
        if self.errors:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.errors.pop(0)
            raise error


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, which passes where the code waits."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(database.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(database.time, "sleep", sleep)
    return now


def test_a_file_that_others_open_is_waited_for(clock: list[float]) -> None:
    cursor = Cursor(*[sqlite3.SQLITE_BUSY] * 3)
    database._use_wal(cursor)
    assert cursor.statements == ["PRAGMA journal_mode=WAL"] * 4
    assert clock[0] == pytest.approx(0.06)


def test_a_file_that_stays_busy_is_given_up_after_half_a_minute(clock: list[float]) -> None:
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        database._use_wal(Cursor(*[sqlite3.SQLITE_BUSY] * 10_000))
    assert 30 < clock[0] < 30.1


def test_another_failure_is_not_waited_for(clock: list[float]) -> None:
    with pytest.raises(sqlite3.OperationalError):
        database._use_wal(Cursor(sqlite3.SQLITE_IOERR))
    assert clock == [0.0]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_makes_no_file(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = open_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_private_whatever_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Store(f"sqlite:///{tmp_path / 'x.sqlite'}").close()
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}


def test_another_process_that_closes_the_database_leaves_the_write_ahead_log(
    tmp_path: Path,
) -> None:
    """SQLite deletes the log when the last process closes: it must not take itself for the last one."""
    path = tmp_path / "x.sqlite"
    used = open_engine(f"sqlite:///{path}")
    with used.begin() as connection:
        connection.execute(text("CREATE TABLE films (id)"))
    open_engine(f"sqlite:///{path}").dispose()  # must not release the locks of the first one
    script = (
        f"import sqlite3; connection = sqlite3.connect({str(path)!r})\n"
        "connection.execute('SELECT * FROM films'); connection.close()"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert Path(f"{path}-wal").exists()
    used.dispose()


def test_values_of_a_statement_are_in_no_error(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with engine.connect() as connection, pytest.raises(OperationalError) as error:
        connection.execute(text("SELECT * FROM nowhere WHERE name = :name"), {"name": "Doe"})
    assert "Doe" not in str(error.value)
    engine.dispose()


def test_the_password_of_a_url_is_in_no_error() -> None:
    with pytest.raises(UsageError) as error:
        open_engine("postgresql+nodriver://ann:secret@host/db")
    assert "secret" not in str(error.value) + error.value.hint


@pytest.mark.parametrize(
    ("rest", "allowed"),
    [
        ("ann:secret@10.0.0.9/db", False),
        ("ann@/db?host=/run/postgresql,db.example", False),
        ("ann@/db?host=localhost&host=db.example", False),
        ("ann@localhost/db?hostaddr=10.0.0.9", False),
        ("ann@db.example/db?sslmode=prefer", False),
        ("ann@db.example/db?sslmode=require", False),
        ("ann@db.example/db?sslmode=require&sslrootcert=ca.pem", True),
        ("ann@db.example/db?sslmode=verify-ca&sslrootcert=ca.pem", True),
        ("ann@db.example/db?sslmode=verify-full&sslrootcert=ca.pem", True),
        ("ann@db.example/db?sslmode=disable", True),
        ("ann@localhost/db", True),
        ("ann@/db?host=/run/postgresql", True),
        ("ann@/db", True),
        ("ann@localhost/db?service=ward", False),
        ("ann@/db?service=ward&sslmode=verify-full", True),
    ],
)
def test_a_database_elsewhere_is_reached_with_encryption_and_checked(
    rest: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg", reason="needs the [postgresql] extra")
    for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)
    url = f"postgresql+psycopg://{rest}"
    if allowed:
        open_engine(url).dispose()
    else:
        missing = "a check of its certificate" if "require" in rest else "encryption"
        with pytest.raises(UsageError, match=f"without {missing}") as error:
            open_engine(url)
        assert "secret" not in str(error.value)


def test_variables_of_postgresql_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg", reason="needs the [postgresql] extra")
    monkeypatch.setenv("PGHOST", "db.example")
    monkeypatch.delenv("PGSSLMODE", raising=False)
    with pytest.raises(UsageError, match=r"db\.example"):
        open_engine("postgresql+psycopg://ann@/db")
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    open_engine("postgresql+psycopg://ann@/db").dispose()


def test_an_address_or_a_service_of_a_variable_counts_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("psycopg", reason="needs the [postgresql] extra")
    monkeypatch.setenv("PGHOSTADDR", "10.0.0.9")
    monkeypatch.delenv("PGSSLMODE", raising=False)
    with pytest.raises(UsageError, match=r"10\.0\.0\.9"):
        open_engine("postgresql+psycopg://ann@localhost/db")
    open_engine("postgresql+psycopg://ann@localhost/db?hostaddr=127.0.0.1").dispose()
    monkeypatch.delenv("PGHOSTADDR")
    monkeypatch.setenv("PGSERVICE", "ward")
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    with pytest.raises(UsageError, match="the service ward"):
        open_engine("postgresql+psycopg://ann@localhost/db")


@pytest.mark.slow
def test_two_processes_share_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.sqlite'}"
    script = (
        "import sys\n"
        "from pneumoscope.jobs.keys import Keys\n"
        "from pneumoscope.jobs.requests import JobRequest, UploadedFile\n"
        "from pneumoscope.jobs.rows import new_rows, values\n"
        "from pneumoscope.jobs.store import Store\n"
        "from pneumoscope.records import Settings\n"
        f"store = Store({url!r})\n"
        "request, film = JobRequest('ann', Settings()), UploadedFile(sys.argv[1], b'x')\n"
        "store.add([values(row) for row in new_rows(request, [film], None, Keys(bytes(32)))])\n"
        "seen = len(store.history('ann', 10))\n"
    )
    here: dict[str, Any] = {}
    with mock.patch.object(sys, "argv", ["", "here.png"]):
        exec(script, here)
    done = subprocess.run(
        [sys.executable, "-c", f"{script}print(seen)", "there.png"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, here["seen"]) == ("2\n", "", 1)
    assert len(here["store"].history("ann", 10)) == 2
    here["store"].close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("database or disk is full", "the disk of the database is full"),
        ("could not extend file: No space left on device", "the disk of the database is full"),
        ("database disk image is malformed", "the database is damaged"),
        ("file is not a database", "the database is damaged"),
        ("attempt to write a readonly database", "the database can only be read"),
        ("cannot execute INSERT in a read-only transaction", "the database can only be read"),
        ("connection refused", "the database cannot be used: OperationalError"),
    ],
)
def test_what_the_database_says_becomes_an_error_with_a_hint(words: str, message: str) -> None:
    error = unusable(OperationalError("INSERT INTO x", {"name": "Doe"}, Exception(words)))
    assert error.message == message
    assert error.hint
    assert "Doe" not in str(error)
