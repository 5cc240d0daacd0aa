"""The Storage SCP with real sockets: what it takes, and with which status it refuses the rest."""

from __future__ import annotations

import io
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from pynetdicom import AE, build_context, build_role
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

from archives import certificate, unclosed_sockets
from pneumoscope.errors import DiskFull, UsageError
from pneumoscope.pacs import film_header
from pneumoscope.pacs import receiver as receiver_module
from pneumoscope.pacs.config import DiskLimits
from pneumoscope.pacs.receiver import TRANSFER_SYNTAXES, Receiver, server_context
from pneumoscope.pacs.spool import Spool
from receivers import LOCAL, Running, running
from sent_films import CR, file_of, send, sent

PATIENCE_S = 20.0
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture(scope="module", autouse=True)
def _sockets() -> Iterator[None]:
    with unclosed_sockets():
        yield


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("receiver")) as started:
        yield started


@pytest.fixture
def empty(node: Running) -> Running:
    for path in node.spool.films():
        path.unlink()
    node.reports.clear()
    return node


def test_a_film_is_on_the_disk_as_it_was_sent(empty: Running) -> None:
    assert send(empty.port, [sent(1), sent(2)]) == [0, 0]
    stored = {str(dcmread(path).SOPInstanceUID): dcmread(path) for path in empty.spool.films()}
    assert sorted(stored) == ["1.2.3.4.1", "1.2.3.4.2"]
    film = stored["1.2.3.4.1"]
    assert film == sent(1)
    assert film.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert film.file_meta.MediaStorageSOPInstanceUID == "1.2.3.4.1"
    size = len(file_of(sent(1)))
    assert [abs(details["bytes"] - size) < 1000 for details in empty.reported("stored")] == [
        True
    ] * 2


def test_the_same_film_three_times_is_stored_once(empty: Running) -> None:
    assert send(empty.port, [sent(1)] * 3) == [0, 0, 0]
    senders = [threading.Thread(target=send, args=(empty.port, [sent(1)])) for _ in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(empty.spool.films()) == 1
    assert len(empty.reported("stored")) == 6


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"StudyInstanceUID": None}, 0xC000, "it has no StudyInstanceUID"),
        ({"PixelData": None}, 0xC000, "it has no pixels"),
        ({"Rows": None}, 0xC000, "it has no pixels"),
    ],
)
def test_what_is_not_understood_is_refused(
    empty: Running, change: dict[str, object], status: int, reason: str
) -> None:
    assert send(empty.port, [sent(1, **change), sent(2)]) == [status, 0]
    (refused,) = empty.reported("refused")
    assert refused["status"] == f"{status:04X}"
    assert reason in refused["reason"]
    assert (refused["ae_title"], refused["address"]) == ("SENDER", "127.0.0.1")
    assert len(empty.spool.films()) == 1


@pytest.mark.parametrize("said", [b"", b"\x05", b"\x05\0\0\0\0\x04\0\0\0\0", b"GET / HTTP/1.1\r\n"])
def test_a_peer_that_has_left_is_not_waited_for(tmp_path: Path, said: bytes) -> None:
    settings = replace(LOCAL, association_s=2 * PATIENCE_S, idle_s=2 * PATIENCE_S)
    with running(tmp_path, settings) as node:
        peers = [socket.create_connection(("127.0.0.1", node.port)) for _ in range(5)]
        for peer in peers:
            peer.sendall(said)
        assert send(node.port, [sent(1)]) == [0]  # the associations before it have begun
        associations = node.receiver._server.active_associations
        for peer in peers:
            peer.close()
        for association in associations:
            association.join(PATIENCE_S)
        assert [association.is_alive() for association in associations] == [False] * len(
            associations
        )
        started = time.monotonic()
        node.receiver.stop(grace_s=PATIENCE_S)
        assert time.monotonic() - started < PATIENCE_S / 2


def raw_store(port: int, request_uids: tuple[str, str], data: bytes, context: str = CR) -> int:
    """Sends a request whose UIDs and data set are chosen freely; returns the status."""
    ae = AE("SENDER")
    association = ae.associate("127.0.0.1", port, [build_context(context, ExplicitVRLittleEndian)],
                               ae_title="PNEUMOSCOPE")  # fmt: skip
    assert association.is_established
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = request_uids
    request.DataSet = io.BytesIO(data)
    association._reactor_checkpoint.clear()  # or its thread would take the answer
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
    _, answer = association.dimse.get_msg(block=True)
    association.release()
    assert answer is not None
    return int(answer.Status)


