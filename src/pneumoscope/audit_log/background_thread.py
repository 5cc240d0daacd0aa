"""A thread that runs only while there is something to do."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)


class BackgroundThread:
    """A thread that ends when nothing is left to do; a normal end of the process waits for it.

    Args:
        name: Of the thread.
        work: Does what is due; called in the thread, again and again. It must not raise.
        is_due: Whether something is left to do.
    """

    def __init__(self, name: str, work: Callable[[], object], is_due: Callable[[], bool]) -> None:
        self._name = name
        self._work = work
        self._is_due = is_due
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Starts the thread unless it runs; call it after something has become due."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name=self._name)
                try:
                    thread.start()
                except RuntimeError as error:  # too many threads; the next call starts it
                    _log.error("%s: what is due waits: %s", self._name, error)
                else:
                    self._thread = thread

    def settle(self) -> None:
        """Waits until everything is done."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            self._work()
            with self._lock:
                if not self._is_due():
                    self._thread = None
                    return
