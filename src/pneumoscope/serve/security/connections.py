"""The open connections of a server: how many there may be, and which one makes room for another.

Uvicorn counts connections only after the TLS handshake, and waits 60 s for it: strangers could use up
the files that the system allows a process without sending a byte.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import dataclass, field
from heapq import nsmallest
from ipaddress import IPv4Network, IPv6Network, ip_address
from itertools import chain, groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from pneumoscope.serve.security.connection import Connection, LimitedHttpProtocol, Step
from pneumoscope.serve.security.tarpit import Tarpit
from pneumoscope.serve.security.throttle import network_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping, Sequence

    from pneumoscope.serve.settings import ConnectionLimits

_OTHER_FILES = 200
"""Files that the process needs besides connections: the database, films, pipes to decoders."""
_MOST_FILES = 65536
_TLS_CLOSE_S = 5.0
"""Seconds that a client has to answer the end of a TLS connection."""
_HANDSHAKE = 22
"""First byte of the record with which a handshake begins (RFC 8446, 5.1)."""
_RECORD_HEAD = 5
"""Bytes before the content of a record; the last two are its length."""
_MOST_RECORD = 2**14
"""Bytes of a record's content (RFC 8446, 5.1)."""
_SHORTEST_S = 0.01
GRACE_S = 3.0
"""Seconds in which a connection is spared: a TLS handshake over a slow line takes one or two."""
_CROWD = 10
"""A network with more than this part of all connections has no such grace towards others: otherwise
it would keep its place by opening new ones all the time."""
_PARTS = 20
"""This part of a network's connections is chosen at once to make room: to look at each of them for every
new one would cost more than the new one itself."""
_REMEMBERED_S = 0.1
_ALL = ""
"""All networks."""


