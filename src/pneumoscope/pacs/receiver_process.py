"""The process of the Storage SCP: it is started, listened to, and started again when it dies.

Films come from outside, so the program that parses them has a limit on its memory and nothing to steal.
The two processes share the spool, and a pipe: the child sends what happened as JSON, never a pickle.
"""

from __future__ import annotations

import ctypes
import json
import logging
import multiprocessing
import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.pacs.logs import configure_logging

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from pneumoscope.pacs.config import DiskLimits, ReceiverSettings

_log = logging.getLogger(__name__)

_START_S = 60.0
_GRACE_S = 10.0
"""Seconds that associations get to end when the node stops."""
_RESTART_S = (0.1, 5.0)
"""Seconds before the first and the longest wait before another start, doubled in between."""
_STOP = b"stop"
_STACK_BYTES = 2**20
_M_ARENA_MAX = -8
"""Number of the setting in glibc's malloc.h."""
_MESSAGE_BYTES = 64 * 1024
"""Longest message: the child gets data from outside, and must not fill the memory of the node."""
_TEXT_LETTERS = 256
"""Longest text in a message: more than a UID, an AE title or a Patient ID may have, of which a sender can
make as long ones as it likes."""


@dataclass(frozen=True, slots=True)
class ReceiverTask:
    """What the child gets.

    Attributes:
        receiver: Settings of the Storage SCP.
        disk: How much disk may be used.
        spool: Folder of the spool.
        films: Folder of accepted films, which count too.
        log: Form of the lines of the log.
    """

    receiver: ReceiverSettings
    disk: DiskLimits
    spool: Path
    films: Path
    log: str


