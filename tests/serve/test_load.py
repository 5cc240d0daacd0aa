"""Many clients at once, for a short while; `tools/load_serve.py` takes longer by default."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOAD = Path(__file__).parents[2] / "tools" / "load_serve.py"
pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc"),
]


def load(*options: str) -> str:
    done = subprocess.run(
        [sys.executable, LOAD, *options], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_hundred_clients_get_answers_or_are_told_to_wait() -> None:
    assert "100 clients, 2 s" in load("--clients", "100", "--seconds", "2")


def test_a_kill_under_load_loses_no_accepted_film() -> None:
    text = load("--kill", "--clients", "10", "--seconds", "2")
    assert text.count("lost 0") == 2
