"""Connections of a Storage SCP with limits that pynetdicom does not have.

pynetdicom believes the length that a PDU claims, waits without end for the rest of it, collects a data
set of any size in memory, and does TLS handshakes in the thread that accepts connections.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import socket
import sys
import threading
import time
from contextlib import suppress
from socketserver import BaseServer
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from pynetdicom.association import Association

    from pneumoscope.pacs.config import ReceiverSettings

_log = logging.getLogger(__name__)

LARGEST_PDU = 256 * 1024
"""Bytes of a PDU that the node asks senders to use at most (PS3.8 D.1)."""
_MOST_PDU = 2 * LARGEST_PDU
"""An association request or a careless sender may be larger than agreed."""
_SLOWEST_BYTES_PER_S = 4096
_SPARE_CONNECTIONS = 20
"""Beyond the associations: connections that are about to be rejected politely."""


def with_reserve(most: int) -> int:
    """How many there may be of all addresses, of which one address may have some: a quarter more."""
    return most + math.ceil(most / 4)


class ReceiveMemory:
    """Bytes that associations have received and not stored. Safe to share between threads."""

    def __init__(self, most_bytes: int) -> None:
        """Counts nothing yet.

        Args:
            most_bytes: Bytes of all associations together.
        """
        self._most = most_bytes
        self._bytes: WeakKeyDictionary[threading.Thread, int] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def take(self, association: threading.Thread, size: int) -> bool:
        """Counts bytes of an association; False if there are too many."""
        with self._lock:
            self._bytes[association] = self._bytes.get(association, 0) + size
            if sum(self._bytes.values()) <= self._most:
                return True
            # Not every way in which an association ends is reported.
            for ended in [each for each in self._bytes if not each.is_alive()]:
                del self._bytes[ended]
            return sum(self._bytes.values()) <= self._most

    def give(self, association: threading.Thread, size: int) -> None:
        """Counts bytes of an association as stored."""
        with self._lock:
            self._bytes[association] = max(0, self._bytes.get(association, 0) - size)


class LimitedSocket(AssociationSocket):
    """The connection of one association."""

    def __init__(
        self,
        association: Association,
        client: socket.socket,
        settings: ReceiverSettings,
        memory: ReceiveMemory,
    ) -> None:
        super().__init__(association, client_socket=client)
        self._settings = settings
        self._memory = memory
        self._unstored = 0

    def recv(self, nr_bytes: int) -> bytearray:
        """Reads exactly this many bytes, or fewer if the sender closes the connection.

        Raises:
            OSError: They are too many or too slow; the connection is closed.
        """
        self._count(nr_bytes)
        connection = self.socket
        if connection is None:
            raise ConnectionError("closed")
        allowed_s = self._settings.idle_s + nr_bytes / _SLOWEST_BYTES_PER_S
        deadline = time.monotonic() + allowed_s
        buffer = bytearray(nr_bytes)
        view, received = memoryview(buffer), 0
        while received < nr_bytes:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise self._refused("a sender is too slow")
            connection.settimeout(left_s)
            size = connection.recv_into(view[received:])
            if not size:
                view.release()
                return buffer[:received]
            received += size
        return buffer

    def stored(self, *, more: bool, size: int) -> None:
        """Counts a data set as stored.

        Args:
            more: Whether another one has arrived meanwhile.
            size: Its bytes.
        """
        size = min(size, self._unstored) if more else self._unstored
        self._unstored -= size
        self._memory.give(self._assoc, size)

    def _count(self, size: int) -> None:
        if size > _MOST_PDU:
            raise self._refused(f"a PDU claims {size} bytes")
        self._unstored += size
        fits = self._memory.take(self._assoc, size)
        if self._unstored > self._settings.film_bytes + _MOST_PDU:
            raise self._refused("a data set is too large")
        if not fits:
            raise self._refused("all associations together have too much data")

    def _refused(self, why: str) -> OSError:
        """Closes the connection, and returns the error that tells pynetdicom so."""
        _log.warning("connection closed: %s", why)
        connection, self.socket, self._is_connected = self.socket, None, False
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        return ConnectionAbortedError(why)


class LimitedServer(ThreadedAssociationServer):
    """Accepts connections from known networks, and does TLS handshakes in threads of their own.

    Attributes:
        settings: The settings.
        memory: Counts what the associations hold.
        tls: For TLS, or None.
        refused: Called with a reason and the peer's address for every connection that is refused.
    """

    request_queue_size = 128
    daemon_threads = True

    def __init__(
        self,
        *args: Any,
        settings: ReceiverSettings,
        memory: ReceiveMemory,
        tls: ssl.SSLContext | None,
        refused: Callable[[str, str], None],
        **options: Any,
    ) -> None:
        self.settings = settings
        self.memory = memory
        self.tls = tls
        self.refused = refused
        self._networks = [ipaddress.ip_network(network) for network in settings.addresses]
        # Addresses of connections whose association has not begun.
        self._opening: dict[Any, str] = {}
        super().__init__(*args, request_handler=_Connection, **options)  # type: ignore[misc]

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether a connection is accepted: from a known network, and while there are not too many."""
        address = ipaddress.ip_address(client_address[0].split("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if self._networks and not any(address in network for network in self._networks):
            self.refused("address", client_address[0])
            return False
        most = self.settings.associations + _SPARE_CONNECTIONS
        addresses = [*self._opening.values()]
        addresses += [each.requestor.address for each in self.active_associations]
        same = addresses.count(client_address[0])
        if same >= most or len(addresses) >= with_reserve(most):
            self.refused("connections", client_address[0])
            return False
        self._opening[request] = client_address[0]
        return True

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Begins the association of a connection; in its own thread."""
        try:
            super().finish_request(request, client_address)
        finally:
            self._opening.pop(request, None)

    def shutdown_request(self, request: Any) -> None:
        """Closes a connection."""
        self._opening.pop(request, None)
        super().shutdown_request(request)

    def shutdown(self) -> None:
        """Stops accepting connections."""
        BaseServer.shutdown(self)  # that of pynetdicom is for servers that it has started itself
        self.server_close()

    def handle_error(self, _request: Any, client_address: Any) -> None:
        """Logs why a connection ended before its association began."""
        error = sys.exception()
        _log.warning("a connection ended early: %s", type(error).__name__)
        self.refused("handshake", client_address[0])


class _Connection(RequestHandler):
    server: LimitedServer

    def handle(self) -> None:
        settings = self.server.settings
        if self.server.tls is not None:
            # The limit of the whole handshake, not of each of its parts.
            self.request.settimeout(settings.association_s)
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().handle()

    def _create_association(self) -> Association:
        association = super()._create_association()
        # pynetdicom has no way to name another class of sockets. Making one announces the connection
        # to the state machine, which must hear of it once.
        association.dul.event_queue.get_nowait()
        association.dul.socket = LimitedSocket(
            association, self.request, self.server.settings, self.server.memory
        )
        return association
