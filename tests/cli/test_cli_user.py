"""``pneumoscope user``."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from in_process import PASSWORD
from pneumoscope.cli.administration import user
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.settings import ServeSettings


def test_the_life_of_an_account(administer: Run, tmp_path: Path) -> None:
    added = administer(
        "user", "add", "Lee", "--role", "viewer", "--password-stdin", stdin=PASSWORD + "\n"
    )
    assert good(added) == "lee: viewer\n"
    assert "has to sign in from now on" in added.stderr
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "stdin", "message", "hint"),
    [
        (("add", "lee"), PASSWORD, "user lee: exists already", "pneumoscope user password"),
        (("add", "LEE "), "\n", "user lee: exists already", "Choose another name"),
        (("add", "local"), PASSWORD, "user name 'local': cannot be used", "not `local`"),
        (("add", "dr lee"), PASSWORD, "user name 'dr lee': cannot be used", "1 to 64 letters"),
        (
            ("add", "kim", "--role", "boss"),
            "\n",  # before anybody types a password
            "role 'boss': no such role",
            "Choose one of: ",
        ),
        (("add", "kim"), "short", "the password has 5 characters", "A few words"),
        (("add", "kim"), "a" * 20, "too easy to guess", "A few words"),
        (("add", "kim"), "kim walks along the river", "too easy to guess", "A few words"),
        (("add", "kim"), "\n", "no password on stdin", "one line"),
        (("password", "kim"), PASSWORD, "user kim: no such user", "pneumoscope user list"),
        (("password", "lee"), "short", "the password has 5 characters", "A few words"),
    ],
)
def test_accounts_that_cannot_be(
    administer: Run, words: tuple[str, ...], stdin: str, message: str, hint: str
) -> None:
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    error = refused(administer("user", *words, "--password-stdin", stdin=stdin))
    assert message in str(error)
    assert hint in error.hint
    assert [row["name"] for row in json.loads(good(administer("user", "list", "--json")))] == [
        "lee"
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("role", "kim", "viewer"), "user kim: no such user"),
        (("role", "lee", "boss"), "role 'boss': no such role"),
        (("disable", "kim"), "user kim: no such user"),
        (("enable", "kim"), "user kim: no such user"),
    ],
)
def test_changes_that_cannot_be(administer: Run, words: tuple[str, ...], message: str) -> None:
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    assert message in str(refused(administer("user", *words)))
    (lee,) = json.loads(good(administer("user", "list", "--json")))
    assert (lee["role"], lee["disabled"]) == ("operator", False)


def test_every_change_can_be_read_by_programs(administer: Run) -> None:
    added = json.loads(
        good(administer("user", "add", "Lee", "--password-stdin", "--json", stdin=PASSWORD))
    )
    assert list(added) == ["id", "name", "role"]
    assert (added["name"], added["role"]) == ("lee", "operator")
    printed = [
        json.loads(good(administer("user", *words, "--json", stdin=PASSWORD)))
        for words in (
            ("role", "lee", "admin"), ("password", "lee", "--password-stdin"), ("disable", "lee"),
            ("enable", "lee"),
        )
    ]  # fmt: skip
    assert printed == [
        {"name": "lee", "role": "admin"}, {"sessions_ended": 0},
        {"sessions_ended": 0, "tokens_revoked": 0}, {"name": "lee", "disabled": False},
    ]  # fmt: skip
    (row,) = json.loads(good(administer("user", "list", "--json")))
    assert list(row) == [
        "name",
        "role",
        "disabled",
        "second_factor",
        "created",
        "changed",
    ]
    assert row["created"].endswith("+00:00")


def test_only_the_first_account_closes_the_server(administer: Run) -> None:
    notes = [
        administer("user", "add", name, "--password-stdin", stdin=PASSWORD).stderr
        for name in ("lee", "kim")
    ]
    assert notes == [
        "The first account: everybody has to sign in from now on; it gets all earlier results.\n",
        "",
    ]


def test_a_terminal_asks_twice_and_shows_nothing(
    administer: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[tuple[str, dict[str, Any]]] = []

    def prompt(text: str, **options: Any) -> str:
        prompts.append((text, options))
        return PASSWORD

    monkeypatch.setattr(user.typer, "prompt", prompt)
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True), stderr=io.StringIO())
    monkeypatch.setattr(user, "sys", terminal)
    good(administer("user", "add", "lee"))
    assert prompts == [("Password", {"hide_input": True, "confirmation_prompt": True, "err": True})]
    # For a user that does not exist it does not ask.
    assert "no such user" in str(refused(administer("user", "password", "kim")))
    assert len(prompts) == 1


def test_a_password_may_hold_spaces_and_any_letters(administer: Run, tmp_path: Path) -> None:
    for line in (" vier stille Reiher  ", "пять тихих цапель ждут"):
        good(administer("user", "add", "lee", "--password-stdin", stdin=f"{line}\r\nsecond line\n"))
        administration = open_administration(ServeSettings(folder=tmp_path / "state"))
        assert administration.accounts.check("lee", line) is not None
        assert administration.accounts.check("lee", line + "x") is None
        administration.store.close()
        (tmp_path / "state").rename(tmp_path / f"state-{len(line)}")


def test_no_accounts_are_an_empty_list(administer: Run) -> None:
    listed = administer("user", "list")
    assert (good(listed), listed.stderr) == ("", "none yet\n")
    assert json.loads(good(administer("user", "list", "--json"))) == []


def test_a_deleted_account_takes_its_results_with_it(administer: Run, tmp_path: Path) -> None:
    for name in ("lee", "kim"):
        good(administer("user", "add", name, "--password-stdin", stdin=PASSWORD + "\n"))
    assert "Add --yes" in refused(administer("user", "delete", "lee")).hint
    assert good(administer("user", "delete", "lee", "--yes")) == "lee: deleted, with 0 results\n"
    assert "no such user" in str(refused(administer("user", "delete", "lee", "--yes")))
    assert "the last account" in str(refused(administer("user", "delete", "kim", "--yes")))
    administration = open_administration(ServeSettings(folder=tmp_path / "state"))
    assert [entry["what"] for entry in administration.audit.entries()][-1] == "user delete"
    administration.store.close()
