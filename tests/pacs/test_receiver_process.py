"""The process of the Storage SCP: it is limited, ends with the node, and is started again if it dies."""

from __future__ import annotations

import os
import queue
import signal
import struct
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Pipe
from pathlib import Path
from types import SimpleNamespace
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

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]
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


@pytest.mark.filterwarnings("ignore:The value:UserWarning")  # that it is too long for its VR
def test_a_receiver_is_ended_by_no_text_and_started_again_at_the_same_port_if_killed(
    tmp_path: Path,
) -> None:
    messages: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
    process = ReceiverProcess(task(tmp_path), lambda *message: messages.put(message))
    try:
        port = process.port
        assert send(port, [sent(1, PatientID="X" * 70_000)]) == [0]
        what, details = messages.get(timeout=PATIENCE_S)
        assert (what, details["study"], len(details["patient"])) == ("stored", "1.2.3.5.1", 256)
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


def garbage(child: Any) -> None:
    """Sends what no receiver sends, one message after a proper one, and closes."""
    for data in (b"", b"{", b"\xff\xfe", b"[" * 50_000, b"[]", b"null", b'{"what": "x"}', b'"x"'):
        child.send_bytes(data)
    child.send_bytes(b'{"what": "stored", "details": {}}')
    child.close()


def test_garbage_from_the_receiver_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: queue.Queue[str] = queue.Queue()
    started: list[Any] = []
    ended = SimpleNamespace(pid=1, join=lambda _s=None: None, kill=lambda: None)

    def start(_task: ReceiverTask) -> tuple[Any, Any, int]:
        pipe, child = Pipe()
        started.append(child)
        return ended, pipe, 11112

    monkeypatch.setattr("pneumoscope.pacs.receiver_process._start", start)
    process = ReceiverProcess(task(tmp_path), lambda what, _details: messages.put(what))
    garbage(started[0])
    assert messages.get(timeout=PATIENCE_S) == "stored"
    assert messages.get(timeout=PATIENCE_S) == "restarted"
    # A message that claims 2 GiB is not waited for.
    os.write(started[1].fileno(), struct.pack("!i", 2**31 - 1))
    assert messages.get(timeout=PATIENCE_S) == "restarted"
    started[2].close()
    process.stop()


@pytest.mark.parametrize("answer", [b"", b"[]", b"[" * 50_000, b'{"port": "x"}', b"\xff"])
def test_a_first_answer_that_is_damaged_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    class Child:
        def __init__(self, args: tuple[ReceiverTask, Any], **_options: Any) -> None:
            self.pipe = args[1]

        def start(self) -> None:
            self.pipe.send_bytes(answer)

        def join(self, _timeout_s: float | None = None) -> None: ...

        def kill(self) -> None: ...

    context = SimpleNamespace(Pipe=Pipe, Process=Child)
    monkeypatch.setattr(
        "pneumoscope.pacs.receiver_process.multiprocessing.get_context", lambda _way: context
    )
    with pytest.raises(UsageError, match="does not start: its answer is damaged"):
        ReceiverProcess(task(tmp_path), lambda *_: None)