def data_set_of(film: Dataset) -> bytes:
    encoded = encode(film, False, True)
    assert encoded is not None
    return encoded


def test_requests_that_contradict_their_data_set_are_refused(empty: Running) -> None:
    data = data_set_of(sent(1))
    dx = "1.2.840.10008.5.1.4.1.1.1.1"
    assert raw_store(empty.port, (CR, "1.2.3.4.9"), data) == 0xC000
    assert raw_store(empty.port, (dx, "1.2.3.4.1"), data) == 0x0122  # not of this context
    assert raw_store(empty.port, ("1.2.840.10008.5.1.4.1.1.2", "1.2.3.4.1"), data) == 0x0122  # CT
    assert raw_store(empty.port, (dx, "1.2.3.4.1"), data, dx) == 0xA900
    assert raw_store(empty.port, (CR, "1.2.3.4.1"), data[:200]) == 0xC000
    assert raw_store(empty.port, (CR, "1.2.3.4.1"), b"nonsense" * 100) == 0xC000
    assert raw_store(empty.port, (CR, "1.2.3.4.1"), data) == 0
    assert len(empty.spool.films()) == 1


def test_other_classes_and_deflated_films_are_not_negotiated(empty: Running) -> None:
    ae = AE("SENDER")
    ct = build_context("1.2.840.10008.5.1.4.1.1.2")
    processing = build_context("1.2.840.10008.5.1.4.1.1.1.1.1")
    deflated = build_context(CR, DeflatedExplicitVRLittleEndian)
    association = ae.associate(
        "127.0.0.1", empty.port, [ct, processing, deflated, build_context(Verification)],
        ae_title="PNEUMOSCOPE",
    )  # fmt: skip
    assert [c.abstract_syntax for c in association.accepted_contexts] == [Verification]
    assert association.send_c_echo().Status == 0
    association.release()
    assert DeflatedExplicitVRLittleEndian not in TRANSFER_SYNTAXES


def test_every_syntax_that_is_decoded_is_negotiated(empty: Running) -> None:
    ae = AE("SENDER")
    contexts = [build_context(CR, syntax) for syntax in TRANSFER_SYNTAXES]
    association = ae.associate("127.0.0.1", empty.port, contexts, ae_title="PNEUMOSCOPE")
    assert {c.transfer_syntax[0] for c in association.accepted_contexts} == set(TRANSFER_SYNTAXES)
    association.release()


