"""Strangers with many slow or silent connections do not keep others out."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest

from listening import LARGE, listening
from pneumoscope.serve.security import connection, connections, tls
from pneumoscope.serve.security.connection import Step
from pneumoscope.serve.security.connections import Connections
from pneumoscope.serve.security.tarpit import Tarpit
from pneumoscope.serve.settings import ConnectionLimits, ServeSettings
from transports import Transport

DRIP = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx"


@contextlib.contextmanager
def opened(port: int, count: int, *sent: bytes) -> Iterator[list[socket.socket]]:
    """Connections to a port; the same bytes are sent on each."""
    with contextlib.ExitStack() as stack:
        lines = []
        for _ in range(count):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            for piece in sent:
                line.sendall(piece)
            lines.append(line)
        yield lines


def rest(line: socket.socket) -> bytes:
    """What arrives until the other side closes."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := line.recv(2**20):
            answer += piece
    return answer


def limited(most: int, per_address: int = 1000) -> Connections:
    limits = ConnectionLimits(connections=most, connections_per_address=per_address)
    return without_tarpit(Connections(limits=limits, context=None))


def without_tarpit(every: Connections) -> Connections:
    """Connections that are closed as soon as they make room."""
    every.tarpit = Tarpit(0)
    return every


def added(all_of_them: Connections, address: str, now: float) -> Any:
    return all_of_them.add(Transport(address), now)  # type: ignore[arg-type]


def test_a_connection_too_many_takes_the_place_of_the_slowest() -> None:
    every = limited(3)
    first, second, third = (added(every, "10.0.0.1", float(i)) for i in range(3))
    first.received_bytes = 1000  # 100 bytes a second, the others 1 in 9 and 8 s
    fourth = added(every, "10.0.0.2", 10.0)
    assert [c.transport.aborted for c in (first, second, third)] == [False, True, False]
    assert every.count == 3
    assert fourth is not None


def test_of_young_connections_those_without_an_answer_make_room_first() -> None:
    every = limited(3)
    lines = [added(every, "10.0.0.1", i / 10) for i in range(3)]
    lines[0].answered = True  # the oldest
    for _ in range(2):
        assert added(every, "10.0.0.1", 1.0) is not None
    assert [c.transport.aborted for c in lines] == [False, True, True]


def test_of_young_connections_those_that_have_come_less_far_make_room_first() -> None:
    every = limited(4)
    lines = [added(every, "10.0.0.1", i / 10) for i in range(4)]
    for line, step in zip(
        lines, (Step.ENCRYPTED, Step.HANDSHAKE, Step.OPEN, Step.OPEN), strict=True
    ):
        line.step = step
    for _ in range(3):
        added(every, "10.0.0.1", 1.0).step = Step.HEAD
    assert [c.transport.aborted for c in lines] == [False, True, True, True]


def test_a_connection_that_has_begun_something_else_is_not_closed() -> None:
    every = limited(60)
    lines = [added(every, "10.0.0.1", i / 10) for i in range(60)]
    assert added(every, "10.0.0.2", 20.0) is not None  # the three slowest are chosen at once
    assert lines[0].transport.aborted
    lines[1].since = 20.01
    lines[2].working = True
    assert added(every, "10.0.0.2", 20.02) is not None
    assert [c.transport.aborted for c in lines[1:5]] == [False, False, True, False]


def test_a_network_that_has_lost_its_share_loses_no_more() -> None:
    every = limited(80)
    lines = {
        address: [added(every, address, start + i / 100) for i in range(40)]
        for address, start in (("10.0.0.1", 0.0), ("10.0.0.2", 1.0))
    }
    for _ in range(8):
        assert added(every, "10.0.0.3", 20.0) is not None
    gone = {
        address: sum(c.transport.aborted for c in of_address)
        for address, of_address in lines.items()
    }
    assert gone == {"10.0.0.1": 4, "10.0.0.2": 4}


