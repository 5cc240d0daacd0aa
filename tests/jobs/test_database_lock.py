"""Only one server uses a database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from pneumoscope.errors import UsageError
from pneumoscope.jobs.database import open_engine
from pneumoscope.jobs.database_lock import DatabaseLock


def test_one_server_at_a_time(database_url: str) -> None:
    engine = open_engine(database_url)
    first = DatabaseLock(engine)
    with pytest.raises(UsageError, match="another server") as error:
        DatabaseLock(engine)
    assert "--folder" in error.value.hint
    first.release()
    DatabaseLock(engine).release()
    engine.dispose()


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.sqlite'}"
    script = (
        "import os, sys\n"
        "from pneumoscope.jobs.database import open_engine\n"
        "from pneumoscope.jobs.database_lock import DatabaseLock\n"
        f"lock = DatabaseLock(open_engine({url!r}))\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    engine = open_engine(url)
    with pytest.raises(UsageError, match="another server"):
        DatabaseLock(engine)
    holder.kill()
    holder.communicate(timeout=30)
    DatabaseLock(engine).release()
    engine.dispose()


class Session:
    """In place of a session of PostgreSQL, with one advisory lock for all of them."""

    holder: Session | None = None

    def __init__(self) -> None:
        self.ended: list[str] = []

    def scalar(self, statement: Any) -> bool:
        assert str(statement).startswith("SELECT pg_try_advisory_lock")
        if Session.holder is None:
            Session.holder = self
        return Session.holder is self

    def execute(self, statement: Any) -> None:
        if "broken" in self.ended:
            raise OperationalError("SELECT 1", {}, Exception("the connection is closed"))
        if "unlock" in str(statement):
            self.ended.append("unlock")
            if Session.holder is self:
                Session.holder = None

    def commit(self) -> None:
        self.ended.append("commit")

    def invalidate(self) -> None:
        self.ended.append("invalidate")  # its lock may end later

    def close(self) -> None:
        self.ended.append("close")


class Engine:
    """In place of an engine of PostgreSQL."""

    url = SimpleNamespace(database="db")
    dialect = SimpleNamespace(name="postgresql")

    def __init__(self) -> None:
        self.sessions: list[Session] = []

    def connect(self) -> Session:
        self.sessions.append(Session())
        return self.sessions[-1]


def test_a_session_of_postgresql_holds_the_lock_and_ends_with_it() -> None:
    first, second = Engine(), Engine()
    lock = DatabaseLock(first)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="another server"):
        DatabaseLock(second)  # type: ignore[arg-type]
    # The session that did not get it goes back to nobody's pool.
    ended = ["commit", "unlock", "commit", "invalidate", "close"]
    assert second.sessions[0].ended == ended
    assert first.sessions[0].ended == ["commit"]
    lock.release()
    assert first.sessions[0].ended == ended
    DatabaseLock(second).release()  # type: ignore[arg-type]


def broken_by_restart(engine: Engine) -> None:
    """PostgreSQL ends every session and its locks."""
    engine.sessions[-1].ended.append("broken")
    Session.holder = None


def test_the_lock_is_taken_again_after_postgresql_restarted() -> None:
    first, second = Engine(), Engine()
    lock = DatabaseLock(first)  # type: ignore[arg-type]
    assert lock.held()
    broken_by_restart(first)
    assert lock.held()
    with pytest.raises(UsageError, match="another server"):
        DatabaseLock(second)  # type: ignore[arg-type]
    lock.release()


def test_a_server_whose_lock_another_one_took_does_not_have_it() -> None:
    first, second = Engine(), Engine()
    lock = DatabaseLock(first)  # type: ignore[arg-type]
    broken_by_restart(first)
    other = DatabaseLock(second)  # type: ignore[arg-type]
    assert not lock.held()
    assert not lock.held()
    other.release()
    assert lock.held()
    lock.release()


def test_without_a_database_there_is_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    lock = DatabaseLock(engine)  # type: ignore[arg-type]
    broken_by_restart(engine)

    def refused() -> Session:
        raise OperationalError("connect", {}, Exception("refused"))

    monkeypatch.setattr(engine, "connect", refused)
    assert not lock.held()
    monkeypatch.undo()
    assert lock.held()
    lock.release()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_nobody_else_s(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = open_engine(url)
    DatabaseLock(engine)
    DatabaseLock(engine).release()
    engine.dispose()
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_the_lock_is_private_and_stays(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    DatabaseLock(engine).release()
    engine.dispose()
    # Another process may wait for it: whoever deletes it splits the lock in two.
    assert (tmp_path / "x.sqlite.lock").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'none' / 'x.sqlite'}")
    with pytest.raises(FileNotFoundError):
        DatabaseLock(engine)
    engine.dispose()