class ReceiverProcess:
    """The child, as the node sees it.

    Attributes:
        port: TCP port of the Storage SCP.
        restarts: How often the child died and was started again.
    """

    def __init__(self, task: ReceiverTask, report: Callable[[str, dict[str, Any]], None]) -> None:
        """Starts the child.

        Args:
            task: What it gets.
            report: Called in a thread with what the child reports, see `Receiver`.

        Raises:
            UsageError: It cannot listen; the message says why.
        """
        self._report = report
        self._stopping = threading.Event()
        self.restarts = 0
        self._child: Any
        self._pipe: Connection | None
        self._child, self._pipe, self.port = _start(task)
        # After a restart, senders must find it at the same port.
        self._task = replace(task, receiver=replace(task.receiver, port=self.port))
        self._thread = threading.Thread(target=self._listen, name="receiver", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """Process id of the child."""
        return self._child.pid if self._child is not None else None

    def stop(self) -> None:
        """Ends the child: associations get a moment to end."""
        self._stopping.set()
        pipe = self._pipe
        if pipe is not None:
            with suppress(OSError):
                pipe.send_bytes(_STOP)
        self._thread.join(_GRACE_S + 5)
        _end(self._child)

    def _listen(self) -> None:
        """Passes messages on until the child ends; then starts another one."""
        pause_s = _RESTART_S[0]
        while True:
            started = time.monotonic()
            self._pass_on()
            if self._stopping.is_set():
                return
            _log.error("the receiver died; it is started again")
            _end(self._child)
            self._child = self._pipe = None
            if time.monotonic() - started > 60:
                pause_s = _RESTART_S[0]
            while self._child is None:
                if self._stopping.wait(pause_s):
                    return
                pause_s = min(2 * pause_s, _RESTART_S[1])
                self._restart()

    def _pass_on(self) -> None:
        while self._pipe is not None:
            try:
                data = self._pipe.recv_bytes(_MESSAGE_BYTES)
            except (EOFError, OSError):
                return
            try:
                message = json.loads(data)
                self._report(message["what"], message["details"])
            except Exception as error:  # noqa: BLE001 (the next message must be read)
                _log.error("a message of the receiver was lost", exc_info=error)

    def _restart(self) -> None:
        try:
            self._child, self._pipe, _ = _start(self._task)
        except UsageError as error:
            _log.error("the receiver does not start: %s", error.message)
        else:
            self.restarts += 1
            self._report("restarted", {})


def _start(task: ReceiverTask) -> tuple[Any, Connection, int]:
    context = multiprocessing.get_context("spawn")
    pipe, child_pipe = context.Pipe()
    child = context.Process(target=_run, args=(task, child_pipe), name="receiver", daemon=True)
    child.start()
    child_pipe.close()
    message = _first_message(pipe)
    if "port" not in message:
        _end(child)
        pipe.close()
        raise UsageError(
            message.get("message") or f"the receiver does not start: {message.get('error')}",
            message.get("hint", "The lines above say why."),
        )
    return child, pipe, int(message["port"])


def _first_message(pipe: Connection) -> dict[str, Any]:
    """The port where the child listens, or the error for which it does not."""
    try:
        if not pipe.poll(_START_S):
            return {"error": "no answer"}
        message = json.loads(pipe.recv_bytes(_MESSAGE_BYTES))
    except (EOFError, OSError):
        return {"error": "it died"}
    except (ValueError, RecursionError):
        return {"error": "its answer is damaged"}
    is_port = isinstance(message, dict) and isinstance(message.get("port", 0), int)
    return message if is_port else {"error": "its answer is damaged"}


def _end(child: Any) -> None:
    if child is not None:
        child.join(1)
        child.kill()
        child.join()


def _run(task: ReceiverTask, pipe: Connection) -> None:
    """The child's main function."""
    # Service managers send signals to every process of a group; the parent decides when this one ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o077)
    configure_logging(task.log)
    from pneumoscope.pacs.receiver import Receiver
    from pneumoscope.pacs.spool import Spool

    writing = threading.Lock()

    def send(message: dict[str, Any]) -> None:
        with writing, suppress(OSError):  # the parent has gone: this process ends soon
            pipe.send_bytes(json.dumps(message).encode())

    def report(kind: str, details: dict[str, Any]) -> None:
        short = {k: v[:_TEXT_LETTERS] if isinstance(v, str) else v for k, v in details.items()}
        send({"what": kind, "details": short})

    try:
        spool = Spool(task.spool, task.disk, [task.films])
        receiver = Receiver(task.receiver, spool, report)
    except PneumoscopeError as error:
        send({"error": error.code} | error.as_dict())
        return
    _spare_address_space()
    _limit_memory(task.receiver.memory_bytes)
    threading.excepthook = _after_failure
    threading.Thread(target=receiver.serve, name="accepting", daemon=True).start()
    send({"port": receiver.port})
    with suppress(EOFError, OSError):  # the end of the parent closes the pipe
        pipe.recv_bytes()
    receiver.stop(_GRACE_S)
    logging.shutdown()
    os._exit(0)  # threads of pynetdicom may still wait for peers


def _after_failure(failure: threading.ExceptHookArgs) -> None:
    """Ends the process after a failure of a thread: its association would never end.

    What was acknowledged is on the disk, and senders send the rest again.
    """
    _log.error("a thread failed: %s", failure.exc_type.__name__)
    if issubclass(failure.exc_type, MemoryError):
        os._exit(3)


def _spare_address_space() -> None:
    """Makes threads small: the limit on memory counts addresses, and each association has two threads.

    By default, a thread reserves 8 MiB for its stack, and glibc 64 MiB for its heap.
    """
    threading.stack_size(_STACK_BYTES)
    with suppress(OSError, AttributeError, TypeError):  # only glibc has it
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _limit_memory(most_bytes: int) -> None:
    """Limits the memory of this process, where the system has such a limit.

    Args:
        most_bytes: Most memory beyond what it has mapped already.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    statm = Path("/proc/self/statm")
    if statm.exists():
        used = int(statm.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + most_bytes, used + most_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold films
