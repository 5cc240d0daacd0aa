"""``pneumoscope session``, and ``pneumoscope user totp``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from in_process import PASSWORD
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.settings import ServeSettings


def test_sessions_are_listed_and_ended(administer: Run, tmp_path: Path) -> None:
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    administration = open_administration(ServeSettings(folder=tmp_path / "state"))
    account = administration.accounts.get("lee")
    secrets = [administration.sessions.open(account) for _ in range(3)]
    rows = json.loads(good(administer("session", "list", "--json")))
    assert [row["user"] for row in rows] == ["lee"] * 3
    assert not any(secret in json.dumps(rows) for secret in secrets)
    assert good(administer("session", "end", rows[0]["id"])) == "1 session ended\n"
    assert len(administration.sessions.list()) == 2
    assert json.loads(good(administer("session", "end", "--user", "lee", "--json"))) == {"ended": 2}
    assert good(administer("session", "list")) == ""
    events = [entry["what"] for entry in administration.audit.entries()]
    assert events == ["user add", "session end", "session end"]
    administration.store.close()


def test_sessions_that_cannot_be_ended(administer: Run) -> None:
    assert "no such open session" in str(refused(administer("session", "end", "0" * 32)))
    assert "no such user" in str(refused(administer("session", "end", "--user", "kim")))
    assert "name one session" in str(refused(administer("session", "end")))


def test_a_second_factor_is_given_and_taken_away(administer: Run) -> None:
    good(administer("user", "add", "ada", "--role", "admin", "--password-stdin", stdin=PASSWORD))
    printed = good(administer("user", "totp", "ada"))
    assert printed.startswith("otpauth://totp/pneumoscope%3Aada?secret=")
    assert json.loads(good(administer("user", "totp", "ada", "--off", "--json"))) == {
        "name": "ada", "totp": None,
    }  # fmt: skip
    assert "no such user" in str(refused(administer("user", "totp", "kim")))
