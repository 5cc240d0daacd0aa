"""Asks the sources for new films again and again, each in its own thread."""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING

from pneumoscope.errors import PneumoscopeError
from pneumoscope.pacs import pauses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pneumoscope.pacs.pull.settings import PullSettings
    from pneumoscope.pacs.pull.sources import Source

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 600.0


class Polling:
    """Polls sources until it is stopped; after failures with growing pauses.

    Attributes:
        sources: The sources.
        failures: Polls that have failed in a row, by source.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        accept: Callable[[bytes], object],
        fetched: Callable[[PullSettings, bytes], object] = lambda _source, _film: None,
    ) -> None:
        """Starts nothing yet.

        Args:
            sources: The sources.
            accept: Takes the file of a film from any thread, see `Source.poll`.
            fetched: Called after each film that was accepted, with its source.
        """
        self.sources = tuple(sources)
        self.failures = {source.settings.name: 0 for source in sources}
        self._accept = accept
        self._fetched = fetched
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(source,), name=f"pull {source.settings.name}")
            for source in sources
        ]

    def start(self) -> None:
        """Starts a thread for each source."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the threads after the film that each of them is fetching."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self, source: Source) -> None:
        name = source.settings.name
        while not self._stopped.is_set():
            try:
                source.poll(partial(self._take, source.settings))
                self.failures[name] = 0
            except _Stopped:
                return
            except PneumoscopeError as error:
                self.failures[name] += 1
                _log.warning("pull: %s", error.message)
            except Exception:  # noqa: BLE001 (a thread that ended would fetch nothing any more)
                self.failures[name] += 1
                _log.exception("pull: %s failed", name)
            self._stopped.wait(pause_s(source.settings.interval_s, self.failures[name]))

    def _take(self, source: PullSettings, film: bytes) -> None:
        if self._stopped.is_set():
            raise _Stopped
        self._accept(film)
        self._fetched(source, film)


class _Stopped(Exception):
    """The node is shutting down: a film that was fetched stays in the source."""


def pause_s(interval_s: float, failures: int) -> float:
    """Seconds until the next poll: the interval, doubled by each failure in a row, with jitter.

    Args:
        interval_s: Seconds between two polls.
        failures: Polls that have failed, one after the other.
    """
    if not failures:
        return interval_s
    return pauses.pause_s(failures + 1, interval_s, max(interval_s, _LONGEST_PAUSE_S))
