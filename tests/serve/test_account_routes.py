"""The user's own password and sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from answers import assert_problem
from in_process import PASSWORD, Clock, Served, small
from pneumoscope.serve.security import accounts as accounts_module
from pneumoscope.serve.security.accounts import FIRST_PASSWORD_DAYS

USERS = {"lee": "operator", "vera": "viewer"}
NEW = "another walk by the river"


def change(server: Served, cookie: str, current: str = PASSWORD, new: str = NEW) -> tuple[int, str]:
    """Changes the password; returns the status, and the new cookie."""
    answer = server(
        "POST", "/api/v1/account/password", cookie=cookie, json={"current": current, "new": new}
    )
    return answer.status_code, answer.headers.get("set-cookie", "").partition(";")[0]


def lives(server: Served, cookie: str) -> bool:
    return server("GET", "/api/v1/me", cookie=cookie).status_code == 200


@pytest.mark.parametrize("name", ["lee", "vera"])
def test_a_new_password_ends_every_session_and_token_of_the_old_one(
    tmp_path: Path, name: str
) -> None:
    with small(tmp_path, USERS) as server:
        other, here = server.cookie(name), server.cookie(name)
        token, _ = server.security.tokens.add(server.security.accounts.get(name), "batch", ["read"])
        status, cookie = change(server, here)
        assert status == 204
        assert not lives(server, other)
        assert not lives(server, here)  # it gets a new cookie
        assert lives(server, cookie)
        assert server("GET", "/api/v1/me", token=token).status_code == 401
        assert server.sign_in(name).status_code == 401
        assert server.sign_in(name, NEW).status_code == 200
        lines = [(e["what"], e["status"]) for e in server.security.audit.entries()]
        assert ("POST /api/v1/account/password", 204) in lines


def test_a_session_opened_while_the_password_changes_is_not_valid(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        security = server.security
        account = security.accounts.check("lee", PASSWORD)  # a sign-in that is half done
        assert account is not None
        security.accounts.set_password("lee", NEW)
        security.sessions.close_all(account.id)
        secret = security.sessions.open(account)
        assert security.sessions.find(secret) is None
        assert security.sessions.list(account.id) == []


def test_who_knows_the_old_password_cannot_overwrite_the_new_one(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        accounts = server.security.accounts
        account = accounts.check("lee", PASSWORD)
        assert account is not None
        accounts.set_password("lee", NEW)
        with pytest.raises(accounts_module.AccountError, match="changed meanwhile"):
            accounts.choose_password(account, "five loud gulls leaving")
        assert accounts.check("lee", NEW) is not None


def test_a_stronger_hash_does_not_bring_an_old_password_back(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        accounts = server.security.accounts
        account = accounts.get("lee")
        accounts.set_password("lee", NEW)
        accounts._rehash(account.id, account.password, accounts.hasher.hash(PASSWORD))
        assert accounts.check("lee", PASSWORD) is None


def test_a_disabled_account_does_not_get_its_sessions_back(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        cookie = server.cookie("lee")
        token, _ = server.security.tokens.add(
            server.security.accounts.get("lee"), "batch", ["read"]
        )
        server.security.accounts.set_disabled("lee", disabled=True)
        server.security.accounts.set_disabled("lee", disabled=False)
        assert not lives(server, cookie)
        assert server("GET", "/api/v1/me", token=token).status_code == 401


def test_a_wrong_present_password_changes_nothing_and_gets_slow(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        server.security.throttle.clock = Clock()
        cookie = server.cookie("lee")
        statuses = [change(server, cookie, "not the password at all")[0] for _ in range(8)]
        assert statuses[0] == 403
        assert statuses[-1] == 429
        assert lives(server, cookie)


@pytest.mark.parametrize("new", ["short", "passwordpassword", PASSWORD, "lee lives in here"])
def test_a_weak_or_old_password_is_not_taken(tmp_path: Path, new: str) -> None:
    with small(tmp_path, USERS) as server:
        cookie = server.cookie("lee")
        answer = server(
            "POST", "/api/v1/account/password", cookie=cookie,
            json={"current": PASSWORD, "new": new},
        )  # fmt: skip
        assert_problem(answer, 422, "AccountError")
        assert lives(server, cookie)


def test_sessions_are_listed_and_ended(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        first, second, here = (server.cookie("lee") for _ in range(3))
        vera = server.cookie("vera")
        shown = server("GET", "/api/v1/account", cookie=here).json()
        assert [session["current"] for session in shown["sessions"]].count(True) == 1
        assert len(shown["sessions"]) == 3
        ids = {session["id"] for session in shown["sessions"] if not session["current"]}
        one_id = sorted(ids)[0]
        path = f"/api/v1/account/sessions/{one_id}/end"
        given = {"json": {"current": PASSWORD}}
        assert server("POST", path, cookie=vera, **given).status_code == 404
        assert server("POST", path, cookie=here, **given).status_code == 204
        assert [lives(server, cookie) for cookie in (first, second)].count(False) == 1
        answer = server("POST", "/api/v1/account/sessions/end", cookie=here, **given)
        assert answer.json() == {"ended": 1}
        assert not lives(server, first)
        assert not lives(server, second)
        assert lives(server, here)
        assert lives(server, vera)
        assert here.partition("=")[2] not in server("GET", "/api/v1/account", cookie=here).text


def test_sessions_end_only_with_the_password(tmp_path: Path) -> None:
    """Somebody at an open browser does not end the others (ASVS 5.0, 7.5.2)."""
    with small(tmp_path, USERS) as server:
        other, here = server.cookie("lee"), server.cookie("lee")
        shown = server("GET", "/api/v1/account", cookie=here).json()
        ids = [session["id"] for session in shown["sessions"] if not session["current"]]
        for ending in ("end", f"{ids[0]}/end"):
            path = f"/api/v1/account/sessions/{ending}"
            assert server("POST", path, cookie=here).status_code == 422
            wrong = server("POST", path, cookie=here, json={"current": "not the password"})
            assert_problem(wrong, 403, "WrongPassword")
        assert lives(server, other)
        server.security.second_factor.enrol(server.security.accounts.get("vera"))
        vera = server.security.sessions.open(server.security.accounts.get("vera"))
        without_code = server(
            "POST", "/api/v1/account/sessions/end", cookie=f"pneumoscope={vera}",
            json={"current": PASSWORD},
        )  # fmt: skip
        assert_problem(without_code, 401, "SecondFactorNeeded")


def test_a_first_password_expires_unless_it_is_replaced(tmp_path: Path) -> None:
    clock = Clock()
    with small(tmp_path, USERS, clock) as server:
        cookie = server.cookie("lee")
        shown = server("GET", "/api/v1/account", cookie=cookie).json()
        assert shown["first_password_until"] == "2027-01-22T08:00:00+00:00"
        assert change(server, server.cookie("vera"))[0] == 204
        clock.now += FIRST_PASSWORD_DAYS * 86400 - 60
        late = server.cookie("lee")
        clock.now += 60
        assert_problem(server.sign_in("lee"), 403, "FirstPasswordExpired")
        assert not lives(server, late)  # nor does a session of it go on
        vera = server.sign_in("vera", NEW)
        assert vera.status_code == 200
        server.security.accounts.set_password("lee", NEW)
        assert server.sign_in("lee", NEW).status_code == 200


def test_without_accounts_there_is_nothing_to_change(tmp_path: Path) -> None:
    with small(tmp_path) as server:
        assert_problem(server("GET", "/api/v1/account"), 409, "Conflict")
