"""Fixtures for the tests of commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from administering import Run
from command_line import invoke
from pneumoscope.bundle import Bundle


@pytest.fixture
def tiny(tiny_bundle: Bundle) -> tuple[str, Path]:
    """The option that names the tiny bundle."""
    return "--bundle", tiny_bundle.path


@pytest.fixture
def administer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command of administration on a server of its own, with a cheap password hash."""
    from argon2 import PasswordHasher

    from in_process import CHEAP
    from pneumoscope.serve.security import accounts

    monkeypatch.setenv("PNEUMOSCOPE_SERVE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setattr(
        accounts, "PasswordHasher", lambda: PasswordHasher(CHEAP.time_cost, CHEAP.memory_cost, 1)
    )
    return invoke
