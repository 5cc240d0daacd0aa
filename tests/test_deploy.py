"""The files for a service of the operating system."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[1] / "deploy" / "pneumoscope.service"


def test_the_service_is_hardened() -> None:
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("systemd-analyze is not installed")
    # Fails if the exposure, times ten, exceeds the threshold.
    done = subprocess.run(
        [analyse, "security", "--offline=true", "--threshold=20", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "Unknown command" in done.stderr or "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze does not look at files (before version 250)")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_waits_for_accepted_films_and_keeps_its_key_elsewhere() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    assert "TimeoutStopSec=180" in lines  # the server itself takes up to 120 s
    assert "LoadCredential=key:/etc/pneumoscope/key" in lines
    assert "Environment=PNEUMOSCOPE_SERVE_KEY=%d/key" in lines