def test_a_request_that_is_answered_is_never_closed_for_another() -> None:
    every = limited(2)
    busy = [added(every, "10.0.0.1", 0.0) for _ in range(2)]
    for each in busy:
        each.working = True
    assert added(every, "10.0.0.2", 9.0) is None
    busy[1].working = False
    assert added(every, "10.0.0.2", 9.0) is not None
    assert [c.transport.aborted for c in busy] == [False, True]


def test_one_address_makes_room_among_its_own() -> None:
    every = limited(9, per_address=2)
    others = added(every, "10.0.0.9", 0.0)
    of_address = [added(every, "10.0.0.1", 1.0) for _ in range(2)]
    assert added(every, "10.0.0.1", 5.0) is not None
    assert not others.transport.aborted
    assert sum(c.transport.aborted for c in of_address) == 1
    # A /64 of IPv6 is one address.
    for last in range(4):
        added(every, f"2001:db8::{last + 1}", 6.0)
    assert sum(len(same) for network, same in every.by_network.items() if ":" in network) == 2


def aborted(*each: Any) -> list[bool]:
    return [connection.transport.aborted for connection in each]


def test_a_handshake_is_not_closed_for_strangers_that_drip() -> None:
    every = limited(3)
    drips = [added(every, "10.0.0.9", 0.0) for _ in range(2)]
    for each in drips:
        each.received_bytes = 300  # 30 bytes a second
    handshake = added(every, "10.0.0.1", 10.0)
    assert added(every, "10.0.0.9", 10.04) is not None
    assert (aborted(handshake), sum(aborted(*drips))) == ([False], 1)
    # Of the same address too, and when all are new: then the oldest makes room.
    every = limited(3)
    old, new = added(every, "10.0.0.1", 6.9), added(every, "10.0.0.1", 7.2)
    old.received_bytes = 1000
    handshake = added(every, "10.0.0.1", 10.0)
    added(every, "10.0.0.1", 10.04)
    assert aborted(old, new, handshake) == [True, False, False]
    added(every, "10.0.0.1", 10.05)
    assert aborted(new, handshake) == [True, False]


def test_the_network_with_the_most_connections_makes_room() -> None:
    every = limited(30)
    alone = added(every, "10.0.0.1", 0.0)  # an upload over a slow line
    alone.received_bytes = 20
    crowd = [added(every, "10.0.0.9", 1.0) for _ in range(25)]
    for each in crowd:
        each.received_bytes = 3000
    pair = [added(every, "10.0.0.2", 2.0) for _ in range(4)]
    for number in range(3):
        assert added(every, f"10.0.1.{number}", 10.0) is not None
    assert (aborted(alone, *pair), sum(aborted(*crowd))) == ([False] * 5, 3)


def test_a_network_that_opens_connections_all_the_time_does_not_displace_others() -> None:
    every = limited(20)
    upload = added(every, "10.0.0.1", 0.0)
    for number in range(100):
        assert added(every, "10.0.0.9", 10.0 + number / 100) is not None
    assert aborted(upload) == [False]
    # Many networks with one connection each: an old one makes room for a new one.
    every = limited(20)
    old = [added(every, f"10.0.1.{number}", 0.0) for number in range(19)]
    new = added(every, "10.0.0.1", 10.0)
    assert added(every, "10.0.0.2", 10.1) is not None
    assert (aborted(new), sum(aborted(*old))) == ([False], 1)


def test_connections_of_a_proxy_are_of_many_users() -> None:
    limits = ConnectionLimits(connections=20, connections_per_address=5)
    proxies = (ip_network("10.0.0.0/30"),)
    every = without_tarpit(Connections(limits=limits, context=None, proxies=proxies))
    ward = [added(every, "10.0.0.1", 0.0) for _ in range(14)]
    strangers = [added(every, "10.9.9.9", 1.0) for _ in range(5)]
    added(every, "10.0.0.2", 8.0)
    for each in strangers:
        each.received_bytes = 1000
    added(every, "10.0.0.1", 9.0)
    assert (sum(aborted(*ward)), sum(aborted(*strangers))) == (0, 1)


def test_one_address_has_a_small_part_of_all_connections() -> None:
    limits = ConnectionLimits()
    assert 5 * limits.connections_per_address <= limits.connections


