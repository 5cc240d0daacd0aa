"""A PostgreSQL that takes a certificate in place of a password, and a user who may do little."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from databases import PostgreSQL, postgresql_server
from grey_films import BRIGHT
from pneumoscope.bundle import Bundle
from test_restart import process, wait_ready

certificates = pytest.importorskip("archives", reason="needs the [pacs] extra")
pytestmark = pytest.mark.server


@pytest.fixture
def folder() -> Iterator[Path]:
    """Certificates of PostgreSQL and of its user, and who may connect how."""
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        for each in ("postgresql", "reader"):
            certificates.certificate(made, each).chmod(0o600)
        (made / "hba").write_text("local all tester trust\nhostssl all all 127.0.0.1/32 cert\n")
        if os.geteuid() == 0:
            made.chmod(0o755)
            for each in ("postgresql.pem", "hba"):
                shutil.chown(made / each, "postgres")
            shutil.copy(made / "reader.pem", made / "authority.pem")
            shutil.chown(made / "authority.pem", "postgres")
        yield made


def started(folder: Path, stack: ExitStack) -> PostgreSQL:
    """A server on a free port; another program may take the port before the server does."""
    authority = "authority.pem" if os.geteuid() == 0 else "reader.pem"
    for tries_left in (2, 1, 0):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = postgresql_server(
            listen_addresses="127.0.0.1",
            port=str(port),
            hba_file=f"{folder}/hba",
            ssl="on",
            ssl_cert_file=f"{folder}/postgresql.pem",
            ssl_key_file=f"{folder}/postgresql.pem",
            ssl_ca_file=f"{folder}/{authority}",
        )
        try:
            return stack.enter_context(server)
        except subprocess.CalledProcessError:
            if not tries_left:
                raise
    raise AssertionError


@pytest.fixture
def database(folder: Path) -> Iterator[PostgreSQL]:
    with ExitStack() as stack:
        server = started(folder, stack)
        engine = create_engine(server.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE ROLE reader LOGIN"))
            connection.execute(text("CREATE DATABASE rooms OWNER reader"))
        engine.dispose()
        yield server


def test_a_database_needs_no_password_and_no_rights_beyond_its_own(
    database: PostgreSQL, folder: Path, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    # In processes of their own: TLS of PostgreSQL's library aborts where TensorFlow is loaded.
    port = make_url(database.url).query["port"]
    place = f"postgresql+psycopg://reader@127.0.0.1:{port}/rooms?sslmode=verify-full"
    place += f"&sslrootcert={folder}/postgresql.pem"
    certified = f"{place}&sslcert={folder}/reader.pem&sslkey={folder}/reader.pem"
    with process(tmp_path, tiny_bundle, "--database", certified) as (url, _):
        wait_ready(url)
        answer = httpx.post(f"{url}/api/v1/predictions", files={"files": BRIGHT}, timeout=60)
        assert answer.json()["predictions"][0]["state"] == "done"
        engine = create_engine(database.url)
        with engine.connect() as connection:
            rights = text(
                "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'reader'"
            )
            assert tuple(connection.execute(rights).one()) == (False, False, False)
            encrypted = text(
                "SELECT DISTINCT ssl, client_dn FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                "WHERE usename = 'reader'"
            )
            assert connection.execute(encrypted).all() == [(True, "/CN=reader")]
        engine.dispose()
    without = process(tmp_path, tiny_bundle, "--database", place)
    with pytest.raises(AssertionError, match="the database cannot be used"):
        without.__enter__()