def test_a_full_disk_is_told_to_the_sender_and_the_next_film_is_taken(
    empty: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("spool")

    with monkeypatch.context() as patch:
        patch.setattr(empty.spool, "put", full)
        assert send(empty.port, [sent(1)]) == [0xA700]
    assert send(empty.port, [sent(1)]) == [0]
    assert [each["status"] for each in empty.reported("refused")] == ["A700"]


def test_a_film_without_memory_is_to_be_sent_again(
    empty: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    for module, name in ((receiver_module, "encode_file_meta"), (film_header, "read_dataset")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, exhausted)
            assert send(empty.port, [sent(1)]) == [0xA700]
    assert send(empty.port, [sent(1)]) == [0]


def test_an_unexpected_failure_is_no_success(
    empty: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("Planted^Name")

    monkeypatch.setattr(receiver_module, "header_of_data_set", broken)
    assert send(empty.port, [sent(1)]) == [0xC000]
    assert "Planted" not in caplog.text


def test_titles_are_required(tmp_path: Path) -> None:
    settings = replace(LOCAL, ae_title="CHEST", calling_ae_titles=("MODALITY",))
    with running(tmp_path, settings) as node:
        assert send(node.port, [sent(1)], called="CHEST", calling="MODALITY") == [0]
        assert send(node.port, [sent(2)], called="OTHER", calling="MODALITY") == []
        assert send(node.port, [sent(2)], called="CHEST", calling="STRANGER") == []
        assert len(node.reported("rejected")) == 2
        assert node.reported("rejected")[1]["ae_title"] == "STRANGER"


def test_too_many_associations_are_rejected(tmp_path: Path) -> None:
    with running(tmp_path, replace(LOCAL, associations=2)) as node:
        ae, contexts = AE("SENDER"), [build_context(Verification)]
        opened = [
            ae.associate("127.0.0.1", node.port, contexts, ae_title="PNEUMOSCOPE") for _ in range(3)
        ]
        assert [association.is_established for association in opened] == [True, True, False]
        for association in opened[:2]:
            association.release()


@pytest.mark.slow
def test_twenty_senders_at_once_lose_nothing(empty: Running) -> None:
    statuses: list[list[int]] = []
    senders = [
        threading.Thread(
            target=lambda n=n: statuses.append(send(empty.port, [sent(n), sent(n + 50)]))
        )
        for n in range(20)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert statuses == [[0, 0]] * 20
    assert len(empty.spool.films()) == 40


def test_a_film_over_the_limit_is_refused(tmp_path: Path) -> None:
    settings = replace(LOCAL, film_bytes=2**20, memory_bytes=64 * 2**20)
    with running(tmp_path, settings) as node:
        assert send(node.port, [sent(1, side=1100)]) == [0xC000]  # a little too large
        assert send(node.port, [sent(2, side=2000)]) in ([-1], [0xC000])  # much too large: cut off
        assert send(node.port, [sent(3, side=1000)]) == [0]
        assert len(node.spool.films()) == 1


def test_a_report_of_storage_commitment_is_passed_on(empty: Running) -> None:
    archive = AE("ARCHIVE")
    association = archive.associate(
        "127.0.0.1", empty.port, [build_context(StorageCommitmentPushModel)],
        ae_title="PNEUMOSCOPE", ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)],
    )  # fmt: skip
    information = Dataset()
    information.TransactionUID = "1.2.9"
    information.FailedSOPSequence = [Dataset(), Dataset()]
    status, _ = association.send_n_event_report(
        information, 2, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1"
    )
    association.release()
    assert status.Status == 0
    assert empty.reported("committed") == [{"transaction": "1.2.9", "failed": 2}]


def test_senders_need_certificates_where_an_authority_is_named(tmp_path: Path) -> None:
    of_node, of_senders = certificate(tmp_path, "node"), certificate(tmp_path, "sender")
    settings = replace(LOCAL, certificate=of_node, authority=of_senders)
    with running(tmp_path, settings) as node:
        context = ssl.create_default_context(cafile=of_node)
        context.load_cert_chain(of_senders)
        assert send(node.port, [sent(1)], tls_args=(context, "127.0.0.1")) == [0]
        anonymous = ssl.create_default_context(cafile=of_node)
        assert send(node.port, [sent(2)], tls_args=(anonymous, "127.0.0.1")) == []
        assert send(node.port, [sent(3)]) == []
        silent = socket.create_connection(("127.0.0.1", node.port))  # never begins a handshake
        assert send(node.port, [sent(4)], tls_args=(context, "127.0.0.1")) == [0]
        silent.close()
        assert len(node.spool.films()) == 2


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    assert server_context(LOCAL) is None
    (tmp_path / "x.pem").write_text("nonsense", encoding="utf-8")
    with pytest.raises(UsageError, match="the files of TLS cannot be used"):
        server_context(replace(LOCAL, certificate=tmp_path / "x.pem"))
    with pytest.raises(UsageError, match=r"\(.*gone.pem: no such file or directory\)"):
        server_context(replace(LOCAL, certificate=tmp_path / "gone.pem"))


def test_a_port_in_use_is_named(empty: Running, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1 port {empty.port}"):
        Receiver(replace(LOCAL, port=empty.port), Spool(tmp_path, DiskLimits()), print)


def test_storescu_sends_films(empty: Running, tmp_path: Path) -> None:
    if shutil.which("storescu") is None:
        pytest.skip("no storescu: the package dcmtk is not installed")
    for number in range(3):
        (tmp_path / f"{number}.dcm").write_bytes(file_of(sent(number + 1)))
    subprocess.run(
        ["storescu", "-aec", "PNEUMOSCOPE", "+sd", "127.0.0.1", str(empty.port), str(tmp_path)],
        check=True, timeout=60, capture_output=True,
    )  # fmt: skip
    assert len(empty.spool.films()) == 3
