"""Which requests are admitted: hosts, origins, roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from in_process import HERE, PASSWORD, Served, small
from pneumoscope.serve.security.tokens import SCOPES

USERS = {"vera": "viewer", "otto": "operator", "ada": "admin"}
EVIL = "https://evil.example"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[bool, Served]]:
    """A server without and one with users, for requests that change nothing on them."""
    with (
        small(tmp_path_factory.mktemp("open")) as without,
        small(tmp_path_factory.mktemp("closed"), USERS) as with_users,
    ):
        yield {False: without, True: with_users}


@pytest.fixture
def guarded(servers: Mapping[bool, Served]) -> Served:
    return servers[True]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("origin", "headers", "passes"),
    [
        ("own", {}, True),
        (EVIL, {}, False),
        ("null", {}, False),
        ("https://127.0.0.1:8000", {}, False),  # another scheme
        ("http://127.0.0.1:8001", {}, False),  # another port
        ("http://localhost:8000", {}, False),  # another name
        (f"{HERE}.evil.example", {}, False),
        ("", {}, False),
        (None, {}, False),
        (None, {"Sec-Fetch-Site": "cross-site"}, False),
        (None, {"Referer": f"{HERE}/"}, False),
    ],
)
def test_with_a_cookie_only_the_own_page_changes_anything(
    guarded: Served, method: str, origin: str | None, headers: dict[str, str], passes: bool
) -> None:
    answer = guarded(
        method,
        "/api/v1/predictions",
        cookie=guarded.cookie("otto"),
        origin=origin,
        headers=headers,
    )
    assert answer.status_code == (200 if passes else 403)
    if not passes:
        assert answer.json()["code"] == "WrongOrigin"


def test_signing_in_from_another_page_is_refused(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        assert server.sign_in("otto", origin=EVIL).status_code == 403
        assert server.sign_in("otto", origin=None).status_code == 403


@pytest.mark.parametrize(
    ("origin", "headers", "code"),
    [
        (None, {}, 200),  # curl
        ("own", {"Sec-Fetch-Site": "same-origin"}, 200),
        (EVIL, {"Sec-Fetch-Site": "cross-site"}, 403),
        (EVIL, {}, 403),
        ("null", {}, 403),
        (None, {"Sec-Fetch-Site": "cross-site"}, 403),
        (None, {"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_without_accounts_no_other_page_gets_in_either(
    servers: Mapping[bool, Served], origin: str | None, headers: dict[str, str], code: int
) -> None:
    answer = servers[False]("POST", "/api/v1/predictions", origin=origin, headers=headers)
    assert answer.status_code == code


def test_a_token_needs_no_origin_but_a_foreign_one_is_refused(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        user = server.security.accounts.check("otto", "four quiet herons waiting")
        assert user is not None
        token, _ = server.security.tokens.add(user, "batch", ["predict"])
        assert server("POST", "/api/v1/predictions", token=token).status_code == 200
        answer = server("POST", "/api/v1/predictions", token=token, headers={"Origin": EVIL})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1:8000", 200), ("localhost:8000", 200), ("LOCALHOST", 200), ("[::1]:8000", 200),
        ("evil.example", 400), ("127.0.0.1.evil.example", 400), ("localhost.evil.example:8000", 400),
        ("[::2]:8000", 400), ("", 400), ("localhost@evil.example", 400),
        ("localhost:8000/healthz?", 400), ("localhost:8000@evil.example", 400), ("localhost:", 400),
        ("localhost:8000#", 400), ("[::1", 400), ("localhost:x", 400),
    ],
)  # fmt: skip
@pytest.mark.parametrize("users", [False, True])
def test_other_names_for_this_server_are_refused(
    servers: Mapping[bool, Served], users: bool, host: str, code: int
) -> None:
    assert servers[users]("GET", "/healthz", headers={"Host": host}).status_code == code


def test_of_two_hosts_or_origins_none_is_believed(tmp_path: Path) -> None:
    with small(tmp_path) as server:
        for name, first in (("Host", "127.0.0.1:8000"), ("Origin", HERE)):
            sent = [(name, first), (name, "evil.example")]
            answer = server("POST", "/api/v1/predictions", origin=None, headers=sent)
            assert answer.status_code == (400 if name == "Host" else 403)


@pytest.mark.parametrize("users", [False, True])
@pytest.mark.parametrize(
    ("site", "code"),
    [(None, 200), ("none", 200), ("same-origin", 200), ("same-site", 403), ("cross-site", 403)],
)
def test_pages_of_other_sites_do_not_even_make_the_server_work(
    servers: Mapping[bool, Served], users: bool, site: str | None, code: int
) -> None:
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    server = servers[users]
    cookie = server.cookie("otto") if users else None
    for path in ("/api/v1/things/1", "/metrics"):
        assert server("GET", path, cookie=cookie, headers=headers).status_code == code
    # Other sites may link to the page, and monitoring may ask from anywhere.
    assert server("GET", "/healthz", headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_methods_that_nobody_thought_of_are_not_open_to_tokens(tmp_path: Path, method: str) -> None:
    with small(tmp_path, USERS) as server:
        user = server.security.accounts.check("otto", PASSWORD)
        assert user is not None
        token, _ = server.security.tokens.add(user, "batch", list(SCOPES))
        assert server(method, "/api/v1/predictions", token=token).json()["code"] == "NoScope"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/api/v1/me", 401),
        ("GET", "/api/v1/things/1", 401),
        ("POST", "/api/v1/predictions", 401),
        ("DELETE", "/api/v1/predictions", 401),
        ("GET", "/metrics", 401),
        ("GET", "/api/v1/openapi.json", 401),
        ("GET", "/no/such/place", 401),
        ("GET", "/static/../api/v1/me", 401),
        ("GET", "//api/v1/me", 401),
        ("GET", "/API/V1/ME", 401),
        ("POST", "/healthz", 401),
        ("TRACE", "/healthz", 403),
    ],
)
def test_everything_is_closed_to_strangers_but_the_public_places(
    guarded: Served, method: str, path: str, code: int
) -> None:
    origin = None if method == "TRACE" else "own"
    assert guarded(method, path, origin=origin).status_code == code


@pytest.mark.parametrize(
    ("name", "codes"),
    [("vera", (200, 403, 403)), ("otto", (200, 200, 200)), ("ada", (200, 200, 200))],
)
def test_roles(tmp_path: Path, name: str, codes: tuple[int, ...]) -> None:
    with small(tmp_path, USERS) as server:
        cookie = server.cookie(name)
        answers = (
            server("GET", "/api/v1/things/1", cookie=cookie),
            server("POST", "/api/v1/predictions", cookie=cookie),
            server("DELETE", "/api/v1/predictions", cookie=cookie),
        )
        assert tuple(answer.status_code for answer in answers) == codes
        assert server("DELETE", "/api/v1/session", cookie=cookie).status_code == 204
