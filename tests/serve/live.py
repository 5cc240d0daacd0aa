"""A running server with real sockets, for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pneumoscope.serve.app import create_app
from pneumoscope.serve.services import Services
from pneumoscope.serve.settings import ServeSettings

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class ReadyServer(uvicorn.Server):
    """Sets an event when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @property
    def port(self) -> int:
        number: int = self.servers[0].sockets[0].getsockname()[1]
        return number


@dataclass
class Live:
    """A server and a client of it."""

    app: FastAPI
    client: httpx.Client
    server: ReadyServer
    thread: threading.Thread

    @property
    def services(self) -> Services:
        services = self.app.state.services
        assert isinstance(services, Services)
        return services

    @property
    def url(self) -> str:
        return str(self.client.base_url).rstrip("/")

    def send(self, *films: tuple[str, bytes], **more: Any) -> httpx.Response:
        files = [("files", film) for film in films]
        return self.client.post("/api/v1/predictions", files=files, **more)

    def read(self, *films: tuple[str, bytes], **fields: str) -> list[dict[str, Any]]:
        answer = self.send(*films, data=fields)
        assert answer.status_code == 200, answer.text
        records: list[dict[str, Any]] = answer.json()["predictions"]
        return records

    def events(self, job: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        with self.client.stream("GET", f"/api/v1/jobs/{job}/events") as stream:
            yield from parsed(stream)

    def finished(self, job: str) -> dict[str, Any]:
        """Waits for the end of a job, and returns it with its films."""
        assert [name for name, _ in self.events(job)][-1] == "end"
        ended: dict[str, Any] = self.client.get(f"/api/v1/jobs/{job}").json()
        return ended


def parsed(stream: httpx.Response) -> Iterator[tuple[str, Mapping[str, Any]]]:
    import json

    name = ""
    for line in stream.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def below(app: ASGIApp, prefix: str) -> ASGIApp:
    """What a proxy does that serves an application below a path: it strips the path."""

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif scope["path"].startswith(f"{prefix}/"):
            paths = {"path": scope["path"].removeprefix(prefix), "raw_path": None}
            await app({**scope, **paths}, receive, send)
        else:
            await Response(status_code=404)(scope, receive, send)

    return proxy


def page_headers(app: ASGIApp) -> ASGIApp:
    """Gives pages a stricter content policy, and lets a browser keep their files."""

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["path"].endswith(("/", "/login")):
                    headers["Content-Security-Policy"] = CSP
                elif "/static/" in scope["path"]:
                    headers["Cache-Control"] = "max-age=3600"
            await send(message)

        await app(scope, receive, send_changed)

    return changed


@contextmanager
def serving(settings: ServeSettings, prefix: str = "") -> Iterator[Live]:
    app = create_app(settings)
    with listening(page_headers(below(app, prefix)), access_log=False) as (server, thread):
        url = f"http://127.0.0.1:{server.port}{prefix}"
        # It is HTTP: to load the certificates of all authorities takes longer than most tests.
        with httpx.Client(base_url=url, timeout=60, verify=False) as client:
            yield Live(app, client, server, thread)


@contextmanager
def listening(app: ASGIApp, **options: Any) -> Iterator[tuple[ReadyServer, threading.Thread]]:
    """Runs an application on a free port of this machine, with uvicorn's options."""
    server = ReadyServer(
        uvicorn.Config(app, port=0, log_level="critical", lifespan="on", **options)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.ready.wait(60)
        yield server, thread
    finally:
        server.should_exit = True
        thread.join(60)
    assert not thread.is_alive()
