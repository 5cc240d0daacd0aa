"""Bodies have limits, and nothing passes before the server is ready."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy.exc import OperationalError

from in_process import CHEAP, PASSWORD, small
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.security import guard
from pneumoscope.serve.settings import ConnectionLimits, ServeSettings

USERS = {"vera": "viewer", "otto": "operator", "ada": "admin"}


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


def test_a_body_that_stops_is_given_up(tmp_path: Path) -> None:
    async def halting() -> AsyncIterator[bytes]:
        yield b"x"
        await anyio.sleep_forever()
        yield b"x"

    with small(tmp_path, connection_limits=ConnectionLimits(body_s=0.05)) as server:
        assert server("POST", "/api/v1/things", content=halting()).status_code == 408


def test_a_body_that_drips_is_given_up(tmp_path: Path) -> None:
    sent: list[int] = []

    async def dripping() -> AsyncIterator[bytes]:
        for number in range(100):
            sent.append(number)
            await anyio.sleep(0.02)
            yield b"x"

    with small(tmp_path, connection_limits=ConnectionLimits(body_s=0.1)) as server:
        answer = server("POST", "/api/v1/session", content=dripping())
    assert answer.status_code == 408
    assert len(sent) < 20
    assert answer.headers["connection"] == "close"


def test_the_application_starts_when_a_small_body_is_complete(tmp_path: Path) -> None:
    pieces: list[dict[str, Any]] = []
    started: list[tuple[int, dict[str, Any]]] = []

    async def receive() -> dict[str, Any]:
        pieces.append({"type": "http.request", "body": b"x" * size, "more_body": len(pieces) < 3})
        return pieces[-1]

    async def application(_scope: object, receive_: Any, _send: object) -> None:
        started.append((len(pieces), await receive_()))

    async def ask(path: str) -> None:
        scope = {
            "type": "http", "method": "POST", "path": path, "query_string": b"", "app": server.app,
            "headers": [(b"host", b"127.0.0.1:8000"), (b"transfer-encoding", b"chunked")],
            "scheme": "http", "client": ("127.0.0.1", 50000), "http_version": "1.1",
        }  # fmt: skip
        trial = guard.Guard(application, limits=ConnectionLimits())  # type: ignore[arg-type]
        await trial(scope, receive, receive)  # type: ignore[arg-type]

    with small(tmp_path) as server:
        size = 5
        server.portal.call(ask, "/api/v1/things")
        pieces.clear()
        size = 60_000
        server.portal.call(ask, "/api/v1/predictions")
    whole = {"type": "http.request", "body": b"x" * 20, "more_body": False}
    # Of a long body, only the beginning is awaited.
    beginning = {"type": "http.request", "body": b"x" * 120_000, "more_body": True}
    assert started == [(4, whole), (2, beginning)]


def test_a_body_that_is_long_has_more_time(tmp_path: Path) -> None:
    async def steady() -> AsyncIterator[bytes]:
        for _ in range(10):
            await anyio.sleep(0.06)
            yield b"x" * 1000

    quick = ConnectionLimits(body_s=0.5, client_bytes_per_s=1000)
    with small(tmp_path, connection_limits=quick) as server:
        assert server("POST", "/api/v1/things", content=steady()).json() == {"bytes": 10_000}


def test_who_is_refused_loses_the_connection(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        refused = server("GET", "/api/v1/things/1")
        assert (refused.status_code, refused.headers["connection"]) == (401, "close")
        assert "connection" not in server("GET", "/healthz").headers


def test_a_client_that_leaves_is_no_failure_of_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[dict[str, object]] = []

    async def ask(app: object) -> None:
        async def receive() -> dict[str, object]:
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/api/v1/things", "query_string": b"", "app": app,
            "headers": [(b"host", b"127.0.0.1:8000"), (b"content-length", b"9")], "scheme": "http",
            "client": ("127.0.0.1", 50000), "http_version": "1.1",
        }  # fmt: skip
        await server.app(scope, receive, send)  # type: ignore[arg-type]

    with small(tmp_path) as server:
        server.portal.call(ask, server.app)
    assert sent[0]["status"] == 400
    assert not caplog.records


def test_before_the_server_is_ready_nothing_passes(tmp_path: Path) -> None:
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


def test_without_a_database_the_answer_is_503(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception("connection refused"))

    with small(tmp_path, USERS) as server:
        cookie = server.cookie("otto")
        monkeypatch.setattr(server.security.sessions, "find", away)
        answer = server("GET", "/api/v1/things/1", cookie=cookie)
        assert (answer.status_code, answer.json()["code"]) == (503, "NoDatabase")
        assert answer.headers["retry-after"]
        assert "refused" not in answer.text
    with small(tmp_path / "open") as server:
        monkeypatch.setattr(server.security.accounts, "any", away)
        assert server("GET", "/api/v1/things/1").status_code == 503


def test_the_first_account_closes_a_running_server_at_once(tmp_path: Path) -> None:
    with small(tmp_path) as server:
        assert server("GET", "/api/v1/things/1").status_code == 200
        administration = open_administration(ServeSettings(folder=tmp_path))
        administration.accounts.hasher = CHEAP
        administration.add_user("otto", PASSWORD, "operator")
        administration.store.close()
        assert server("GET", "/api/v1/things/1").status_code == 401
        assert server("GET", "/api/v1/me").status_code == 401
        cookie = server.cookie("otto")
        assert server("GET", "/api/v1/things/1", cookie=cookie).status_code == 200
