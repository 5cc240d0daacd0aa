"""Sends audit messages to a syslog, in order and until it takes them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from pneumoscope import syslog
from pneumoscope.files import cause
from pneumoscope.pacs.pauses import pause_s
from pneumoscope.syslog import DATAGRAM_BYTES

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from ssl import SSLContext

    from pneumoscope.syslog import SyslogAddress

_log = logging.getLogger(__name__)

MESSAGE_ID = "DICOM+RFC3881"
"""MSGID of audit messages (PS3.15 A.6)."""
_MOST_WAITING = 100_000
"""Messages of about one kibibyte; beyond these, the oldest ones are lost."""
_PORTION = 500
_PAUSES_S = (1.0, 60.0)


class SyslogSender:
    """A thread with a queue. Messages that wait when the process ends are lost, which the log says."""

    def __init__(self, address: SyslogAddress, context: Callable[[], SSLContext | None]) -> None:
        """Starts the thread.

        Args:
            address: The syslog.
            context: Makes the settings of TLS for each connection, from files that may have changed.
        """
        self._address = address
        self._context = context
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._failures = 0
        self.lost = 0
        self._thread = threading.Thread(target=self._work, name="audit", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Messages that wait."""
        return len(self._waiting)

    def put(self, message: bytes, severity: int = syslog.NOTICE) -> None:
        """Sends a message soon; the caller never waits.

        Args:
            message: UTF-8.
            severity: See `syslog.header`.
        """
        text = syslog.header(MESSAGE_ID, severity).encode() + message
        with self._changed:
            self._waiting.append(text)
            if len(self._waiting) > _MOST_WAITING:
                self._waiting.popleft()
                self.lost += 1
            self._changed.notify()

    def stop(self, timeout_s: float) -> None:
        """Ends the thread after one more attempt to send what waits."""
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout_s)
        if self.waiting:
            _log.error("%d audit messages are lost: the syslog did not take them", self.waiting)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping.is_set())
            last = self._stopping.is_set()
            sent = bool(self._waiting) and self._sent()
            if last and not (sent and self._waiting):
                return
            if not sent:
                self._stopping.wait(pause_s(self._failures, *_PAUSES_S))

    def _sent(self) -> bool:
        """Sends some messages over one connection; returns whether that was possible.

        They leave the queue only afterwards.
        """
        with self._changed:
            portion = list(islice(self._waiting, _PORTION))
        try:
            with self._address.sending(self._context()) as connection:
                self._send(connection, portion)
        except Exception as error:  # noqa: BLE001 (also an impossible host name: UnicodeError)
            self._failures += 1
            if self._failures == 1:
                _log.error("audit messages wait: %s", cause(error))
            return False
        if self._failures:
            _log.info("audit messages are sent again")
        self._failures = 0
        with self._changed:
            for text in portion:
                if self._waiting and self._waiting[0] is text:  # unless it was too old to wait
                    self._waiting.popleft()
        return True

    def _send(self, connection: socket.socket, portion: Sequence[bytes]) -> None:
        if self._address.is_stream:
            connection.sendall(b"".join(self._address.framed(text) for text in portion))
            return
        for text in portion:
            connection.sendall(text[:DATAGRAM_BYTES])
