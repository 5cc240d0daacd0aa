"""What the commands of administration share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from in_process import PASSWORD
from pneumoscope.serve.security.audit_log import LOG


def test_what_does_not_exist_is_said_with_a_hint(administer: Run) -> None:
    assert "no such user" in str(refused(administer("user", "disable", "lee")))
    assert "no such user" in str(refused(administer("token", "add", "lee")))
    assert "no such token" in str(refused(administer("token", "revoke", "123")))
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    assert "scope" in str(refused(administer("token", "add", "lee", "--scope", "root")))
    assert "age" in str(refused(administer("purge")))


def test_what_is_written_is_of_nobody_else(administer: Run, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)  # such as an administrator makes it
    before = os.umask(0o022)
    try:
        good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD + "\n"))
        good(administer("patient", "export", "P1", "--out", str(tmp_path / "held.zip")))
    finally:
        os.umask(before)
    written = [*(tmp_path / "state").iterdir(), tmp_path / "held.zip"]
    assert {"reading-room.sqlite", "key", LOG} <= {path.name for path in written}
    assert [path.name for path in written if path.stat().st_mode & 0o077] == []
