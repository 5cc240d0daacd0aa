"""Only one server uses a database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