def test_closed_connections_are_forgotten() -> None:
    every = limited(2)
    one_of_them = added(every, "10.0.0.1", 0.0)
    every.remove(one_of_them)
    every.remove(one_of_them)
    assert every.count == 0
    assert not every.by_network


def test_files_of_the_process_limit_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "open_files", lambda: 256)
    assert limited(1000).most == 56
    monkeypatch.setattr(connections, "open_files", lambda: 100)
    assert limited(1000).most == 1


def test_more_files_are_asked_of_the_system() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(300, before[1]), before[1]))
        connections.allow_more_files()
        assert connections.open_files() == min(before[1], 65536)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\nHo", DRIP, b"POST /refused HTTP/1.1\r\nContent-Length: 9\r\n\r\n"],
    ids=["silence", "head", "body", "refused"],
)
def test_strangers_that_occupy_every_connection_keep_nobody_out(
    tmp_path: Path, sent: bytes
) -> None:
    few = ConnectionLimits(connections=8)
    with (
        listening(ServeSettings(folder=tmp_path, connection_limits=few)) as port,
        opened(port, 12, sent),
    ):
        for _ in range(3):
            with opened(port, 1, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n") as (line,):
                assert rest(line).endswith(b"http\r\n0\r\n\r\n")


def test_event_streams_keep_nobody_out(tmp_path: Path) -> None:
    few = ConnectionLimits(connections=4)
    follow = b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n"
    with (
        listening(ServeSettings(folder=tmp_path, connection_limits=few)) as port,
        opened(port, 4, follow) as streams,
    ):
        for stream in streams:
            assert stream.recv(65536).startswith(b"HTTP/1.1 200")
        with opened(port, 1, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n") as (line,):
            assert rest(line).endswith(b"http\r\n0\r\n\r\n")


def test_handshakes_that_never_end_keep_nobody_out(tmp_path: Path) -> None:
    few = ConnectionLimits(connections=8, handshake_s=600)
    settings = ServeSettings(folder=tmp_path, tls_self_signed=True, connection_limits=few)
    pair = tls.certificate(settings)
    assert pair is not None
    trusting = ssl.create_default_context(cafile=str(pair[0]))
    with listening(settings) as port, opened(port, 6), opened(port, 6, b"\x16\x03\x01"):
        answer = httpx.get(f"https://127.0.0.1:{port}/", verify=trusting, timeout=60)
        assert answer.text == "https"


def test_a_handshake_has_a_deadline(tmp_path: Path) -> None:
    settings = ServeSettings(
        folder=tmp_path, tls_self_signed=True, connection_limits=ConnectionLimits(handshake_s=0.2)
    )
    with listening(settings) as port:
        for sent in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"):
            with opened(port, 1, sent) as (line,):
                started = time.monotonic()
                assert b"HTTP" not in rest(line)
                assert time.monotonic() - started < 5


def test_a_handshake_begins_with_a_whole_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []
    start = connections._NewConnection._encrypt

    def encrypt(self: Any, *of_connection: Any) -> Any:
        begun.append(self)
        return start(self, *of_connection)

    monkeypatch.setattr(connections._NewConnection, "_encrypt", encrypt)
    settings = ServeSettings(folder=tmp_path, tls_self_signed=True)
    pair = tls.certificate(settings)
    assert pair is not None
    trusting = ssl.create_default_context(cafile=str(pair[0]))
    with listening(settings) as port, opened(port, 1) as (line,):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        side = trusting.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with pytest.raises(ssl.SSLWantReadError):
            side.do_handshake()
        hello = outgoing.read()
        line.sendall(hello[:4])
        with opened(port, 1, b"\x16\x03\x01\xff\xff") as (other,):
            assert rest(other) == b""  # no record is so long; by now the first bytes have been read
        assert begun == []
        line.sendall(hello[4:])
        assert line.recv(65536)[0] == 22  # ServerHello
        assert len(begun) == 1


def test_a_request_together_with_the_end_of_the_handshake_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_TLS_CLOSE_S", 0.1)
    settings = ServeSettings(folder=tmp_path, tls_self_signed=True)
    pair = tls.certificate(settings)
    assert pair is not None
    trusting = ssl.create_default_context(cafile=str(pair[0]))
    with listening(settings) as port, opened(port, 1) as (line,):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        side = trusting.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        while True:
            try:
                side.do_handshake()
                break
            except ssl.SSLWantReadError:
                line.sendall(outgoing.read())
                incoming.write(line.recv(65536))
        side.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        line.sendall(outgoing.read())  # the client's Finished and the request in one piece
        answer = b""
        while not answer.endswith(b"https\r\n0\r\n\r\n"):
            incoming.write(line.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                answer += side.read(65536)
    assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("encrypted", [False, True])
def test_readers_that_take_nothing_are_dropped(
    tmp_path: Path, encrypted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = threading.Event()
    remove = Connections.remove

    def removed(every: Connections, of: connection.Connection) -> None:
        remove(every, of)
        closed.set()

    monkeypatch.setattr(Connections, "remove", removed)
    quick = ConnectionLimits(stalled_s=0.3)
    settings = ServeSettings(folder=tmp_path, tls_self_signed=encrypted, connection_limits=quick)
    with listening(settings) as port, opened(port, 1) as (plain,):
        line = plain
        if encrypted:
            anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
            line = anything.wrap_socket(plain)
        with line:
            line.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            assert closed.wait(60)
            with contextlib.suppress(ssl.SSLError):
                assert len(rest(line)) < LARGE


def test_a_slow_reader_gets_everything(tmp_path: Path) -> None:
    # On a busy machine this process may stand still for a second.
    quick = ConnectionLimits(stalled_s=2, client_bytes_per_s=1000)
    with listening(ServeSettings(folder=tmp_path, connection_limits=quick)) as port:
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            line.settimeout(60)
            line.connect(("127.0.0.1", port))
            line.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            received, started = 0, time.monotonic()
            while piece := line.recv(65536):
                received += len(piece)
                if time.monotonic() < started + 4.5:  # more than two looks at what was taken
                    time.sleep(0.02)
        assert received > LARGE


def test_an_idle_connection_ends_whatever_comes_between_two_requests(tmp_path: Path) -> None:
    settings = ServeSettings(folder=tmp_path, connection_limits=ConnectionLimits(idle_s=0.2))
    ask = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with listening(settings) as port, opened(port, 1, ask) as (line,):
        assert b"200 OK" in line.recv(65536)
        line.settimeout(0.05)
        ended = False
        for _ in range(1000):
            try:
                line.sendall(b"\r\n")
                ended = line.recv(100) == b""
            except TimeoutError:
                continue
            except OSError:
                ended = True
            if ended:
                break
        assert ended


def test_a_refusal_reaches_the_client_and_then_the_connection_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LINGER_S", 0.3)
    head = b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with listening(ServeSettings(folder=tmp_path)) as port:
        with opened(port, 1, head) as (line,):
            assert rest(line).startswith(b"HTTP/1.1 401")
        # The whole body is taken, and what follows it is not.
        with opened(port, 1, head, bytes(1_000_000), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as (
            line,
        ):
            answer = rest(line)
            assert answer.count(b"HTTP/1.1") == 1
            assert answer.startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("method", [b"GET / HTTP/1.1", b"CONNECT x:1 HTTP/1.1"])
def test_no_connection_becomes_something_without_limits(tmp_path: Path, method: bytes) -> None:
    ask = (
        method + b"\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    quick = ConnectionLimits(idle_s=0.2, head_s=0.2)
    with (
        listening(ServeSettings(folder=tmp_path, connection_limits=quick)) as port,
        opened(port, 1, ask) as (line,),
    ):
        assert b" 101 " not in rest(line)


def test_requests_behind_one_another_end_with_their_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ask = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 5
    quick = ConnectionLimits(stalled_s=0.2)
    settings = ServeSettings(folder=tmp_path, connection_limits=quick)
    with listening(settings) as port, opened(port, 2, ask):
        time.sleep(0.5)  # the first answer stalls, and its connection is dropped
    # The server has ended, so no request still waits; and none wrote to a closed connection.
    assert not [line for line in caplog.records if line.levelname == "ERROR"]
