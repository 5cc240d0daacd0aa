"""Peers of the node that send what no modality sends: others still get their films in.

The requests are written byte by byte (PS3.8 9.3), because pynetdicom would not send them. The receiver is
the real process with its limit on memory.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.dsutils import encode

from archives import unclosed_sockets
from pneumoscope.pacs.config import DiskLimits, ReceiverSettings
from pneumoscope.pacs.receiver_process import ReceiverProcess, ReceiverTask
from pneumoscope.pacs.spool import Spool
from receivers import LOCAL
from sent_films import CR, send, sent

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings(
        "ignore:unclosed:ResourceWarning",
        "ignore:The value:UserWarning",
        "ignore:Invalid:UserWarning",
    ),
]
VERIFICATION = "1.2.840.10008.1.1"
PATIENCE_S = 30.0
OTHERS = "127.0.0.9"
"""Address of a sender that does nothing wrong."""
SETTINGS = replace(LOCAL, idle_s=1, association_s=5, film_bytes=2**20)
COMMAND_AND_LAST, DATA, DATA_LAST, COMMAND = 3, 0, 2, 1
HOSTILE = (b"../../x", b"/etc/x", b"1.2\n3", b"1.2\\1.3", b"\x1b[2J", b"\xff\xfe", b"1" * 5000)


@dataclass
class Node:
    """The process, its spool and what it has reported."""

    process: ReceiverProcess
    folder: Path
    reports: list[tuple[str, dict[str, Any]]]

    def takes_films_of_others(self) -> bool:
        """Whether another sender's film arrives, and nothing else is on the disk."""
        stored = send(self.process.port, [sent(1)], bind_address=(OTHERS, 0)) == [0]
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        (film,) = Spool(self.folder / "spool", DiskLimits()).films()
        film.unlink()
        return stored and files == [film] and self.process.restarts == 0


@contextmanager
def started(folder: Path, settings: ReceiverSettings) -> Iterator[Node]:
    reports: list[tuple[str, dict[str, Any]]] = []
    task = ReceiverTask(
        receiver=settings, disk=DiskLimits(10**9, 0), spool=folder / "spool",
        films=folder / "films", log="json",
    )  # fmt: skip
    with unclosed_sockets():
        process = ReceiverProcess(task, lambda *report: reports.append(report))
        try:
            yield Node(process, folder, reports)
        finally:
            process.stop()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with started(tmp_path_factory.mktemp("node"), SETTINGS) as node:
        yield node


@pytest.fixture
def new_node(tmp_path: Path) -> Iterator[Node]:
    """One that has no associations of other tests."""
    with started(tmp_path, replace(SETTINGS, idle_s=PATIENCE_S, association_s=PATIENCE_S)) as node:
        yield node


def item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(content)) + content


