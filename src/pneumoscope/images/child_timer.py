"""A timer that ends a child process which does not answer in time: one thread for all children.

A thread for each film took half of the processor time that the parent needs for a film of 224 pixels.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)


class _Watch:
    """Calls functions whose time has come, unless they were taken back. Safe to share between threads."""

    def __init__(self) -> None:
        """Starts nothing yet: the thread starts with the first function."""
        self._changed = threading.Condition()
        self._due: dict[threading.Event, tuple[float, Callable[[], object]]] = {}
        self._thread: threading.Thread | None = None
        self._looks_at = math.inf
        """When the thread looks again: often at a time whose function was taken back, so not for each film."""

    def add(self, late: threading.Event, time_s: float, end: Callable[[], object]) -> None:
        """Calls ``end`` after this many seconds, once ``late`` is set."""
        at = time.monotonic() + time_s
        with self._changed:
            self._due[late] = (at, end)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="child timer", daemon=True)
                self._thread.start()
            elif at < self._looks_at:
                self._changed.notify()

    def remove(self, late: threading.Event) -> None:
        """Takes a function back; it is not called any more, nor still running."""
        with self._changed:
            self._due.pop(late, None)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for late in [late for late, (at, _) in self._due.items() if at <= now]:
                    _, end = self._due.pop(late)
                    late.set()
                    try:
                        end()
                    except Exception:  # noqa: BLE001 (the others must be ended all the same)
                        _log.exception("a child that is late could not be ended")
                self._looks_at = min((at for at, _ in self._due.values()), default=math.inf)
                left_s = None if math.isinf(self._looks_at) else self._looks_at - time.monotonic()
                self._changed.wait(left_s)


_watch = _Watch()


def _renew() -> None:
    """A process that was forked has none of its parent's threads."""
    global _watch
    _watch = _Watch()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


@contextmanager
def killed_after(time_s: float, kill: Callable[[], object]) -> Iterator[threading.Event]:
    """Ends a child unless the block ends first; the event says whether it did.

    Args:
        time_s: Seconds.
        kill: Ends the child, at once; a child that was closed meanwhile is left alone.
    """
    late = threading.Event()

    def end() -> None:
        with suppress(ValueError):
            kill()

    _watch.add(late, time_s, end)
    try:
        yield late
    finally:
        _watch.remove(late)
