"""Opens a database in several processes at once; a program, so that they share its imports where they can.

python simultaneous.py URL PROCESSES

prints their exit codes.
"""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from multiprocessing.synchronize import Barrier

# Before the processes begin; a store imports these when it migrates its database.
import alembic.runtime.environment
import alembic.runtime.migration  # noqa: F401

from pneumoscope.jobs.store import Store


def open_at_once(url: str, processes: int = 4) -> list[int]:
    """The exit codes of processes that open a database at the same time."""
    done = subprocess.run(
        [sys.executable, __file__, url, str(processes)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return [int(code) for code in done.stdout.split()]


def _open(url: str, ready: Barrier) -> None:
    ready.wait(120)
    Store(url).close()


def main(url: str, processes: int) -> None:
    ready = multiprocessing.Barrier(processes)
    openers = [multiprocessing.Process(target=_open, args=(url, ready)) for _ in range(processes)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join(240)
    sys.stdout.write(" ".join(str(opener.exitcode) for opener in openers))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