@dataclass(slots=True)
class Connections:
    """All connections of a server, and its listener: uvicorn calls it for every new connection.

    A connection too many is not simply refused: then somebody could keep everybody out by opening many.
    It takes the place of one whose request is not complete: of the network with the most connections,
    there of the slowest. New connections and those of trusted proxies come last. What made room stays
    open for a while, see `Tarpit`.

    Attributes:
        limits: How many there may be, and how long they may take.
        context: For TLS; None without.
        proxies: Networks whose connections are not limited by address, as they are of many users.
        headers: Of answers to what is no request, see `LimitedHttpProtocol`.
        most: How many there may be in all.
        by_network: The open ones by network.
        handshakes: TLS handshakes that are not complete; the event loop itself would forget them.
        tarpit: Connections that made room for others, as many as the files allow.
    """

    limits: ConnectionLimits
    context: ssl.SSLContext | None
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    most: int = 0
    by_network: defaultdict[str, set[Connection]] = field(default_factory=lambda: defaultdict(set))
    handshakes: set[asyncio.Task[None]] = field(default_factory=set)
    tarpit: Tarpit = field(init=False)
    _count: int = 0
    _of_proxies: set[str] = field(default_factory=set)
    _next: dict[str, _Next] = field(default_factory=dict)

    def __post_init__(self) -> None:
        files = max(1, open_files() - _OTHER_FILES)
        self.most = min(self.limits.connections, files)
        self.tarpit = Tarpit(min(self.limits.connections, files - self.most))

    def __call__(self, **of_uvicorn: Any) -> asyncio.Protocol:
        """A protocol for a new connection; takes what uvicorn gives to its own protocols."""
        return _NewConnection(self, of_uvicorn)

    @property
    def count(self) -> int:
        """Number of open connections."""
        return self._count

    def add(self, transport: asyncio.Transport, now: float) -> Connection | None:
        """Counts a new connection; None if it must be refused.

        Args:
            transport: The TCP connection.
            now: Time of the loop.
        """
        peer = transport.get_extra_info("peername")
        network = network_of(str(peer[0])) if isinstance(peer, tuple) and peer else "local"
        same = self.by_network.get(network, set())
        is_proxy = self._is_proxy(peer)
        if is_proxy:
            self._of_proxies.add(network)
        too_many = len(same) >= self.limits.connections_per_address and not is_proxy
        if too_many and not self._make_room(network, now):
            return None
        if self._count >= self.most and not self._make_room(_ALL, now):
            return None
        connection = Connection(network=network, transport=transport, since=now)
        self.by_network[network].add(connection)
        self._count += 1
        return connection

    def remove(self, connection: Connection) -> None:
        """Forgets a connection that is closed."""
        self.tarpit.remove(connection)
        self._discount(connection)

    def _discount(self, connection: Connection) -> None:
        same = self.by_network.get(connection.network)
        if same is None or connection not in same:
            return
        same.remove(connection)
        self._count -= 1
        if not same:
            del self.by_network[connection.network]

    def _is_proxy(self, peer: object) -> bool:
        if not (self.proxies and isinstance(peer, tuple)):
            return False
        address = ip_address(str(peer[0]).partition("%")[0])
        return any(address in network for network in self.proxies)

    def _make_room(self, among: str, now: float) -> bool:
        """Closes one connection whose request is not complete, if there is one.

        Called for every connection of an attacker, so it remembers which ones come next.

        Args:
            among: A network, or `_ALL`.
            now: Time of the loop.
        """
        upcoming = self._next.get(among)
        while upcoming is not None and now - upcoming.chosen <= _REMEMBERED_S and upcoming.last:
            last, since = upcoming.last.pop()
            unchanged = last.since == since and not last.working
            crowded = self._crowd(last.network) > upcoming.crowd * (1 - 1 / _PARTS)
            if unchanged and crowded and last in self.by_network.get(last.network, ()):
                self._drop(last, now)
                return True
        self._next = {
            key: old for key, old in self._next.items() if now - old.chosen <= _REMEMBERED_S
        }
        upcoming = self._choose(self.by_network if among == _ALL else [among], now)
        if upcoming is None:
            return False
        self._next[among] = upcoming
        self._drop(upcoming.last.pop()[0], now)
        return True

    def _choose(self, networks: Iterable[str], now: float) -> _Next | None:
        """The connections that make room: the slowest of the network with the most, or of such networks."""
        by_crowd = sorted(networks, key=self._crowd, reverse=True)
        small = max(1, self.most // _CROWD)
        for sparing in (True, False):
            for crowd, equal in groupby(by_crowd, key=self._crowd):
                among = [*chain.from_iterable(self.by_network[network] for network in equal)]
                slowest = _slowest(among, now, spare_young=sparing and crowd <= small)
                if slowest:
                    return _Next(now, crowd, [(each, each.since) for each in reversed(slowest)])
        return None

    def _drop(self, connection: Connection, now: float) -> None:
        self._discount(connection)
        self.tarpit.take(connection, now)

    def _crowd(self, network: str) -> int:
        """How many connections a network has; behind a proxy are many users, with one each."""
        return 1 if network in self._of_proxies else len(self.by_network.get(network, ()))


@dataclass(frozen=True, slots=True)
class _Next:
    """Which connections make room next.

    Attributes:
        chosen: Time of the loop when they were chosen.
        crowd: How many connections their network had then; one that has lost its share loses no more.
        last: The first of them at the end, each with its ``since``: it is another value when the
            connection has begun something else.
    """

    chosen: float
    crowd: int
    last: list[tuple[Connection, float]]


def _slowest(
    connections: Sequence[Connection], now: float, *, spare_young: bool
) -> list[Connection]:
    """The slowest connections whose request is not complete, the slowest first: a part of all.

    If all are young, the oldest of them: first of those that have had no answer, and of these those
    that have come less far. The rate of a new connection says nothing, as a handshake has none.

    Args:
        connections: Among which they are sought.
        now: Time of the loop.
        spare_young: Leave young ones out.
    """
    most = max(1, len(connections) // _PARTS)
    idle = [connection for connection in connections if not connection.working]
    if old := [connection for connection in idle if now - connection.since >= GRACE_S]:
        return nsmallest(most, old, key=lambda connection: connection.rate(now))
    return [] if spare_young else nsmallest(most, idle, key=attrgetter("answered", "step", "since"))


class _NewConnection(asyncio.Protocol):
    """A connection before HTTP: it is counted, and encrypted if the server uses TLS.

    A TLS handshake is not prepared before its first record is complete: that costs far more than to wait
    for it.
    """

    def __init__(self, connections: Connections, of_uvicorn: dict[str, Any]) -> None:
        self._connections = connections
        self._of_uvicorn = of_uvicorn
        self._connection: Connection | None = None
        self._hello = bytearray()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        loop = asyncio.get_running_loop()
        connection = self._connections.add(transport, loop.time())
        if connection is None:
            transport.abort()
        elif self._connections.context is None:
            http = self._http(connection)
            transport.set_protocol(http)
            http.connection_made(transport)
        else:
            self._connection = connection
            self._timer = loop.call_later(self._connections.limits.handshake_s, transport.abort)

    def data_received(self, data: bytes) -> None:
        connection, context = self._connection, self._connections.context
        if connection is None or context is None:
            return
        self._hello += data
        length = int.from_bytes(self._hello[3:_RECORD_HEAD], "big")
        if self._hello[0] != _HANDSHAKE or length > _MOST_RECORD:
            connection.transport.abort()
        elif len(self._hello) >= _RECORD_HEAD + length:
            connection.step = Step.HANDSHAKE
            connection.transport.pause_reading()  # until the handshake starts
            loop = asyncio.get_running_loop()
            handshake = loop.create_task(self._encrypt(connection, context))
            self._connections.handshakes.add(handshake)
            handshake.add_done_callback(self._connections.handshakes.discard)
            # `start_tls` has begun by then, but reads nothing before the next turn of the loop.
            loop.call_soon(lambda: loop.call_soon(self._pass_on, connection.transport))

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._connection is not None:
            self._connections.remove(self._connection)

    def _pass_on(self, transport: asyncio.Transport) -> None:
        """Gives the record that has come to the handshake."""
        tls = transport.get_protocol()
        while self._hello and isinstance(tls, asyncio.BufferedProtocol):
            room = memoryview(tls.get_buffer(len(self._hello)))
            part = self._hello[: len(room)]
            room[: len(part)] = part
            del self._hello[: len(part)]
            tls.buffer_updated(len(part))

    async def _encrypt(self, connection: Connection, context: ssl.SSLContext) -> None:
        early = _Early()
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        left = connection.since + self._connections.limits.handshake_s - loop.time()
        try:
            transport = await loop.start_tls(
                connection.transport,
                early,
                context,
                server_side=True,
                ssl_handshake_timeout=max(left, _SHORTEST_S),
                ssl_shutdown_timeout=_TLS_CLOSE_S,
            )
        except (OSError, RuntimeError):  # no TLS, too slow, or gone; `SSLError` is an `OSError`
            transport = None
        if transport is None or early.lost:
            self._connections.remove(connection)
            connection.transport.abort()
            return
        connection.step = Step.ENCRYPTED
        http = self._http(connection)
        transport.set_protocol(http)
        http.connection_made(transport)
        if early.received:
            http.data_received(bytes(early.received))

    def _http(self, connection: Connection) -> LimitedHttpProtocol:
        connections = self._connections
        return LimitedHttpProtocol(
            connection,
            connections.limits,
            connections.remove,
            connections.headers,
            **self._of_uvicorn,
        )


class _Early(asyncio.Protocol):
    """Keeps what a client sends together with the end of its handshake."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost = True


def open_files() -> int:
    """How many files the system allows this process."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return _MOST_FILES
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft


def allow_more_files() -> None:
    """Raises this process's limit of open files as far as the system allows it."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
