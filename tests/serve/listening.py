"""A server on a socket, without an application."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from pneumoscope.serve.security import tls
from pneumoscope.serve.settings import ServeSettings


@contextmanager
def listening(settings: ServeSettings) -> Iterator[int]:
    """A server on loopback that reads the body, and answers with the scheme it sees."""

    async def app(scope: dict[str, str], receive: object, send: object) -> None:
        if scope["type"] == "http":
            while (await receive()).get("more_body"):  # type: ignore[operator]
                pass
            await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
            await send({"type": "http.response.body", "body": scope["scheme"].encode()})  # type: ignore[operator]

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
