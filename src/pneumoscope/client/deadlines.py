"""The time in which a server must have taken a request and begun its answer, or sent a part of its body.

httpx limits each pause only: a server that takes a byte now and then, or whose head comes byte by byte,
would keep a client waiting without end.

With a proxy at an ``https://`` address, TLS runs within TLS: one read of the inner connection may take
several of the outer one, each up to the time that was left at its start. So a proxy that drips can
pass the deadline there.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PIECE = 65536
"""Bytes that are written at once; the system takes or refuses them almost as a whole."""
_NEW_STREAM = (".connect_tcp.complete", ".start_tls.complete")


class Deadline:
    """The deadline of the request that a thread is sending, if any. Safe to share between threads."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """In this block, what this thread sends and receives takes at most these seconds.

        Raises:
            TimeoutError: It takes longer.
        """
        self._of_thread.until = until = time.monotonic() + seconds
        try:
            yield
        except Exception as error:
            if time.monotonic() >= until:
                raise TimeoutError from error
            raise
        finally:
            self._of_thread.until = None

    def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Extension ``trace`` of a request: it limits the streams that are opened for it."""
        if event.endswith(_NEW_STREAM):
            stream = info["return_value"]
            stream.read = partial(self._read, stream.read)
            stream.write = partial(self._write, stream.write)

    def _read(
        self, read: Callable[..., bytes], max_bytes: int, timeout: float | None = None
    ) -> bytes:
        return read(max_bytes, self._left(timeout))

    def _write(
        self, write: Callable[..., None], buffer: bytes, timeout: float | None = None
    ) -> None:
        for start in range(0, len(buffer), _PIECE):
            write(buffer[start : start + _PIECE], self._left(timeout))

    def _left(self, timeout: float | None) -> float | None:
        until = getattr(self._of_thread, "until", None)
        if until is None:
            return timeout
        left: float = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left if timeout is None else min(timeout, left)
