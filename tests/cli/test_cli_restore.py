"""``pneumoscope restore``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from in_process import PASSWORD


def test_accounts_and_log_come_back_and_a_check_restores_nothing(
    administer: Run, tmp_path: Path
) -> None:
    out, new = str(tmp_path / "room.zip"), tmp_path / "new"
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    good(administer("backup", out, "--with-key"))
    text = good(administer("restore", out, "--check", "--folder", str(new)))
    assert "0 results, 0 films and 2 lines of the audit log can be restored" in text
    assert not new.exists()
    facts = json.loads(good(administer("restore", out, "--folder", str(new), "--json")))
    assert facts["restored"] is True
    assert facts["lines"] == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in (new, *new.rglob("*")))
    users = json.loads(good(administer("user", "list", "--json", "--folder", str(new))))
    assert [user["name"] for user in users] == ["lee"]
    good(administer("audit-log", "verify", "--folder", str(new)))
    assert "holds data of a server" in str(refused(administer("restore", out)))


def test_no_backup_is_refused(administer: Run, tmp_path: Path) -> None:
    (tmp_path / "room.zip").write_bytes(b"not a ZIP file")
    error = refused(administer("restore", str(tmp_path / "room.zip")))
    assert "cannot be used" in str(error)
    assert administer("restore", str(tmp_path / "missing.zip")).exit_code == 1
