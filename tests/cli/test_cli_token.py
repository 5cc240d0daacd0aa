"""``pneumoscope token``."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from in_process import PASSWORD
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.settings import ServeSettings


def test_the_life_of_a_token(administer: Run, tmp_path: Path) -> None:
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    made = administer(
        "token", "add", "lee", "--for", "night batch", "--scope", "predict", "--days", "7"
    )
    text = good(made).strip()
    assert "shown once" in made.stderr
    administration = open_administration(ServeSettings(folder=tmp_path / "state"))
    user = administration.tokens.find(text)
    assert user is not None
    assert (user.name, user.scopes) == ("lee", frozenset({"predict"}))
    (row,) = json.loads(good(administer("token", "list", "--user", "lee", "--json")))
    assert (row["user"], row["for"], row["state"]) == ("lee", "night batch", "valid")
    assert text not in json.dumps(row)
    assert text not in good(administer("token", "list"))
    assert good(administer("token", "revoke", row["id"])) == f"{row['id']}: revoked\n"
    assert administration.tokens.find(text) is None
    administration.store.close()
    (row,) = json.loads(good(administer("token", "list", "--json")))
    assert row["state"] == "revoked"
    read = json.loads(good(administer("token", "add", "lee", "--json")))
    assert read["scopes"] == "read"  # the least, where nothing is asked for


@pytest.fixture
def lee(administer: Run) -> Run:
    """A server with the user lee."""
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    return administer


def test_json_shows_the_secret_once_and_only_on_stdout(lee: Run) -> None:
    made = lee("token", "add", "lee", "--for", "night batch", "--json")
    facts = json.loads(good(made))
    assert list(facts) == ["id", "for", "scopes", "state", "expires", "used", "token"]
    assert (facts["for"], facts["state"], facts["used"]) == ("night batch", "valid", None)
    assert facts["token"] not in made.stderr
    (listed,) = json.loads(good(lee("token", "list", "--json")))
    assert listed == {"user": "lee"} | {k: v for k, v in facts.items() if k != "token"}


def test_the_secret_alone_is_on_stdout(lee: Run) -> None:
    made = lee("token", "add", "lee")
    assert good(made).count("\n") == 1
    assert made.stdout.strip() not in made.stderr
    assert "Keep it now, it is shown once" in made.stderr


def test_scopes_are_repeated_and_named_in_one_line(lee: Run) -> None:
    words = ("--scope", "predict", "--scope", "read", "--scope", "metrics")
    facts = json.loads(good(lee("token", "add", "lee", *words, "--json")))
    assert set(facts["scopes"].replace(",", " ").split()) == {"predict", "read", "metrics"}


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("add", "kim"), "user kim: no such user", "pneumoscope user list"),
        (("add", "lee", "--scope", "root"), "scope 'root': no such scope", "Choose from: "),
        (("add", "lee", "--days", "0"), "0 days: a token is valid for more than 0", "in time"),
        (("add", "lee", "--days", "-1"), "-1 days", "in time"),
        (("add", "lee", "--days", "366"), "366 days", "in time"),
        (("add", "lee", "--days", "nan"), "nan days", "in time"),
        (("list", "--user", "kim"), "user kim: no such user", "pneumoscope user list"),
        (("revoke", "0f3a"), "token 0f3a: no such token", "pneumoscope token list"),
    ],
)
def test_what_no_token_can_be(lee: Run, words: tuple[str, ...], message: str, hint: str) -> None:
    error = refused(lee("token", *words))
    assert message in str(error)
    assert hint in error.hint
    assert json.loads(good(lee("token", "list", "--json"))) == []


def test_an_old_token_is_expired_and_a_revoked_one_stays_revoked(
    lee: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_, revoked) = (
        json.loads(good(lee("token", "add", "lee", "--days", days, "--json")))
        for days in ("1", "2")
    )
    good(lee("token", "revoke", revoked["id"]))
    good(lee("token", "revoke", revoked["id"]))  # twice is once
    now = time.time()
    monkeypatch.setattr("pneumoscope.cli.administration.token.time.time", lambda: now + 3 * 86400)
    states = [row["state"] for row in json.loads(good(lee("token", "list", "--json")))]
    assert sorted(states) == ["expired", "revoked"]


def test_a_list_is_of_one_user_or_all(lee: Run) -> None:
    nothing = lee("token", "list")
    assert (good(nothing), nothing.stderr) == ("", "none yet\n")
    good(lee("user", "add", "kim", "--password-stdin", stdin=PASSWORD))
    for name in ("lee", "kim", "kim"):
        good(lee("token", "add", name))
    listed = {
        user: json.loads(good(lee("token", "list", "--json", *(("--user", user) if user else ()))))
        for user in ("", "lee", "kim")
    }
    assert {user: len(rows) for user, rows in listed.items()} == {"": 3, "lee": 1, "kim": 2}
    head, *rows = good(lee("token", "list", "--user", "kim")).splitlines()
    assert head.split() == ["user", "id", "for", "scopes", "state", "expires", "used"]
    assert [row.split()[0] for row in rows] == ["kim", "kim"]
