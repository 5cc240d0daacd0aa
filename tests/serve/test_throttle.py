"""Waits, computed by hand, on a clock that the test sets; then in the middleware."""

from __future__ import annotations

from pathlib import Path

import pytest

from in_process import PASSWORD, Clock, small
from pneumoscope.serve.security.state import CONCURRENT_SIGN_INS
from pneumoscope.serve.security.throttle import FORGET_S, Rate, Throttle, network_of
from pneumoscope.serve.settings import ServeSettings

USERS = {"lee": "operator", "kim": "operator"}


def test_waits_double_after_the_free_tries() -> None:
    clock = Clock(0.0)
    throttle = Throttle(clock)
    for _ in range(3):
        assert throttle.attempt(("lee", 3)) == 0
    waits = []
    for _ in range(5):
        wait = throttle.attempt(("lee", 3))
        waits.append(wait)
        clock.now += wait
        assert throttle.attempt(("lee", 3)) == 0
    assert waits == [1, 2, 4, 8, 16]


def test_the_wait_has_an_end_and_is_forgiven() -> None:
    clock = Clock(0.0)
    throttle = Throttle(clock)
    for _ in range(40):
        clock.now += throttle.attempt(("lee", 1))
        throttle.attempt(("lee", 1))
    assert throttle.attempt(("lee", 1)) <= FORGET_S == 900
    clock.now += FORGET_S
    assert throttle.attempt(("lee", 2)) == 0
    assert throttle.attempt(("lee", 2)) == 0


def test_a_try_that_has_to_wait_is_not_counted() -> None:
    clock = Clock(0.0)
    throttle = Throttle(clock)
    assert throttle.attempt(("lee", 1)) == 0
    for _ in range(100):
        assert throttle.attempt(("lee", 1)) == 1
    clock.now += 1
    assert throttle.attempt(("lee", 1)) == 0


def test_success_takes_back_its_own_try_only() -> None:
    clock = Clock(0.0)
    throttle = Throttle(clock)
    for _ in range(2):
        throttle.attempt(("ward", 2))
    throttle.succeeded("ward")
    assert throttle.attempt(("ward", 2)) == 0
    assert throttle.attempt(("ward", 2)) == 1


def test_memory_is_bounded() -> None:
    throttle = Throttle(Clock(0.0))
    for number in range(10_050):
        throttle.attempt((str(number), 1))
        throttle.clock.now += 0.01  # type: ignore[attr-defined]
        assert len(throttle._failures) <= 10_000
    assert throttle.attempt(("0", 1)) == 0  # forgotten


def test_many_other_keys_do_not_make_failures_forgotten() -> None:
    clock = Clock(0.0)
    throttle = Throttle(clock)
    for _ in range(9):
        clock.now += throttle.attempt(("lee", 5))
        throttle.attempt(("lee", 5))
    wait = throttle.attempt(("lee", 5))
    assert wait > 0
    for number in range(25_000):
        throttle.attempt((f"token of network {number}", 20))
    assert throttle.attempt(("lee", 5)) == wait


def test_old_failures_make_room_first() -> None:
    clock = Clock(0.0)
    throttle = Throttle(clock)
    for number in range(9_999):
        for _ in range(2):
            throttle.attempt((f"old {number}", 5))
    clock.now += FORGET_S
    for number in range(3):
        throttle.attempt((f"new {number}", 1))
    assert throttle.attempt(("new 2", 1)) == 1


def test_a_bucket_refills() -> None:
    clock = Clock(0.0)
    rate = Rate(per_minute=30, burst=2, clock=clock)
    assert [rate.wait_s("lee") for _ in range(3)] == [0, 0, 2]
    assert rate.wait_s("kim") == 0
    clock.now += 2
    assert [rate.wait_s("lee") for _ in range(2)] == [0, 2]


def test_no_limit_is_none() -> None:
    rate = Rate(per_minute=0, burst=0)
    assert {rate.wait_s("lee") for _ in range(1000)} == {0}


