"""Connections: what cannot be opened, and who may read the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from pneumoscope.errors import UsageError
from pneumoscope.jobs.database import open_engine
from pneumoscope.jobs.store import Store


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path / 'x.sqlite'}").close()
    assert (tmp_path / "x.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_database_that_cannot_be_used() -> None:
    for url in ("nonsense", "sqlite:////nowhere/at/all/x.sqlite", "oracle+missing://x"):
        with pytest.raises(UsageError, match="database") as error:
            Store(url)
        assert error.value.hint


def test_sqlite_overwrites_what_is_deleted(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with engine.connect() as connection:
        settings = {
            name: connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "secure_delete", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "secure_delete": 1, "foreign_keys": 1}
    engine.dispose()
