"""A real PostgreSQL for tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class PostgreSQL:
    """A running server of PostgreSQL.

    Attributes:
        url: By which it is reached.
        control: Runs ``pg_ctl`` with these words.
    """

    url: str
    control: Callable[..., object]

    def stop(self) -> None:
        """Ends every connection at once, as a crash does."""
        self.control("-m", "immediate", "stop")

    def start(self) -> None:
        self.control("start")


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a server of its own, reached by a socket in its folder."""
    with postgresql_server() as server:
        yield server.url


def created(url: str, name: str) -> str:
    """The URL of a new database on the server whose URL is that of `postgresql`."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.replace("/postgres?", f"/{name}?")


@contextmanager
def postgresql_server(**settings: str) -> Iterator[PostgreSQL]:
    """A server of its own, which a test may stop and start.

    Args:
        settings: Of PostgreSQL, beside or in place of those here.
    """
    pytest.importorskip("psycopg")
    # Debian keeps these programs off the PATH, one folder a version.
    places = [os.environ["PATH"], *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    programs = [shutil.which(name, path=os.pathsep.join(places)) for name in ("initdb", "pg_ctl")]
    if None in programs:
        pytest.skip("no PostgreSQL server is installed")
    initdb, pg_ctl = programs
    # Not in pytest's folder: PostgreSQL does not run as root, and a socket's path must be short.
    with tempfile.TemporaryDirectory() as name:
        run: dict[str, Any] = {"check": True, "cwd": name}
        if os.geteuid() == 0:
            try:
                shutil.chown(name, "postgres")
            except LookupError:
                pytest.skip("PostgreSQL does not run as root")
            run["user"] = "postgres"
        init = [initdb, "-D", f"{name}/data", "-U", "tester", "-A", "trust", "--no-sync"]
        subprocess.run(init, capture_output=True, **run)
        chosen = {"listen_addresses": "''", "fsync": "off"} | settings
        options = " ".join([f"-k {name}", *(f"-c {key}={value}" for key, value in chosen.items())])
        control = [pg_ctl, "-D", f"{name}/data", "-w", "-l", f"{name}/log"]

        def run_control(*words: str) -> None:
            subprocess.run([*control, "-o", options, *words], stdout=subprocess.DEVNULL, **run)

        run_control("start")
        try:
            url = f"postgresql+psycopg://tester@/postgres?host={name}"
            if "port" in settings:
                url += f"&port={settings['port']}"
            yield PostgreSQL(url, run_control)
        finally:
            stop = [*control, "-m", "immediate", "stop"]
            subprocess.run(stop, capture_output=True, **run | {"check": False})  # may be stopped
