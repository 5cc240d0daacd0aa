"""A server on a socket, without an application."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import uvicorn

from pneumoscope.serve.event_streams import EventStream, EventStreams
from pneumoscope.serve.security import tls
from pneumoscope.serve.settings import ServeSettings

LARGE = 24 * 2**20
"""Bytes of the answer to ``/large``: more than the system takes from a server without a reader."""


async def endless() -> AsyncIterator[str]:
    """Events of a job that never ends."""
    yield ": still here\n\n"
    await asyncio.Event().wait()


@contextmanager
def listening(settings: ServeSettings) -> Iterator[int]:
    """A server on loopback that reads the body, and answers with the scheme it sees.

    ``/refused`` is answered before the body is read; the answer to ``/events`` does not end.
    """

    async def app(scope: dict[str, str], receive: object, send: object) -> None:
        if scope["type"] == "http" and scope["path"] == "/events":
            await EventStream(endless(), EventStreams(), "ann")(scope, receive, send)  # type: ignore[arg-type]
        elif scope["type"] == "http":
            refused = scope["path"] == "/refused"
            while not refused and (await receive()).get("more_body"):  # type: ignore[operator]
                pass
            headers = [(b"connection", b"close")] if refused else []
            body = bytes(LARGE) if scope["path"] == "/large" else scope["scheme"].encode()
            status = 401 if refused else 200
            await send({"type": "http.response.start", "status": status, "headers": headers})  # type: ignore[operator]
            await send({"type": "http.response.body", "body": body})  # type: ignore[operator]

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, lifespan="off", log_level="critical", **tls.uvicorn_options(settings)
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
