"""The process of the Storage SCP: it is limited, ends with the node, and is started again if it dies."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from archives import unclosed_sockets
from pneumoscope.errors import UsageError
from pneumoscope.pacs.config import DiskLimits
from pneumoscope.pacs.receiver_process import ReceiverProcess, ReceiverTask
from pneumoscope.pacs.spool import Spool
from receivers import LOCAL
from sent_films import send, sent

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def _sockets() -> Iterator[None]:
    with unclosed_sockets():
        yield


def task(folder: Path) -> ReceiverTask:
    return ReceiverTask(
        receiver=LOCAL, disk=DiskLimits(10**8, 0), spool=folder / "spool",
        films=folder / "films", log="json",
    )  # fmt: skip


def test_a_receiver_that_is_killed_is_started_again_at_the_same_port(tmp_path: Path) -> None:
    messages: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
    process = ReceiverProcess(task(tmp_path), lambda *message: messages.put(message))
    try:
        port = process.port
        assert send(port, [sent(1)]) == [0]
        assert messages.get(timeout=PATIENCE_S)[0] == "stored"
        limits = Path(f"/proc/{process.pid}/limits")
        if limits.exists():
            (line,) = [x for x in limits.read_text().splitlines() if x.startswith("Max address")]
            assert 2**30 < int(line.split()[3]) < 8 * 2**30
        assert process.pid is not None
        os.kill(process.pid, signal.SIGTERM)  # of a service manager: the node decides
        os.kill(process.pid, signal.SIGKILL)
        assert messages.get(timeout=PATIENCE_S)[0] == "restarted"
        assert (process.port, process.restarts) == (port, 1)
        assert send(port, [sent(2)]) == [0]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1 port {port}"):
            ReceiverProcess(
                replace(task(tmp_path), receiver=replace(LOCAL, port=port)), lambda *_: None
            )
    finally:
        process.stop()
    assert send(port, [sent(3)]) == []
    assert len(Spool(tmp_path / "spool", DiskLimits()).films()) == 2
