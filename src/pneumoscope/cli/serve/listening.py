"""Sockets that the servers listen on."""

from __future__ import annotations

import errno
import socket
import sys
from ipaddress import ip_address

from pneumoscope.errors import UsageError


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Args:
        host: Address or name of this machine.
        port: TCP port; 0 for a free one.

    Raises:
        UsageError: It cannot listen there.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            listener.listen(2048)
        except OSError:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        hint = "Is another server running? Choose another --port, or 0 for a free one."
        if isinstance(error, socket.gaierror) or getattr(error, "errno", 0) == errno.EADDRNOTAVAIL:
            hint = "Give --host an address or a name of this machine, such as 127.0.0.1."
        raise UsageError(f"cannot listen on {host} port {port}: {reason}", hint) from None
    return listener


def address(listener: socket.socket) -> str:
    """Address of a listening socket as in a URL, such as ``127.0.0.1:8000``."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def free_place(host: str, port: int) -> tuple[str, int]:
    """The address where an app will listen, as in a URL, and its port, which is free.

    Warns on stderr if other machines can reach it.

    Raises:
        UsageError: As `listen`.
    """
    with listen(host, port) as listener:
        place, port = address(listener), listener.getsockname()[1]
        try:
            private = ip_address(listener.getsockname()[0]).is_loopback
        except ValueError:
            private = False
    if not private:
        sys.stderr.write(
            f"warning: anyone who can reach {place} can use this app; it has no accounts and no TLS, "
            "`pneumoscope serve` has both\n"
        )
    return place, port