def pdu(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBL", kind, 0, len(content)) + content


def context(number: int = 1, sop: bytes = CR.encode(), syntaxes: int = 1) -> bytes:
    """A presentation context."""
    syntax = item(0x40, ExplicitVRLittleEndian.encode()) * syntaxes
    return item(0x20, bytes([number % 256, 0, 0, 0]) + item(0x30, sop) + syntax)


def user(most: int = 16384, implementation: bytes = b"1.2.3", more: bytes = b"") -> bytes:
    """User information."""
    return item(0x50, item(0x51, struct.pack(">L", most)) + item(0x52, implementation) + more)


def request(
    contexts: bytes = context() + context(3, VERIFICATION.encode()),
    information: bytes | None = None,
    called: bytes = b"PNEUMOSCOPE",
    calling: bytes = b"STRANGER",
) -> bytes:
    """A-ASSOCIATE-RQ."""
    names = called.ljust(16)[:16] + calling.ljust(16)[:16] + bytes(32)
    name = item(0x10, b"1.2.840.10008.3.1.1.1")
    information = user() if information is None else information
    return pdu(1, struct.pack(">HH", 1, 0) + names + name + contexts + information)


def fragment(flags: int, content: bytes, number: int = 1) -> bytes:
    """A presentation data value."""
    return struct.pack(">LBB", len(content) + 2, number, flags) + content


def element(tag: int, content: bytes) -> bytes:
    return (
        struct.pack("<HHL", 0, tag, len(content) + len(content) % 2)
        + content
        + b"\0" * (len(content) % 2)
    )


def number(value: int) -> bytes:
    return struct.pack("<H", value)


def command(
    field: int = 1,
    instance: bytes = b"1.2.3.4.1",
    data: int = 1,
    leave_out: int = -1,
    sop: bytes = CR.encode(),
) -> bytes:
    """A command set; that of C-STORE-RQ unless `field` says otherwise."""
    elements = {
        0x0002: sop, 0x0100: number(field), 0x0110: number(1), 0x0700: number(0),
        0x0800: number(data), 0x1000: instance,
    }  # fmt: skip
    content = b"".join(element(tag, value) for tag, value in elements.items() if tag != leave_out)
    return element(0, struct.pack("<L", len(content))) + content


def data_set(**elements: object) -> bytes:
    data = encode(sent(1, **elements), False, True)
    assert data is not None
    return data


def connected(node: Node, address: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(
        ("127.0.0.1", node.process.port), PATIENCE_S, source_address=(address, 0)
    )


def answer(connection: socket.socket) -> tuple[int, bytes] | None:
    """The next PDU; None if the connection is closed."""
    with suppress(ConnectionError):
        head = _exactly(connection, 6)
        if len(head) == 6:
            return head[0], _exactly(connection, int.from_bytes(head[2:]))
    return None


def _exactly(connection: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size and (more := connection.recv(size - len(content))):
        content += more
    return content


def associated(node: Node, address: str = "127.0.0.1", **request_: Any) -> socket.socket:
    """A connection with an association."""
    connection = connected(node, address)
    connection.sendall(request(**request_))
    accepted = answer(connection)
    assert accepted is not None
    assert accepted[0] == 2
    return connection


def is_ended(connection: socket.socket) -> bool:
    """Waits until the node closes or aborts, whatever it says before."""
    while (pdu_ := answer(connection)) is not None and pdu_[0] != 7:
        pass
    return True


@pytest.mark.parametrize(
    "hostile",
    [
        request(context() * 8000),
        request(b"".join(context(i, b"1.2.%d" % i) for i in range(8000))),
        request(context(syntaxes=2000) * 5),
        request(b""),
        request(information=b""),
        request(information=user() * 5000),
        request(information=user(implementation=b"1" * 60_000)),
        request(information=user(implementation=b"")),
        request(information=user(more=item(0x55, b"A" * 60_000))),
        request(information=user(more=item(0x54, number(5) + b"1.2.3" + b"\1\1") * 4000)),
        request(information=user(more=item(0x56, b"\xff\xff1.2.3"))),
        request(information=user(more=item(0x58, b"\2\1\xff\xffname"))),
        request(context(sop=b"\xff/../\n")),
        request(context(sop=b"")),
        pdu(1, bytes(2**20)),
        pdu(1, b""),
        *(request(calling=name) for name in HOSTILE),
        *(request(called=name) for name in HOSTILE),
        pdu(5, bytes(4)),
        pdu(6, bytes(4)),
        pdu(7, bytes(4)),
        pdu(4, fragment(COMMAND_AND_LAST, command())),
    ],
)
def test_a_hostile_request_for_an_association_keeps_nobody_out(node: Node, hostile: bytes) -> None:
    with connected(node) as connection:
        with suppress(ConnectionError):  # it may be cut off before the end
            connection.sendall(hostile)
        while (pdu_ := answer(connection)) is not None and pdu_[0] not in (2, 7):
            pass
    assert node.takes_films_of_others()


@pytest.mark.parametrize(
    "hostile",
    [
        request(),
        pdu(2, bytes(100)),
        pdu(9, bytes(100)),
        pdu(6, bytes(4)),
        pdu(4, b""),
        pdu(4, bytes(4)),
        pdu(4, struct.pack(">LB", 1, 1)),
        pdu(4, struct.pack(">LBB", 2**31, 1, 3)),
        pdu(4, fragment(COMMAND_AND_LAST, b"")),
        pdu(4, fragment(COMMAND_AND_LAST, b"\xff" * 1000)),
        pdu(4, fragment(COMMAND_AND_LAST, bytes(1000))),
        pdu(4, fragment(COMMAND_AND_LAST, command(), number=77)),
        pdu(4, fragment(DATA_LAST, bytes(1000))),
        *(pdu(4, fragment(COMMAND_AND_LAST, command(leave_out=tag))) for tag in (2, 0x100, 0x800)),
        *(
            pdu(4, fragment(COMMAND_AND_LAST, command(field)) + fragment(DATA_LAST, b"\xff" * 100))
            for field in (0, 0x20, 0x21, 0x10, 0x100, 0x110, 0x140, 0x0FFF, 0x8001, 0xFFFF)
        ),
        pdu(4, fragment(COMMAND_AND_LAST, command()) * 50),
        pdu(4, fragment(COMMAND_AND_LAST, command(data=0x0101)) + fragment(DATA_LAST, bytes(100))),
    ],
)
def test_a_hostile_message_keeps_nobody_out(node: Node, hostile: bytes) -> None:
    with associated(node) as connection:
        with suppress(ConnectionError):
            connection.sendall(hostile)
        assert is_ended(connection)
    assert node.takes_films_of_others()


@pytest.mark.parametrize("flags", [DATA, COMMAND])
@pytest.mark.parametrize("content", [b"", bytes(50)])
def test_fragments_without_an_end_are_cut_off(node: Node, flags: int, content: bytes) -> None:
    """Also empty ones, whose bytes nobody keeps."""
    many = pdu(4, fragment(flags, content) * (200_000 // (6 + len(content))))
    with associated(node) as connection:
        try:
            connection.sendall(pdu(4, fragment(COMMAND_AND_LAST, command())))
            for _ in range(100):
                connection.sendall(many)
        except ConnectionError:
            pass
        else:
            assert is_ended(connection)
    assert node.takes_films_of_others()


@pytest.mark.parametrize("uid", HOSTILE)
def test_no_uid_becomes_a_path(node: Node, uid: bytes) -> None:
    """The SOP Instance UID of the command and of the data set, and that of the study."""
    text = uid.decode("latin-1")
    node.reports.clear()
    for changes in ({"SOPInstanceUID": text}, {"StudyInstanceUID": text}, {}):
        instance = uid if "StudyInstanceUID" not in changes else b"1.2.3.4.1"
        with associated(node) as connection:
            connection.sendall(pdu(4, fragment(COMMAND_AND_LAST, command(instance=instance))))
            data = fragment(DATA_LAST, data_set(**changes))
            with suppress(ConnectionError):
                connection.sendall(pdu(4, data))
            answered = answer(connection)
            if answered is not None and answered[0] == 4:
                status = element(0x0900, number(0xC000))
                assert status in answered[1]
    # Reports come from another process: one of the film before this test may only arrive now.
    reports = [what for what, details in node.reports if details.get("address") != OTHERS]
    assert "stored" not in reports
    assert node.takes_films_of_others()


def test_answers_that_nobody_reads_stop_nobody(node: Node) -> None:
    echo = command(0x30, data=0x0101, sop=VERIFICATION.encode())
    many = pdu(4, fragment(COMMAND_AND_LAST, echo, number=3)) * 2000
    with associated(node) as connection, suppress(OSError):
        connection.settimeout(0.5)
        connection.sendall(many)
    assert node.takes_films_of_others()


def test_all_connections_at_once_are_within_the_limit_on_memory(new_node: Node) -> None:
    """The stacks of their threads count, too."""
    echo = command(0x30, data=0x0101, sop=VERIFICATION.encode())
    with ExitStack() as stack:
        opened = [stack.enter_context(associated(new_node)) for _ in range(20)]
        for _ in range(20):
            stack.enter_context(connected(new_node))
        for connection in opened:
            connection.sendall(pdu(4, fragment(COMMAND_AND_LAST, echo, number=3)))
            answered = answer(connection)
            assert answered is not None
            assert answered[0] == 4
        assert new_node.takes_films_of_others()


def test_one_address_does_not_keep_others_out(new_node: Node) -> None:
    with ExitStack() as stack:
        for _ in range(SETTINGS.associations):
            stack.enter_context(associated(new_node))
        connection = stack.enter_context(connected(new_node))
        connection.sendall(request())
        assert answer(connection) == (3, bytes([0, 2, 3, 2]))  # for now, local limit exceeded
        assert new_node.takes_films_of_others()


def test_connections_of_one_address_that_say_nothing_keep_nobody_out(new_node: Node) -> None:
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(connected(new_node))
        assert new_node.takes_films_of_others()