def test_guessing_a_password_gets_slow(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        codes = [server.sign_in("lee", f"guess number {n}").status_code for n in range(6)]
        assert codes == [401] * 5 + [429]
        refused = server.sign_in("lee")
        assert refused.status_code == 429  # the right one too, for now
        assert int(refused.headers["retry-after"]) >= 1
        # Nobody can lock out another user, or the neighbours, by failing with their name.
        assert server.sign_in("lee", address="10.0.0.9").status_code == 200
        assert server.sign_in("kim").status_code == 200


def test_guessing_one_password_for_many_names_gets_slow(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        codes = [server.sign_in(f"user{n}", "wrong one").status_code for n in range(31)]
    assert codes == [401] * 30 + [429]


def test_guessing_tokens_gets_slow(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        wrong = f"pnsc_{'0' * 12}_{'A' * 43}"
        codes = [server("GET", "/api/v1/me", token=wrong).status_code for _ in range(21)]
        assert codes == [401] * 20 + [429]
        cookie = server.cookie("lee")
        assert server("GET", "/api/v1/me", cookie=cookie).status_code == 200


def test_a_colleagues_old_token_shuts_nobody_out(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        user = server.security.accounts.check("lee", PASSWORD)
        assert user is not None
        good, _ = server.security.tokens.add(user, "batch", ["read"])
        wrong = f"pnsc_{'0' * 12}_{'A' * 43}"
        codes = [server("GET", "/api/v1/me", token=wrong).status_code for _ in range(22)]
        assert codes[-1] == 429
        assert server("GET", "/api/v1/me", token=good).status_code == 200


def test_many_who_sign_in_leave_threads_for_others(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        for _ in range(CONCURRENT_SIGN_INS):
            assert server.security.signing_in.acquire(blocking=False)
        refused = server.sign_in("lee")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        server.security.signing_in.release()
        assert server.sign_in("lee").status_code == 200
        assert server.sign_in("lee", "a wrong password").status_code == 401
        assert server.sign_in("lee").status_code == 200  # each attempt was released


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.9", "10.0.0.9"),
        ("::ffff:10.0.0.9", "10.0.0.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_what_is_counted_as_one(address: str, network: str) -> None:
    assert network_of(address) == network


def test_guessing_from_many_addresses_of_one_machine_gets_slow(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        codes = [
            server.sign_in("lee", "a wrong guess", address=f"2001:db8::{n:x}").status_code
            for n in range(6)
        ]
        assert codes == [401] * 5 + [429]
        assert server.sign_in("lee", address="2001:db8:0:1::1").status_code == 200


def test_one_user_does_not_use_up_the_server(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        object.__setattr__(server.security, "by_user", Rate(60, 5, clock=lambda: 0.0))
        lee, kim = server.cookie("lee"), server.cookie("kim")
        codes = [server("GET", "/api/v1/me", cookie=lee).status_code for _ in range(6)]
        assert codes == [200] * 5 + [429]
        assert server("GET", "/api/v1/me", cookie=kim).status_code == 200


def test_without_accounts_there_is_no_rate(tmp_path: Path) -> None:
    with small(tmp_path, rate_limit=3) as server:
        assert {server("GET", "/api/v1/me").status_code for _ in range(100)} == {200}


def test_the_rate_is_a_setting(tmp_path: Path) -> None:
    with small(tmp_path / "few", USERS, rate_limit=6) as server:
        lee = server.cookie("lee")
        codes = [server("GET", "/api/v1/me", cookie=lee).status_code for _ in range(3)]
        assert codes == [200] * 2 + [429]  # 6 a minute, a third of them at once
        # One request was the sign-in; the limit of an address is four times as high.
        codes = [server("GET", "/healthz").status_code for _ in range(5)]
        assert codes == [200] * 4 + [429]
    with small(tmp_path / "any", USERS, rate_limit=0) as server:
        lee = server.cookie("lee")
        assert {server("GET", "/api/v1/me", cookie=lee).status_code for _ in range(100)} == {200}
        assert server.security.by_address.wait_s("127.0.0.1") == 0
    settings = ServeSettings(folder=tmp_path)
    assert settings.rate_limit == 1200


def test_strangers_do_not_use_up_the_rate_of_the_users_at_their_address(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        lee = server.cookie("lee")
        object.__setattr__(server.security, "by_address", Rate(60, 5, clock=lambda: 0.0))
        codes = [server("GET", "/healthz").status_code for _ in range(6)]
        assert codes == [200] * 5 + [429]
        codes = [server("GET", "/api/v1/me", cookie=lee).status_code for _ in range(6)]
        assert codes == [200] * 5 + [429]  # as many again: a cookie may be made up


def test_one_address_does_not_use_up_the_server(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        object.__setattr__(server.security, "by_address", Rate(60, 5, clock=lambda: 0.0))
        codes = [server("GET", "/healthz").status_code for _ in range(6)]
        assert codes == [200] * 5 + [429]
        assert server("GET", "/healthz", address="10.0.0.9").status_code == 200
        assert server.sign_in("lee").status_code == 429
