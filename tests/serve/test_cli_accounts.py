"""The commands for accounts, tokens, patients, the audit log and purge."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner, Result

from in_process import CHEAP, PASSWORD
from pneumoscope.cli.app import app
from pneumoscope.errors import PneumoscopeError
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.security import accounts
from pneumoscope.serve.security.audit_log import LOG
from pneumoscope.serve.settings import ServeSettings

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PNEUMOSCOPE_SERVE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setattr(
        accounts, "PasswordHasher", lambda: PasswordHasher(CHEAP.time_cost, CHEAP.memory_cost, 1)
    )

    def call(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, list(words), input=stdin)

    return call


def good(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def refused(result: Result) -> PneumoscopeError:
    assert isinstance(result.exception, PneumoscopeError), result.output
    assert result.exception.hint
    return result.exception


def test_the_life_of_an_account(run: Run, tmp_path: Path) -> None:
    added = run("user", "add", "Lee", "--role", "viewer", "--password-stdin", stdin=PASSWORD + "\n")
    assert good(added) == "lee: viewer\n"
    assert "restart the server" in added.stderr
    listed = json.loads(good(run("user", "list", "--json")))
    assert [(account["name"], account["role"], account["disabled"]) for account in listed] == [
        ("lee", "viewer", False)
    ]
    assert "argon2" not in json.dumps(listed)
    assert good(run("user", "role", "lee", "operator")) == "lee: operator\n"
    good(run("user", "password", "lee", "--password-stdin", stdin="a walk along the river\n"))
    assert "0 sessions and 0 tokens" in good(run("user", "disable", "lee"))
    assert "yes" in good(run("user", "list"))
    good(run("user", "enable", "lee"))
    administration = open_administration(ServeSettings(folder=tmp_path / "state"))
    assert administration.accounts.check("lee", "a walk along the river") is not None
    entries = [*administration.audit.entries()]
    administration.store.close()
    assert [entry["what"] for entry in entries] == [
        "user add", "user role operator", "user password", "user disable", "user enable",
    ]  # fmt: skip
    assert {entry["who"]["via"] for entry in entries} == {"command"}


def test_a_password_is_never_an_argument_and_never_asked_for_blindly(run: Run) -> None:
    assert "--password-stdin" in refused(run("user", "add", "lee", stdin="")).hint
    refused(run("user", "add", "lee", "--password-stdin", stdin=""))
    refused(run("user", "add", "lee", "--password-stdin", stdin="short\n"))
    assert run("user", "add", "lee", "--password", PASSWORD).exit_code == 2
    assert json.loads(good(run("user", "list", "--json"))) == []


def test_closing_an_account_ends_sessions_and_tokens(run: Run, tmp_path: Path) -> None:
    good(run("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    good(run("token", "add", "lee", "--scope", "read", "--scope", "predict"))
    administration = open_administration(ServeSettings(folder=tmp_path / "state"))
    user = administration.accounts.check("lee", PASSWORD)
    assert user is not None
    secret = administration.sessions.open(user)
    result = json.loads(good(run("user", "disable", "lee", "--json")))
    assert result == {"sessions_ended": 1, "tokens_revoked": 1}
    good(run("user", "enable", "lee"))
    assert administration.sessions.find(secret) is None
    administration.store.close()


def test_the_life_of_a_token(run: Run, tmp_path: Path) -> None:
    good(run("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    made = run("token", "add", "lee", "--for", "night batch", "--scope", "predict", "--days", "7")
    text = good(made).strip()
    assert "shown once" in made.stderr
    administration = open_administration(ServeSettings(folder=tmp_path / "state"))
    user = administration.tokens.find(text)
    assert user is not None
    assert (user.name, user.scopes) == ("lee", frozenset({"predict"}))
    (row,) = json.loads(good(run("token", "list", "--user", "lee", "--json")))
    assert (row["user"], row["for"], row["state"]) == ("lee", "night batch", "valid")
    assert text not in json.dumps(row)
    assert text not in good(run("token", "list"))
    assert good(run("token", "revoke", row["id"])) == f"{row['id']}: revoked\n"
    assert administration.tokens.find(text) is None
    administration.store.close()
    (row,) = json.loads(good(run("token", "list", "--json")))
    assert row["state"] == "revoked"
    read = json.loads(good(run("token", "add", "lee", "--json")))
    assert read["scopes"] == "read"  # the least, where nothing is asked for


def test_what_does_not_exist_is_said_with_a_hint(run: Run) -> None:
    assert "none of this name" in str(refused(run("user", "disable", "lee")))
    assert "none of this name" in str(refused(run("token", "add", "lee")))
    assert "none of this id" in str(refused(run("token", "revoke", "123")))
    good(run("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    assert "scope" in str(refused(run("token", "add", "lee", "--scope", "root")))
    assert "age" in str(refused(run("purge")))


def test_the_audit_log_is_verified_and_exported(run: Run, tmp_path: Path) -> None:
    good(run("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    noted = json.loads(good(run("audit-log", "verify", "--json")))
    assert noted["lines"] == 1
    mark = f"1:{noted['hash']}"
    good(run("user", "role", "lee", "viewer"))
    assert "2 lines, none changed" in good(run("audit-log", "verify", "--expect", mark))
    refused(run("audit-log", "verify", "--expect", f"1:{'0' * 64}"))
    refused(run("audit-log", "verify", "--expect", "nonsense"))
    for command in ("verify", "export"):
        typo = refused(run("audit-log", command, "--folder", str(tmp_path / "typo")))
        assert "holds no audit log" in str(typo)
    assert not (tmp_path / "typo").exists()
    lines = [json.loads(line) for line in good(run("audit-log", "export")).splitlines()]
    assert [line["what"] for line in lines] == ["user add", "user role viewer"]
    rows = list(csv.DictReader(io.StringIO(good(run("audit-log", "export", "--csv")))))
    assert [row["seq"] for row in rows] == ["1", "2"]
    assert {row["via"] for row in rows} == {"command"}
    assert good(run("audit-log", "export", "--until", "2001-01-01")) == ""
    assert len(good(run("audit-log", "export", "--since", "2001-01-01")).splitlines()) == 2
    path = tmp_path / "state" / LOG
    path.write_text(path.read_text().replace("viewer", "admin "))
    assert "line 2 was changed" in str(refused(run("audit-log", "verify")))
    assert run("audit-log", "export").exit_code == 1  # no line of a log that lies


def test_a_patients_key_can_stay_out_of_the_command_line(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "held.zip"
    result = json.loads(
        good(run("patient", "export", "-", "--out", str(out), "--json", stdin="PAT-1\n"))
    )
    assert result == {"predictions": 0, "films": 0, "lines": 1}
    assert out.exists()
    assert "0 predictions" in good(run("patient", "erase", "PAT-1"))
    assert "empty" in str(refused(run("patient", "erase", "-", stdin="\n")))
    assert "PAT-1" not in (tmp_path / "state" / LOG).read_text()


def test_purge_counts(run: Run) -> None:
    assert json.loads(good(run("purge", "--older-than", "30", "--json"))) == {"deleted": 0}
    assert run("purge", "--older-than", "-1").exit_code == 2


def test_what_is_written_is_of_nobody_else(run: Run, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)  # such as an administrator makes it
    before = os.umask(0o022)
    try:
        good(run("user", "add", "lee", "--password-stdin", stdin=PASSWORD + "\n"))
        good(run("patient", "export", "P1", "--out", str(tmp_path / "held.zip")))
    finally:
        os.umask(before)
    written = [*(tmp_path / "state").iterdir(), tmp_path / "held.zip"]
    assert {"reading-room.sqlite", "key", LOG} <= {path.name for path in written}
    assert [path.name for path in written if path.stat().st_mode & 0o077] == []
