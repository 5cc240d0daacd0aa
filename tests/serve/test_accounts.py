"""Users, passwords and roles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from in_process import CHEAP, PASSWORD, Clock
from pneumoscope.errors import AccountError
from pneumoscope.jobs.store import Store
from pneumoscope.serve.security.accounts import LOCAL, Accounts


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    store = Store(f"sqlite:///{tmp_path / 'db.sqlite'}")
    accounts = Accounts(store.engine, Clock())
    accounts.hasher = CHEAP
    yield accounts
    store.close()


def test_passwords_are_kept_as_argon2id_only(accounts: Accounts, tmp_path: Path) -> None:
    accounts.hasher = Accounts(accounts.engine).hasher
    accounts.add("lee", PASSWORD)
    stored = accounts.get("lee").password
    # RFC 9106, second recommended option: 64 MiB, 3 passes, 4 lanes.
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert stored.encode() in written
    assert PASSWORD.encode() not in written


def test_equal_passwords_have_different_hashes(accounts: Accounts) -> None:
    for name in ("lee", "kim"):
        accounts.add(name, PASSWORD)
    assert accounts.get("lee").password != accounts.get("kim").password


def test_only_the_right_password_opens(accounts: Accounts) -> None:
    added = accounts.add("lee", PASSWORD, "viewer")
    user = accounts.check(" LEE ", PASSWORD)
    assert user is not None
    assert (user.id, user.name, user.role) == (added.id, "lee", "viewer")
    assert accounts.check("lee", PASSWORD + "x") is None
    assert accounts.check("lee", "") is None
    assert accounts.check("kim", PASSWORD) is None


def test_an_unknown_name_costs_as_much_as_a_wrong_password(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.add("lee", PASSWORD)
    work: list[str] = []
    fits = accounts._fits
    monkeypatch.setattr(
        accounts, "_fits", lambda h, p: work.append("$".join(h.split("$")[:4])) or fits(h, p)
    )
    assert accounts.check("lee", "wrong") is None
    assert accounts.check("nobody", "wrong") is None
    assert len(work) == 2
    assert work[0] == work[1]  # the same argon2id parameters


@pytest.mark.parametrize(
    "password",
    ["", "short", "fourteen-chars", "a" * 20, "ababababababababab", "x" * 257, "lee lives in here",
     "pneumoscope2026!"],
)  # fmt: skip
def test_weak_passwords_are_refused(accounts: Accounts, password: str) -> None:
    with pytest.raises(AccountError):
        accounts.add("lee", password)
    assert accounts.list() == []


def test_the_way_a_keyboard_composes_letters_does_not_matter(accounts: Accounts) -> None:
    accounts.add("lee", "f\u00fcnf stille Reiher am Ufer")
    assert accounts.check("lee", "fu\u0308nf stille Reiher am Ufer") is not None


def test_a_password_is_not_shortened(accounts: Accounts) -> None:
    longest = "".join(f"{number} quiet herons " for number in range(100))[:256]
    accounts.add("lee", longest)
    assert accounts.check("lee", longest) is not None
    assert accounts.check("lee", f"{longest}x") is None


def test_the_same_letters_in_another_unicode_form_are_the_same_password(accounts: Accounts) -> None:
    accounts.add("lee", "quiet h\u00e9rons \ufb01nd harbour nineteen")
    assert accounts.check("lee", "quiet he\u0301rons find harbour nineteen") is not None
    assert accounts.check("lee", "quiet herons find harbour nineteen") is None
    assert accounts.check("lee", "Quiet h\u00e9rons find harbour nineteen") is None


@pytest.mark.parametrize("name", ["", "Dr Lee", "a/b", "x" * 65, "local", ".hidden", "l\u00e9e"])
def test_names_that_cannot_be_used(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountError):
        accounts.add(name, PASSWORD)


def test_a_name_is_taken_once_whatever_its_case(accounts: Accounts) -> None:
    accounts.add("lee", PASSWORD)
    with pytest.raises(AccountError, match="exists already"):
        accounts.add("LEE", PASSWORD)


def test_unknown_role_and_unknown_user(accounts: Accounts) -> None:
    with pytest.raises(AccountError, match="role"):
        accounts.add("lee", PASSWORD, "root")
    with pytest.raises(AccountError, match="no such user"):
        accounts.set_role("lee", "viewer")


def test_a_closed_account_stays_closed_until_it_is_opened(accounts: Accounts) -> None:
    accounts.add("lee", PASSWORD)
    accounts.set_disabled("lee", disabled=True)
    assert accounts.check("lee", PASSWORD) is None
    assert accounts.any()  # disabling the last account must not open the server to everybody
    accounts.set_disabled("lee", disabled=False)
    assert accounts.check("lee", PASSWORD) is not None


def test_a_new_password_replaces_the_old_one(accounts: Accounts) -> None:
    accounts.add("lee", PASSWORD)
    accounts.set_password("lee", "another walk by the river")
    assert accounts.check("lee", PASSWORD) is None
    assert accounts.check("lee", "another walk by the river") is not None


def test_an_old_hash_is_renewed_when_its_user_signs_in(accounts: Accounts) -> None:
    accounts.add("lee", PASSWORD)
    assert "m=8,t=1" in accounts.get("lee").password
    accounts.hasher = Accounts(accounts.engine).hasher
    assert accounts.check("lee", PASSWORD) is not None
    assert "m=65536,t=3" in accounts.get("lee").password


def test_roles_are_ordered() -> None:
    assert LOCAL.may("viewer")
    assert LOCAL.may("admin")


def test_an_account_is_deleted_but_never_the_last_one(accounts: Accounts) -> None:
    accounts.add("lee", PASSWORD)
    with pytest.raises(AccountError, match="the last account"):
        accounts.delete("lee")
    accounts.add("kim", PASSWORD)
    assert accounts.delete(" LEE ").name == "lee"
    assert [account.name for account in accounts.list()] == ["kim"]
    assert accounts.check("lee", PASSWORD) is None
    with pytest.raises(AccountError, match="no such user"):
        accounts.delete("lee")
