"""Servers that keep their client waiting, a byte at a time."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

_PAUSE_S = 0.01
_MOST_S = 20.0
"""The server ends by then, also if its client waits without end."""


@contextlib.contextmanager
def again_and_again(
    act: Callable[[socket.socket], None], again: Callable[[socket.socket], None]
) -> Iterator[str]:
    """The URL of a server that does one thing with its only connection, and another one again and again.

    Its client must not wait for its end.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    over, waited_for = threading.Event(), list[socket.socket]()

    def serve() -> None:
        with listener, contextlib.suppress(OSError):
            line, _ = listener.accept()
            with line:
                act(line)
                for _ in range(int(_MOST_S / _PAUSE_S)):
                    again(line)
                    if over.wait(_PAUSE_S):
                        return
                waited_for.append(line)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        thread.join(60)
    assert not waited_for


def dripping(*first: bytes) -> contextlib.AbstractContextManager[str]:
    """A server that answers with these, one for each request, and then drips a head."""

    def answer(line: socket.socket) -> None:
        for each in (*first, b"HTTP/1.1 200 OK\r\nX: "):
            line.recv(65536)
            line.sendall(each)

    return again_and_again(answer, lambda line: line.sendall(b"x"))
