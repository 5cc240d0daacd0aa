"""What ``pneumoscope watch`` prints: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING, Any

from pneumoscope.cli.terminal import report
from pneumoscope.render.serialise import prediction_from_json
from pneumoscope.render.visible import visible
from pneumoscope.render.wording import short
from pneumoscope.watch.watching import Listener

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.errors import PneumoscopeError
    from pneumoscope.watch.watching import WatchSettings


class WatchPrinter(Listener):
    """Prints a line for each film: of text, or of JSON."""

    def __init__(self, settings: WatchSettings, as_json: bool) -> None:
        self._settings = settings
        self._as_json = as_json
        self._lock = threading.Lock()

    def started(self) -> None:
        """See `Listener`."""
        ending = "" if self._settings.once else " (Ctrl-C to stop)"
        sources = ", ".join(self._settings.sources)
        self._note(f"watching {sources}{ending}; the queue is in {self._settings.folder}")

    def result(self, record: Mapping[str, Any], path: str) -> None:
        """See `Listener`."""
        verdict = short(prediction_from_json(record))
        self._line(f"{record['source']}: {verdict}  {path}", {**record, "result_file": path})

    def failed(self, name: str, error: PneumoscopeError) -> None:
        """See `Listener`."""
        with self._lock:
            report(error)
        if self._as_json:
            self._line("", {"source": name, "error": error.as_dict()})

    def repeated(self, name: str) -> None:
        """See `Listener`."""
        text = f"{name}: the same film was read before, perhaps under another name"
        self._line(text, {"source": name, "repeated": True})

    def trouble(self, error: PneumoscopeError) -> None:
        """See `Listener`."""
        with self._lock:
            report(error)
        self._note("This is tried again until it works.")

    def _line(self, text: str, record: Mapping[str, Any]) -> None:
        with self._lock:
            sys.stdout.write(f"{json.dumps(record) if self._as_json else visible(text)}\n")
            sys.stdout.flush()

    def _note(self, text: str) -> None:
        with self._lock:
            sys.stderr.write(f"{visible(text)}\n")
            sys.stderr.flush()
