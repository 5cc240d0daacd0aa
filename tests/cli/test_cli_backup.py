"""``pneumoscope backup``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from in_process import PASSWORD


def test_a_backup_is_private_and_says_what_it_lacks(administer: Run, tmp_path: Path) -> None:
    out = tmp_path / "room.zip"
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    (key,) = json.loads(good(administer("keys", "list", "--json")))
    text = good(administer("backup", str(out)))
    assert text == f"{out}: 0 results, 0 films, audit log, without the key ({key['id']})\n"
    assert out.stat().st_mode & 0o777 == 0o600
    facts = json.loads(good(administer("backup", str(out), "--with-key", "--json")))
    assert facts["keys"] == [key["id"]]
    assert facts["with_key"] is True
    assert facts["file"] == str(out)


def test_a_folder_without_a_server_is_refused(administer: Run, tmp_path: Path) -> None:
    assert "holds no database" in str(refused(administer("backup", str(tmp_path / "room.zip"))))
    assert list(tmp_path.iterdir()) == []
