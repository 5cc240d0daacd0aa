"""Who gets in: hosts, origins, roles, sizes, headers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from in_process import HERE, PASSWORD, Served, awaited, small
from pneumoscope.serve.problems import MEDIA_TYPE
from pneumoscope.serve.security import guard
from pneumoscope.serve.security.accounts import User
from pneumoscope.serve.security.dependencies import require
from pneumoscope.serve.security.headers import CSP, FIXED
from pneumoscope.serve.security.refusals import NotThisRole
from pneumoscope.serve.security.tokens import SCOPES

USERS = {"vera": "viewer", "otto": "operator", "ada": "admin"}
EVIL = "https://evil.example"


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
    tmp_path: Path, method: str, origin: str | None, headers: dict[str, str], passes: bool
) -> None:
    with small(tmp_path, USERS) as server:
        answer = server(
            method,
            "/api/v1/predictions",
            cookie=server.cookie("otto"),
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
    tmp_path: Path, origin: str | None, headers: dict[str, str], code: int
) -> None:
    with small(tmp_path) as server:
        answer = server("POST", "/api/v1/predictions", origin=origin, headers=headers)
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
@pytest.mark.parametrize("users", [{}, USERS])
def test_other_names_for_this_server_are_refused(
    tmp_path: Path, users: dict[str, str], host: str, code: int
) -> None:
    with small(tmp_path, users) as server:
        assert server("GET", "/healthz", headers={"Host": host}).status_code == code


def test_of_two_hosts_or_origins_none_is_believed(tmp_path: Path) -> None:
    with small(tmp_path) as server:
        for name, first in (("Host", "127.0.0.1:8000"), ("Origin", HERE)):
            sent = [(name, first), (name, "evil.example")]
            answer = server("POST", "/api/v1/predictions", origin=None, headers=sent)
            assert answer.status_code == (400 if name == "Host" else 403)


@pytest.mark.parametrize("users", [{}, USERS])
@pytest.mark.parametrize(
    ("site", "code"),
    [(None, 200), ("none", 200), ("same-origin", 200), ("same-site", 403), ("cross-site", 403)],
)
def test_pages_of_other_sites_do_not_even_make_the_server_work(
    tmp_path: Path, users: dict[str, str], site: str | None, code: int
) -> None:
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    with small(tmp_path, users) as server:
        cookie = server.cookie("otto") if users else None
        for path in ("/api/v1/things/1", "/metrics"):
            assert server("GET", path, cookie=cookie, headers=headers).status_code == code
        # The page itself may be linked to, and a watchdog asks from anywhere.
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
    tmp_path: Path, method: str, path: str, code: int
) -> None:
    with small(tmp_path, USERS) as server:
        origin = None if method == "TRACE" else "own"
        assert server(method, path, origin=origin).status_code == code


@pytest.mark.parametrize(
    ("name", "codes"),
    [("vera", (200, 403, 403)), ("otto", (200, 200, 200)), ("ada", (200, 200, 200))],
)
def test_roles(tmp_path: Path, name: str, codes: tuple[int, ...]) -> None:
    with small(tmp_path, USERS) as server:
        cookie = server.cookie(name)
        asked = (
            server("GET", "/api/v1/things/1", cookie=cookie),
            server("POST", "/api/v1/predictions", cookie=cookie),
            server("DELETE", "/api/v1/predictions", cookie=cookie),
        )
        assert tuple(answer.status_code for answer in asked) == codes
        assert server("DELETE", "/api/v1/session", cookie=cookie).status_code == 204


def test_require_is_a_dependency_for_single_routes() -> None:
    vera = User("1", "vera", "viewer")
    ada = User("2", "ada", "admin")
    assert awaited(require("admin"), ada) is ada
    with pytest.raises(NotThisRole, match="viewer"):
        awaited(require("operator"), vera)


def _checked_headers(server: Served) -> None:
    for method, path in (
        ("GET", "/healthz"), ("GET", "/api/v1/me"), ("GET", "/no/such/place"),
        ("GET", "/api/v1/broken"), ("POST", "/api/v1/session"), ("GET", "/metrics"),
    ):  # fmt: skip
        answer = server(method, path)
        for name, value in FIXED.items():
            assert answer.headers[name] == value, (path, name)
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize("users", [{}, USERS])
def test_every_answer_has_the_security_headers(tmp_path: Path, users: dict[str, str]) -> None:
    with small(tmp_path, users) as server:
        _checked_headers(server)
        foreign = server("GET", "/healthz", headers={"Host": "evil.example"})
        assert foreign.headers["content-security-policy"] == CSP


def test_the_content_security_policy_is_strict() -> None:
    policy = dict(part.split(" ", 1) for part in CSP.split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    for sign in ("unsafe", "*", "http:", "https:", "data:"):
        assert sign not in CSP


def test_no_other_site_is_let_in_by_cors(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        asking = {"Origin": EVIL, "Access-Control-Request-Method": "DELETE"}
        answer = server("OPTIONS", "/api/v1/predictions", origin=None, headers=asking)
        assert answer.status_code in (401, 405)
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_browsers_insist_on_tls_only_with_a_real_certificate(tmp_path: Path) -> None:
    from pneumoscope.serve.security import tls

    with small(tmp_path, tls_self_signed=True) as server:
        assert "strict-transport-security" not in server("GET", "/healthz").headers
    pair = tmp_path / "tls" / "cert.pem", tmp_path / "tls" / "key.pem"
    assert tls.context(*pair)
    with small(tmp_path, tls_cert=pair[0], tls_key=pair[1]) as server:
        answer = server("GET", "/healthz")
        assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_an_error_tells_strangers_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with small(tmp_path) as server:
        answer = server("GET", "/api/v1/broken?name=DOE")
    assert answer.status_code == 500
    assert "on purpose" not in answer.text
    assert "Traceback" not in answer.text
    assert "GET /api/v1/broken failed" in caplog.text
    assert "DOE" not in caplog.text


def test_a_body_is_limited_by_what_it_says(tmp_path: Path) -> None:
    with small(tmp_path) as server:
        object.__setattr__(server.security, "upload_bytes", 100_000)
        assert server("POST", "/api/v1/things", content=b"x" * 65_536).json() == {"bytes": 65_536}
        assert server("POST", "/api/v1/things", content=b"x" * 65_537).status_code == 413
        assert server("POST", "/api/v1/predictions", content=b"x" * 100_000).status_code == 200
        assert server("POST", "/api/v1/predictions", content=b"x" * 100_001).status_code == 413


@pytest.mark.parametrize("length", ["-1", "x", "1e9", "\u0663"])
def test_a_length_that_is_no_number_is_refused(tmp_path: Path, length: str) -> None:
    with small(tmp_path) as server:
        sent = {b"Content-Length": length.encode()}
        assert server("POST", "/api/v1/things", headers=sent).status_code == 400  # type: ignore[arg-type]


def test_a_body_that_says_nothing_is_limited_too(tmp_path: Path) -> None:
    taken: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        for number in range(1000):
            taken.append(number)
            yield b"x" * 1024

    with small(tmp_path) as server:
        answer = server("POST", "/api/v1/things", content=endless())
    assert answer.status_code == 413
    assert len(taken) <= 66  # stopped at the limit, not at the end


def test_strangers_send_no_body(tmp_path: Path) -> None:
    taken: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        for number in range(1000):
            taken.append(number)
            yield b"x" * 1024

    with small(tmp_path, USERS) as server:
        assert server("POST", "/api/v1/predictions", content=endless()).status_code == 401
    assert taken == []


def test_a_body_that_stops_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(guard, "BODY_IDLE_S", 0.05)

    async def halting() -> AsyncIterator[bytes]:
        yield b"x"
        await anyio.sleep_forever()
        yield b"x"

    with small(tmp_path) as server:
        assert server("POST", "/api/v1/things", content=halting()).status_code == 408


def test_before_the_server_is_ready_the_door_is_shut(tmp_path: Path) -> None:
    with small(tmp_path) as server:
        security, server.app.state.security = server.app.state.security, None
        assert server("GET", "/api/v1/me").status_code == 503
        server.app.state.security = security
        assert server("GET", "/api/v1/me").status_code == 200


def test_there_are_no_websockets(tmp_path: Path) -> None:
    sent: list[dict[str, object]] = []

    async def ask(app: object) -> None:
        async def receive() -> dict[str, object]:
            return {"type": "websocket.connect"}

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": "/api/v1/me", "headers": [], "app": app}
        await server.app(scope, receive, send)  # type: ignore[arg-type]

    with small(tmp_path) as server:
        server.portal.call(ask, server.app)
    assert sent == [{"type": "websocket.close", "code": 1008}]
