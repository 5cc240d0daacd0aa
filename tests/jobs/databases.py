"""A real PostgreSQL for tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a server of its own, reached by a socket in its folder."""
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
        options = f"-k {name} -c listen_addresses='' -c fsync=off"
        control = [pg_ctl, "-D", f"{name}/data", "-w", "-l", f"{name}/log"]
        subprocess.run([*control, "-o", options, "start"], stdout=subprocess.DEVNULL, **run)
        try:
            yield f"postgresql+psycopg://tester@/postgres?host={name}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], capture_output=True, **run)
