"""API tokens."""

from __future__ import annotations

import hmac
from pathlib import Path

import pytest

from in_process import Clock, Served, small
from pneumoscope.errors import AccountError
from pneumoscope.serve.security.accounts import User
from pneumoscope.serve.security.tokens import SCOPES

USERS = {"lee": "operator", "vera": "viewer"}


def owner(server: Served, name: str = "lee") -> User:
    account = server.security.accounts.get(name)
    return User(account.id, account.name, account.role)


def test_a_token_is_kept_as_its_hash_only(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        text, row = server.security.tokens.add(owner(server), "batch", ["read"])
        assert server("GET", "/api/v1/me", token=text).status_code == 200
        assert len(row.sha256) == 64
    for path in tmp_path.iterdir():
        if path.is_file():
            assert text.encode() not in path.read_bytes()
            assert text.split("_", 2)[2].encode() not in path.read_bytes()


def test_a_token_is_compared_in_constant_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small(tmp_path, USERS) as server:
        text, row = server.security.tokens.add(owner(server), "batch", ["read"])
        compared: list[str] = []
        compare = hmac.compare_digest
        monkeypatch.setattr(
            hmac, "compare_digest", lambda a, b: compared.append(a) or compare(a, b)
        )
        wrong = text[:-1] + ("A" if text[-1] != "A" else "B")
        assert server.security.tokens.find(wrong) is None
        assert server.security.tokens.find(text) is not None
    assert compared.count(row.sha256) == 2


@pytest.mark.parametrize(
    "text", ["", "x", "pnsc__", "pnsc_" + "g" * 12 + "_" + "A" * 43, "' or 1=1 --", "pnsc_\u00e9"]
)
def test_what_is_no_token_opens_nothing(tmp_path: Path, text: str) -> None:
    with small(tmp_path, USERS) as server:
        assert server.security.tokens.find(text) is None


def test_a_token_expires(tmp_path: Path) -> None:
    clock = Clock()
    with small(tmp_path, USERS, clock) as server:
        text, _ = server.security.tokens.add(owner(server), "batch", ["read"], days=2)
        clock.now += 2 * 86400 - 1
        assert server("GET", "/api/v1/me", token=text).status_code == 200
        clock.now += 1
        assert server("GET", "/api/v1/me", token=text).status_code == 401


def test_a_revoked_token_is_dead(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        text, row = server.security.tokens.add(owner(server), "batch", ["read"])
        server.security.tokens.revoke(row.id)
        assert server("GET", "/api/v1/me", token=text).status_code == 401


def test_a_token_of_a_closed_account_is_dead(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        text, _ = server.security.tokens.add(owner(server), "batch", ["read"])
        server.security.accounts.set_disabled("lee", disabled=True)
        assert server("GET", "/api/v1/me", token=text).status_code == 401


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("read", {"read"}),
        ("predict", {"predict"}),
        ("delete", {"delete"}),
        ("metrics", {"metrics"}),
    ],
)
def test_a_token_does_what_its_scopes_say_and_no_more(
    tmp_path: Path, scope: str, allowed: set[str]
) -> None:
    requests = {
        "read": ("GET", "/api/v1/me"),
        "predict": ("POST", "/api/v1/predictions"),
        "delete": ("DELETE", "/api/v1/predictions"),
        "metrics": ("GET", "/metrics"),
    }
    assert set(requests) == set(SCOPES)
    with small(tmp_path, USERS) as server:
        text, _ = server.security.tokens.add(owner(server), "batch", [scope])
        codes = {name: server(*what, token=text).status_code for name, what in requests.items()}
    assert {name for name, code in codes.items() if code == 200} == allowed
    assert {code for name, code in codes.items() if name not in allowed} == {403}


def test_a_token_never_exceeds_the_role_of_its_user(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        text, _ = server.security.tokens.add(owner(server, "vera"), "batch", list(SCOPES))
        assert server("GET", "/api/v1/me", token=text).status_code == 200
        assert server("POST", "/api/v1/predictions", token=text).status_code == 403
        assert server("DELETE", "/api/v1/predictions", token=text).status_code == 403


def test_a_token_is_not_helped_by_a_cookie(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        cookie = server.cookie("lee")
        answer = server("GET", "/api/v1/me", cookie=cookie, token="pnsc_wrong")
        assert answer.status_code == 401
        answer = server("GET", "/api/v1/me", cookie=cookie, headers={"Authorization": "Basic eDp5"})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("scopes", "days"), [(["root"], 1), ([], 1), (["read"], 0), (["read"], 366), (["read"], -1)]
)
def test_tokens_that_are_not_made(tmp_path: Path, scopes: list[str], days: float) -> None:
    with small(tmp_path, USERS) as server:
        with pytest.raises(AccountError):
            server.security.tokens.add(owner(server), "batch", scopes, days)
        assert server.security.tokens.list() == []
