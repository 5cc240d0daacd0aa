"""Peers that lie, stall or abort cost their own connection only."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pynetdicom import AE, build_context

from archives import certificate, unclosed_sockets
from pneumoscope.pacs.limited_server import LARGEST_PDU, ReceiveMemory
from receivers import LOCAL, Running, running
from sent_films import CR, send, sent

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
PATIENCE_S = 60.0


@pytest.fixture(scope="module", autouse=True)
def _sockets() -> Iterator[None]:
    with unclosed_sockets():
        yield


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = replace(LOCAL, idle_s=0.5, association_s=0.5, film_bytes=2**20)
    with running(tmp_path_factory.mktemp("limited"), settings) as started:
        yield started


def connected(node: Running) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", node.port))
    connection.settimeout(PATIENCE_S)
    return connection


def is_closed(connection: socket.socket) -> bool:
    """Waits until the other side closes, whatever it says before."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        return True
    return True


def drip(connection: socket.socket) -> None:
    """Sends a byte now and then, without end."""
    pause = threading.Event()
    while not pause.wait(0.05):
        connection.sendall(b"\0")


def established(node: Running) -> socket.socket:
    """The bare connection of an association, after its negotiation."""
    association = AE("SENDER").associate(
        "127.0.0.1", node.port, [build_context(CR)], ae_title="PNEUMOSCOPE"
    )
    assert association.is_established
    association._is_paused = association._kill = True  # its thread must not read
    transport = association.dul.socket
    assert transport is not None
    assert transport.socket is not None
    connection = transport.socket.dup()
    association.dul._kill_thread = True
    association.dul.join()
    connection.settimeout(PATIENCE_S)
    return connection


@pytest.mark.parametrize("kind", [0x01, 0x04, 0x07])
def test_a_pdu_that_claims_4_gib_is_not_waited_for(node: Running, kind: int) -> None:
    with connected(node) as connection:
        connection.sendall(struct.pack(">BBL", kind, 0, 2**32 - 1) + bytes(1000))
        assert is_closed(connection)
    with established(node) as connection:
        connection.sendall(struct.pack(">BBL", kind, 0, 2**32 - 1) + bytes(1000))
        assert is_closed(connection)
    assert send(node.port, [sent(1)]) == [0]


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"\x01",
        struct.pack(">BBL", 1, 0, 200) + bytes(50),
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(500),
    ],
)
def test_a_peer_that_stalls_or_talks_nonsense_is_cut_off(node: Running, beginning: bytes) -> None:
    with connected(node) as connection:
        connection.sendall(beginning)
        assert is_closed(connection)
    assert send(node.port, [sent(2)]) == [0]


def test_an_association_that_stalls_in_a_film_is_cut_off(node: Running) -> None:
    with established(node) as connection:
        connection.sendall(struct.pack(">BBL", 4, 0, 10_000) + bytes(5000))
        assert is_closed(connection)
    with established(node) as connection:  # silent between films
        assert is_closed(connection)
    assert send(node.port, [sent(3)]) == [0]


def test_a_data_set_without_end_is_cut_off(node: Running) -> None:
    before = len(node.spool.films())
    fragment = struct.pack(">BBLLBB", 4, 0, 100_006, 100_002, 1, 0) + bytes(100_000)
    with established(node) as connection:
        try:
            for _ in range(100):
                connection.sendall(fragment)
        except ConnectionError:
            pass
        else:
            assert is_closed(connection)
    assert len(node.spool.films()) == before
    assert send(node.port, [sent(4)]) == [0]


def test_a_peer_that_aborts_within_a_film_leaves_nothing(node: Running) -> None:
    before = len(node.spool.films())
    with established(node) as connection:
        connection.sendall(struct.pack(">BBLLBB", 4, 0, 106, 102, 1, 0) + bytes(100))
        connection.sendall(struct.pack(">BBLBBBB", 7, 0, 4, 0, 0, 0, 0))  # A-ABORT
        assert is_closed(connection)
    assert len(node.spool.films()) == before
    assert len(list((node.spool._folder).iterdir())) == before


def test_strangers_are_refused_by_their_address(tmp_path: Path) -> None:
    with running(tmp_path, replace(LOCAL, addresses=("10.0.0.0/8", "::1/128"))) as node:
        assert send(node.port, [sent(1)]) == []
        with connected(node) as connection:
            assert is_closed(connection)
        assert {"reason": "address", "address": "127.0.0.1"} in node.reported("rejected")
    with running(tmp_path, replace(LOCAL, addresses=("127.0.0.0/24",))) as node:
        assert send(node.port, [sent(1)]) == [0]


def test_connections_that_wait_are_limited(tmp_path: Path) -> None:
    with running(tmp_path, replace(LOCAL, associations=1, association_s=1)) as node:
        waiting = [connected(node) for _ in range(30)]
        refused = threading.Event()
        while not refused.wait(0.01):
            if {"reason": "connections", "address": "127.0.0.1"} in node.reported("rejected"):
                refused.set()
        for connection in waiting:
            connection.close()


def test_handshakes_are_counted_and_have_a_time_limit(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "node")
    settings = replace(LOCAL, associations=1, association_s=0.5, certificate=pem)
    with running(tmp_path, settings) as node:
        waiting = [connected(node) for _ in range(30)]
        for connection in waiting:
            with suppress(ConnectionError):  # it may have been refused already
                connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        refused = threading.Event()
        while not refused.wait(0.01):
            if {"reason": "connections", "address": "127.0.0.1"} in node.reported("rejected"):
                refused.set()
        # Each byte of the first one comes in time, but not all of them.
        with pytest.raises(ConnectionError):
            drip(waiting[0])
        for connection in waiting:
            connection.close()
        context = ssl.create_default_context(cafile=str(pem))
        assert send(node.port, [sent(1)], tls_args=(context, "127.0.0.1")) == [0]


def test_associations_that_ended_within_a_film_hold_no_memory(tmp_path: Path) -> None:
    settings = replace(LOCAL, film_bytes=2**20, memory_bytes=4 * 2**20)
    fragment = struct.pack(">BBLLBB", 4, 0, 200_006, 200_002, 1, 0) + bytes(200_000)
    with running(tmp_path, settings) as node:  # may hold 1 MiB
        for _ in range(8):
            with established(node) as connection:
                connection.sendall(fragment)
                connection.sendall(struct.pack(">BBLBBBB", 7, 0, 4, 0, 0, 0, 0))  # A-ABORT
                assert is_closed(connection)
        assert send(node.port, [sent(1, side=900)]) == [0]


def test_what_all_associations_hold_is_counted_together() -> None:
    memory, going, ended = ReceiveMemory(100), threading.current_thread(), threading.Thread()
    assert memory.take(ended, 60)
    assert memory.take(going, 100)  # the other one has ended
    assert not memory.take(going, 1)
    memory.give(going, 41)
    assert memory.take(going, 40)
    assert not memory.take(going, 1)
    assert LARGEST_PDU == 262_144
