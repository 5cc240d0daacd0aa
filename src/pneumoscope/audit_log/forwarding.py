"""Sends each line of the audit log to a syslog, so that a copy is on another machine.

The format is RFC 5424, with the facility and severity that DICOM gives audit messages (PS3.15, A.6.3).
"""

from __future__ import annotations

import json
import logging
import queue

from pneumoscope import syslog
from pneumoscope.audit_log.background_thread import BackgroundThread
from pneumoscope.audit_log.lines import canonical
from pneumoscope.syslog import DATAGRAM_BYTES, SyslogAddress

_log = logging.getLogger(__name__)

_MOST_WAITING = 10_000


class SyslogForwarder:
    """Forwards lines in a thread that ends when there are none; a normal end of the process waits for it.

    Args:
        address: ``udp://host:514``, ``tcp://host:601``, ``tls://host:6514``, or the path of a local
            socket such as ``/dev/log``.

    Raises:
        UsageError: The address is none of these.
    """

    def __init__(self, address: str) -> None:
        self._address = SyslogAddress.parse(address)
        self._waiting: queue.Queue[bytes] = queue.Queue(_MOST_WAITING)
        self._thread = BackgroundThread(
            "audit-syslog", self._send_waiting, lambda: not self._waiting.empty()
        )

    def __call__(self, line: bytes) -> None:
        """Forwards a line soon; a syslog that cannot be reached stops nothing."""
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            _log.error("a line of the audit log is not forwarded: too many wait")
            return
        self._thread.wake()

    def settle(self) -> None:
        """Waits until all lines are sent or given up."""
        self._thread.settle()

    def _send_waiting(self) -> None:
        try:
            self._send_all()
        except Exception as error:  # noqa: BLE001 (also an impossible host name: UnicodeError)
            _log.error("lines of the audit log are not forwarded: %s", error)
            while not self._waiting.empty():
                self._waiting.get_nowait()

    def _send_all(self) -> None:
        most = None if self._address.is_stream else DATAGRAM_BYTES
        with self._address.sending() as connection:
            while not self._waiting.empty():
                text = message(self._waiting.get_nowait(), most)
                connection.sendall(self._address.framed(text))


def message(line: bytes, most: int | None = None) -> bytes:
    """A line as a message of RFC 5424.

    Args:
        line: Of the log.
        most: Most bytes; a longer line gets the number of its objects in their place.
    """
    head = syslog.header("audit")
    text = line.rstrip(b"\n")
    if most is not None and len(head) + len(text) > most:
        entry = json.loads(text)
        entry["objects"] = [f"{len(entry['objects'])} ids"]
        text = canonical(entry)
    return head.encode() + text
