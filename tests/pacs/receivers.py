"""A Storage SCP in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pneumoscope.pacs.config import DiskLimits, ReceiverSettings
from pneumoscope.pacs.receiver import Receiver
from pneumoscope.pacs.spool import Spool

LOCAL = ReceiverSettings(port=0, association_s=5, idle_s=5)
GRACE_S = 5.0


@dataclass
class Running:
    """A receiver in this process."""

    receiver: Receiver
    spool: Spool
    reports: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.receiver.port

    def reported(self, what: str) -> list[dict[str, Any]]:
        return [details for name, details in self.reports if name == what]


@contextmanager
def running(folder: Path, settings: ReceiverSettings = LOCAL) -> Iterator[Running]:
    reports: list[tuple[str, dict[str, Any]]] = []
    spool = Spool(folder / "spool", DiskLimits(10**9, 0))
    receiver = Receiver(settings, spool, lambda *report: reports.append(report))
    thread = threading.Thread(target=receiver.serve)
    thread.start()
    try:
        yield Running(receiver, spool, reports)
    finally:
        receiver.stop(GRACE_S)
        thread.join()
