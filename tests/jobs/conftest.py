"""Tests of the queue need the database and the cryptography of the [serve] extra, no web framework."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

for module in ("sqlalchemy", "cryptography"):
    pytest.importorskip(module, reason="needs the [serve] extra")

from sqlalchemy import create_engine, text

from databases import postgresql

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server."""
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session", params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of each kind, for tests that delete their own rows."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('db') / 'x.sqlite'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database of each kind, without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    server: str = request.getfixturevalue("postgresql_url")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE DATABASE empty"))
        yield server.replace("/postgres?", "/empty?")
        connection.execute(text("DROP DATABASE empty"))
    engine.dispose()
