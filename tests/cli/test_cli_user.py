"""``pneumoscope user``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from in_process import PASSWORD
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.settings import ServeSettings


def test_the_life_of_an_account(administer: Run, tmp_path: Path) -> None:
    added = administer(
        "user", "add", "Lee", "--role", "viewer", "--password-stdin", stdin=PASSWORD + "\n"
    )
    assert good(added) == "lee: viewer\n"
    assert "restart the server" in added.stderr
    listed = json.loads(good(administer("user", "list", "--json")))
    assert [(account["name"], account["role"], account["disabled"]) for account in listed] == [
        ("lee", "viewer", False)
    ]
    assert "argon2" not in json.dumps(listed)
    assert good(administer("user", "role", "lee", "operator")) == "lee: operator\n"
    good(
        administer("user", "password", "lee", "--password-stdin", stdin="a walk along the river\n")
    )
    assert "0 sessions and 0 tokens" in good(administer("user", "disable", "lee"))
    assert "yes" in good(administer("user", "list"))
    good(administer("user", "enable", "lee"))
    administration = open_administration(ServeSettings(folder=tmp_path / "state"))
    assert administration.accounts.check("lee", "a walk along the river") is not None
    entries = [*administration.audit.entries()]
    administration.store.close()
    assert [entry["what"] for entry in entries] == [
        "user add", "user role operator", "user password", "user disable", "user enable",
    ]  # fmt: skip
    assert {entry["who"]["via"] for entry in entries} == {"command"}


def test_a_password_is_never_an_argument_and_never_asked_for_blindly(administer: Run) -> None:
    assert "--password-stdin" in refused(administer("user", "add", "lee", stdin="")).hint
    refused(administer("user", "add", "lee", "--password-stdin", stdin=""))
    refused(administer("user", "add", "lee", "--password-stdin", stdin="short\n"))
    assert administer("user", "add", "lee", "--password", PASSWORD).exit_code == 2
    assert json.loads(good(administer("user", "list", "--json"))) == []


def test_closing_an_account_ends_sessions_and_tokens(administer: Run, tmp_path: Path) -> None:
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    good(administer("token", "add", "lee", "--scope", "read", "--scope", "predict"))
    administration = open_administration(ServeSettings(folder=tmp_path / "state"))
    user = administration.accounts.check("lee", PASSWORD)
    assert user is not None
    secret = administration.sessions.open(user)
    result = json.loads(good(administer("user", "disable", "lee", "--json")))
    assert result == {"sessions_ended": 1, "tokens_revoked": 1}
    good(administer("user", "enable", "lee"))
    assert administration.sessions.find(secret) is None
    administration.store.close()
