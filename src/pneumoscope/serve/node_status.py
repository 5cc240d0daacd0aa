"""The status of a DICOM node, for the page of the reading room; see `pneumoscope.pacs.status_server`."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pneumoscope.errors import UsageError
from pneumoscope.hosts import is_loopback
from pneumoscope.serve.problems import Refusal

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_HINT = "Such as http://127.0.0.1:9108, with the metrics_port of the node's configuration."
_TIMEOUT_S = 5.0
_LONGEST_S = 15.0
"""Seconds for all of it, once the node's address is known: an answer that drips would occupy a thread
without end."""
_MOST_BYTES = 2**20
_PORTS = {"http": 80, "https": 443}


class NodeNotReachable(Refusal):
    """The node does not answer with its status."""

    status = HTTPStatus.BAD_GATEWAY

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the DICOM node does not answer: {why}",
            "Does it run, and is its metrics_port that of --node?",
        )


class NodeStatus:
    """Asks a node for its status. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        """Connects to nothing yet.

        Args:
            url: Of its status page.

        Raises:
            UsageError: It is no such URL, or others in the network could read or change the status.
        """
        self._parts = _parsed(url)

    def read(self) -> dict[str, Any]:
        """The status, as the node's ``/status.json`` has it.

        Raises:
            NodeNotReachable: There is none.
        """
        try:
            answer = self._fetched()
        except TimeoutError:
            raise NodeNotReachable("its answer takes too long") from None
        except (OSError, http.client.HTTPException) as error:
            raise NodeNotReachable(
                str(getattr(error, "strerror", None) or type(error).__name__)
            ) from None
        try:
            status = json.loads(answer)
        except (ValueError, RecursionError):
            raise NodeNotReachable("its answer is no JSON") from None
        if not isinstance(status, dict) or not isinstance(status.get("destinations"), dict):
            raise NodeNotReachable("its answer is no status of a node")
        return status

    def _fetched(self) -> bytes:
        """The answer; a redirection is none."""
        parts = self._parts
        connection = _connection(parts)
        timer, late = None, threading.Event()
        until = time.monotonic() + _LONGEST_S
        try:
            connection.connect()
            left = max(0.0, until - time.monotonic())
            timer = threading.Timer(left, _shut_down, [connection.sock, late])
            timer.daemon = True
            timer.start()
            connection.request("GET", f"{parts.path.rstrip('/')}/status.json")
            with connection.getresponse() as response:
                if response.status != HTTPStatus.OK:
                    raise NodeNotReachable(f"HTTP status {response.status}")
                data = response.read(_MOST_BYTES + 1)
            if len(data) > _MOST_BYTES:
                raise NodeNotReachable("its answer is too long")
        except (OSError, http.client.HTTPException):
            if not late.is_set():
                raise
        finally:
            if timer is not None:
                timer.cancel()
            connection.close()
        if late.is_set():  # an answer without a length just ends early
            raise NodeNotReachable("its answer takes too long")
        return data


def _shut_down(connection: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        # Not the method of an `SSLSocket`, which another thread is using.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _parsed(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    plain = parts.username is None and not parts.query and not parts.fragment
    if not host or port == 0 or parts.scheme not in _PORTS or not plain:
        raise UsageError(f"{url}: is not the URL of a node's status", _HINT)
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(
            f"{url}: the status would travel without encryption",
            "Use https://, or a tunnel (ssh -L) to the node's machine and its end here.",
        )
    return parts


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
    return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
