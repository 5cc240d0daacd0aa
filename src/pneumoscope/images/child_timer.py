"""A timer that ends a child process which does not answer in time."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def killed_after(time_s: float, kill: Callable[[], object]) -> Iterator[threading.Event]:
    """Ends a child unless the block ends first; the event says whether it did.

    Args:
        time_s: Seconds.
        kill: Ends the child; a child that was closed meanwhile is left alone.
    """
    late = threading.Event()

    def end() -> None:
        late.set()
        with suppress(ValueError):
            kill()

    timer = threading.Timer(time_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
