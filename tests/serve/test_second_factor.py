"""One-time codes of an authenticator app."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from in_process import PASSWORD, Clock, Served, small
from pneumoscope.errors import UnsafeAddress
from pneumoscope.serve.admin.administration import check_start, open_administration
from pneumoscope.serve.security import second_factor
from pneumoscope.serve.security.second_factor import STEP_S, code_at
from pneumoscope.serve.settings import ServeSettings

USERS = {"ada": "admin", "lee": "operator"}


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    # RFC 6238, appendix B, SHA-1, the last six of its eight digits.
    assert code_at(b"12345678901234567890", seconds // STEP_S) == code


def secret_of(server: Served) -> bytes:
    account = server.security.accounts.get("ada")
    query = parse_qs(urlsplit(server.security.second_factor.enrol(account)).query)
    return base64.b32decode(query["secret"][0])


def sign_in(server: Served, code: str | None) -> int:
    given = {"name": "ada", "password": PASSWORD} | ({} if code is None else {"code": code})
    return server("POST", "/api/v1/session", json=given).status_code


def test_with_a_second_factor_the_password_alone_does_not_suffice(tmp_path: Path) -> None:
    clock = Clock()
    with small(tmp_path, USERS, clock) as server:
        secret = secret_of(server)
        code = code_at(secret, int(clock.now // STEP_S))
        assert sign_in(server, None) == 401
        assert sign_in(server, f"{(int(code) + 1) % 10**6:06d}") == 401
        assert sign_in(server, code) == 200
        assert sign_in(server, code) == 401  # each code once
        clock.now += STEP_S
        assert sign_in(server, code_at(secret, int(clock.now // STEP_S))) == 200
        clock.now += STEP_S
        assert sign_in(server, code_at(secret, int(clock.now // STEP_S) - 3)) == 401
        server.security.second_factor.remove(server.security.accounts.get("ada"))
        assert sign_in(server, None) == 200
        assert server.sign_in("lee").status_code == 200
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert secret not in written


@pytest.mark.parametrize(
    ("strict", "accepted"), [(True, [0, 29]), (False, [-30, -1, 0, 29, 30, 59])]
)
def test_a_code_has_a_lifetime(tmp_path: Path, strict: bool, accepted: list[int]) -> None:
    clock = Clock()
    step = int(clock.now // STEP_S)
    with small(tmp_path, USERS, clock, strict_codes=strict) as server:

        def is_accepted(second: int) -> bool:
            """At this second of the step to which the code belongs."""
            clock.now = float(step * STEP_S + second)
            code = code_at(secret_of(server), step)
            return server.security.second_factor.check(server.security.accounts.get("ada"), code)

        assert [s for s in (-31, -30, -1, 0, 29, 30, 59, 60) if is_accepted(s)] == accepted


def test_of_many_uses_of_a_code_at_the_same_moment_one_counts(tmp_path: Path) -> None:
    clock = Clock()
    with small(tmp_path, USERS, clock) as server, ThreadPoolExecutor(16) as threads:
        code = code_at(secret_of(server), int(clock.now // STEP_S))
        account = server.security.accounts.get("ada")
        check = server.security.second_factor.check
        assert sum(threads.map(lambda _: check(account, code), range(16))) == 1
        tries = second_factor.MOST_FAILURES + 16
        assert not any(threads.map(lambda _: check(account, "no code"), range(tries)))
        failures = server.security.accounts.get("ada").totp_failures
        assert failures == second_factor.MOST_FAILURES


def test_where_a_second_factor_is_required_nobody_signs_in_without(tmp_path: Path) -> None:
    clock = Clock()
    with small(tmp_path, USERS, clock) as server:
        before = server.cookie("lee")
    with small(tmp_path, {}, clock, require_second_factor=True) as server:
        assert server("GET", "/api/v1/me", cookie=before).status_code == 401
        refused = server.sign_in("lee")
        assert (refused.status_code, refused.json()["code"]) == (403, "NoSecondFactor")
        assert "set-cookie" not in refused.headers
        assert server.sign_in("lee", "wrong").status_code == 401  # says nothing to strangers
        secret = secret_of(server)
        assert sign_in(server, code_at(secret, int(clock.now // STEP_S))) == 200


def test_a_second_factor_is_not_required_of_nobody(tmp_path: Path) -> None:
    settings = ServeSettings(folder=tmp_path, require_second_factor=True)
    with pytest.raises(UnsafeAddress, match="no accounts"):
        check_start(settings)
    open_administration(settings).add_user("ada", PASSWORD, "admin")
    check_start(settings)


def test_guessing_codes_gets_slow(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        secret_of(server)
        answers = [sign_in(server, f"{code:06d}") for code in range(8)]
    assert answers.count(429) >= 2


def test_after_many_wrong_codes_in_a_row_no_code_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting does not suffice: whoever knows the password has time, and a restart forgets waits."""
    monkeypatch.setattr(second_factor, "MOST_FAILURES", 3)
    clock = Clock()
    with small(tmp_path, USERS, clock) as server:
        secret = secret_of(server)
        current = code_at(secret, int(clock.now // STEP_S))
        wrong = f"{(int(current) + 1) % 10**6:06d}"
        assert [sign_in(server, wrong), sign_in(server, wrong), sign_in(server, None)] == [401] * 3
        assert sign_in(server, current) == 200  # the row ends
        clock.now += 10 * STEP_S
    for _ in range(3):
        with small(tmp_path, {}, clock) as server:
            assert server.sign_in("ada", "not the password at all").status_code == 401
            assert sign_in(server, wrong) == 401
    with small(tmp_path, {}, clock) as server:
        given = {"name": "ada", "password": PASSWORD, "code": code_at(secret, int(clock.now // 30))}
        refused = server("POST", "/api/v1/session", json=given)
        assert (refused.status_code, refused.json()["code"]) == (403, "SecondFactorLocked")
        assert server.sign_in("ada", "not the password at all").status_code == 401
        lines = [
            (e["status"], (e["who"] or {}).get("name")) for e in server.security.audit.entries()
        ]
        assert lines[-2:] == [(403, "ada"), (401, None)]
        assert (401, "ada") in lines  # a wrong code: somebody knows the password
        secret = secret_of(server)
        assert sign_in(server, code_at(secret, int(clock.now // STEP_S))) == 200


@pytest.mark.slow
def test_right_passwords_before_a_code_do_not_count_as_failures(tmp_path: Path) -> None:
    """The page sends the password first, and asks for the code if the account has a second factor."""
    clock = Clock()
    with small(tmp_path, USERS, clock) as server:
        secret = secret_of(server)
        for _ in range(40):
            clock.now += STEP_S
            assert sign_in(server, None) == 401
            assert sign_in(server, code_at(secret, int(clock.now // STEP_S))) == 200


def test_a_forgotten_password_does_not_remove_the_second_factor(tmp_path: Path) -> None:
    clock = Clock()
    with small(tmp_path, USERS, clock) as server:
        secret = secret_of(server)
        server.security.accounts.set_password("ada", PASSWORD)
        assert sign_in(server, None) == 401
        assert sign_in(server, code_at(secret, int(clock.now // STEP_S))) == 200


def test_a_new_secret_ends_the_codes_of_the_old_one(tmp_path: Path) -> None:
    clock = Clock()
    with small(tmp_path, USERS, clock) as server:
        old, new = secret_of(server), secret_of(server)
        assert len({old, new}) == 2
        assert len(new) == 20  # 160 bits (RFC 4226, 4)
        assert sign_in(server, code_at(old, int(clock.now // STEP_S))) == 401
        assert sign_in(server, code_at(new, int(clock.now // STEP_S))) == 200


def test_sessions_opened_without_it_end(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        cookie = server.cookie("ada")
        assert server("GET", "/api/v1/me", cookie=cookie).status_code == 200
        secret_of(server)
        assert server("GET", "/api/v1/me", cookie=cookie).status_code == 401
