"""``pneumoscope keys``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from in_process import PASSWORD


def test_keys_are_listed_and_rotated(administer: Run, tmp_path: Path) -> None:
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    (first,) = json.loads(good(administer("keys", "list", "--json")))
    assert first["use"] == "current"
    done = json.loads(good(administer("keys", "rotate", "--json")))
    assert done["former"] == [first["id"]]
    rows = json.loads(good(administer("keys", "list", "--json")))
    assert [row["use"] for row in rows] == ["current", "former"]
    assert rows[0]["id"] == done["key"]
    good(administer("audit-log", "verify"))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o660])
def test_a_key_that_others_may_read_is_refused(administer: Run, tmp_path: Path, mode: int) -> None:
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    key = tmp_path / "state" / "key"
    key.chmod(mode)
    error = refused(administer("user", "list"))
    assert "others on this machine" in str(error)
    assert error.hint.startswith("chmod 600 ")
    key.chmod(0o400)
    good(administer("user", "list"))


def test_the_password_of_the_database_may_be_in_a_file(
    administer: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pneumoscope.serve.settings import from_env

    file = tmp_path / "password"
    file.write_text("p@ss w/rd\n")
    file.chmod(0o600)
    monkeypatch.setenv("PNEUMOSCOPE_SERVE_DATABASE_PASSWORD_FILE", str(file))
    settings = from_env(database="postgresql+psycopg://reader@db.example/room")
    assert settings.database_url == "postgresql+psycopg://reader:p%40ss w%2Frd@db.example/room"
    assert "p@ss" not in repr(settings)
    file.chmod(0o644)
    error = refused(administer("user", "list", "--database", settings.database or ""))
    assert "others on this machine" in str(error)
    file.unlink()
    error = refused(administer("user", "list", "--database", settings.database or ""))
    assert "No such file" in str(error)
