"""Sessions and their cookies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from in_process import PASSWORD, Clock, Served, small
from pneumoscope.serve.security.sessions import ABSOLUTE_S, IDLE_S, cookie_name

USERS = {"lee": "operator"}


@pytest.mark.parametrize("tls", [True, False])
def test_the_cookie_is_strict(tmp_path: Path, tls: bool) -> None:
    with small(tmp_path, USERS, tls_self_signed=tls) as server:
        answer = server.sign_in("lee")
    cookie = SimpleCookie(answer.headers["set-cookie"])
    ((name, morsel),) = cookie.items()
    assert name == ("__Host-pneumoscope" if tls else "pneumoscope")
    assert bool(morsel["secure"]) is tls
    assert morsel["httponly"]
    assert morsel["samesite"] == "strict"
    assert morsel["path"] == "/"
    assert not morsel["domain"]
    assert int(morsel["max-age"]) == ABSOLUTE_S
    assert len(morsel.value) >= 43  # 256 bits


def test_the_secret_is_stored_nowhere(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        secret = server.cookie("lee").partition("=")[2]
        assert server("GET", "/api/v1/me", cookie=f"pneumoscope={secret}").status_code == 200
    for path in tmp_path.iterdir():
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_a_session_ends_when_it_is_idle(tmp_path: Path) -> None:
    clock = Clock()
    with small(tmp_path, USERS, clock) as server:
        cookie = server.cookie("lee")
        clock.now += IDLE_S - 1
        assert server("GET", "/api/v1/me", cookie=cookie).status_code == 200
        clock.now += IDLE_S - 1  # the use has postponed the end
        assert server("GET", "/api/v1/me", cookie=cookie).status_code == 200
        clock.now += IDLE_S
        assert server("GET", "/api/v1/me", cookie=cookie).status_code == 401


def test_a_session_ends_after_a_shift_however_busy(tmp_path: Path) -> None:
    clock = Clock()
    with small(tmp_path, USERS, clock) as server:
        cookie = server.cookie("lee")
        for _ in range(int(ABSOLUTE_S // 1000)):
            clock.now += 1000
            assert server("GET", "/api/v1/me", cookie=cookie).status_code == 200
        clock.now += 200
        assert ABSOLUTE_S == 43_200  # 43 x 1000 + 200
        assert server("GET", "/api/v1/me", cookie=cookie).status_code == 401


def test_signing_out_ends_the_session_for_good(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        cookie = server.cookie("lee")
        answer = server("DELETE", "/api/v1/session", cookie=cookie)
        assert answer.status_code == 204
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert server("GET", "/api/v1/me", cookie=cookie).status_code == 401


def test_signing_in_makes_a_new_session_and_ends_the_old(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        old = server.cookie("lee")
        answer = server.sign_in("lee", cookie=old)
        new = answer.headers["set-cookie"].partition(";")[0]
        assert new != old
        assert server("GET", "/api/v1/me", cookie=old).status_code == 401
        assert server("GET", "/api/v1/me", cookie=new).status_code == 200


def test_a_session_that_somebody_planted_is_not_taken_up(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        planted = "pneumoscope=" + "A" * 43
        answer = server.sign_in("lee", cookie=planted)
        assert answer.headers["set-cookie"].partition(";")[0] != planted
        assert server("GET", "/api/v1/me", cookie=planted).status_code == 401


SECRET = "A" * 43


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[bool, Served]]:
    """A server without and one with TLS."""
    with (
        small(tmp_path_factory.mktemp("plain"), USERS) as plain,
        small(tmp_path_factory.mktemp("tls"), USERS, tls_self_signed=True) as encrypted,
    ):
        yield {False: plain, True: encrypted}


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize(
    ("sent", "left"),
    [
        (['pneumoscope="' + "\\" * 1000 + '"'], None),
        ([f"NAME={SECRET}; other=" + '"\\'], SECRET),
        ([f'other="\\"; NAME = {SECRET} ;'], SECRET),
        ([f"NAME={'B' * 43}; NAME={SECRET}"], SECRET),
        ([f"NAME={'B' * 43}", f"NAME={SECRET}"], SECRET),
        ([f'NAME="{SECRET}"'], None),
        ([f"NAME={SECRET}A"], None),
        ([f"name={SECRET}; {SECRET}; ={SECRET}; ;;"], None),
        ([""], None),
    ],
)
def test_nothing_parses_a_cookie_but_that_of_a_session(
    servers: Mapping[bool, Served],
    monkeypatch: pytest.MonkeyPatch,
    tls: bool,
    sent: list[str],
    left: str | None,
) -> None:
    """Python before 3.11.10 takes minutes for the first one, if it is as long as a head may be."""
    parsed: list[str] = []

    def parse(text: str) -> dict[str, str]:
        parsed.append(text)
        return {}

    monkeypatch.setattr("starlette.requests.cookie_parser", parse)
    name = cookie_name(tls)
    cookies = [("Cookie", text.replace("NAME", name)) for text in sent]
    for path in ("/api/v1/things/a", "/login"):
        servers[tls]("GET", path, headers=cookies)
    assert set(parsed) <= {f"{name}={left}"}
    assert bool(parsed) == (left is not None)


def test_signing_in_again_ends_the_session_of_before(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        before = server.cookie("lee")
        assert server.sign_in("lee", cookie=before).status_code == 200
        assert server("GET", "/api/v1/me", cookie=before).status_code == 401


def test_closing_an_account_ends_its_sessions(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        cookie = server.cookie("lee")
        server.security.accounts.set_disabled("lee", disabled=True)
        assert server("GET", "/api/v1/me", cookie=cookie).status_code == 401
        assert server.sign_in("lee").status_code == 401


def test_a_role_counts_from_the_next_request_on(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        cookie = server.cookie("lee")
        assert server("DELETE", "/api/v1/predictions", cookie=cookie).status_code == 200
        server.security.accounts.set_role("lee", "viewer")
        assert server("DELETE", "/api/v1/predictions", cookie=cookie).status_code == 403


def test_wrong_name_and_wrong_password_answer_the_same(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        wrong = server.sign_in("lee", "wrong password").json()
        other = server.sign_in("nobody", PASSWORD).json()
    assert wrong == other
    assert wrong["code"] == "WrongCredentials"


def test_a_server_without_accounts_knows_nobody_to_sign_in(tmp_path: Path) -> None:
    with small(tmp_path) as server:
        assert server.sign_in("lee").status_code == 409
        assert server("GET", "/api/v1/me").json() == {
            "id": "local", "name": "local", "role": "admin", "scopes": None, "accounts": False,
        }  # fmt: skip


def test_a_clock_that_is_set_back_prolongs_no_session(tmp_path: Path) -> None:
    clock, steady = Clock(), Clock(0.0)
    with small(tmp_path, USERS, clock) as server:
        server.security.sessions.steady = steady
        cookie = server.cookie("lee")
        assert server("GET", "/api/v1/me", cookie=cookie).status_code == 200
        steady.now += IDLE_S - 1
        assert server("GET", "/api/v1/me", cookie=cookie).status_code == 200
        steady.now += IDLE_S  # the wall clock stands still
        assert server("GET", "/api/v1/me", cookie=cookie).status_code == 401
        other = server.cookie("lee")
        for _ in range(int(ABSOLUTE_S // 1000) + 1):
            steady.now += 1000
            clock.now += 1
            last = server("GET", "/api/v1/me", cookie=other).status_code
        assert last == 401
        third = server.cookie("lee")
        clock.now -= 3600
        assert server("GET", "/api/v1/me", cookie=third).status_code == 401
