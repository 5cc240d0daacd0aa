"""C-STORE to an archive, and what it answers."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from pydicom import Dataset
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel

from archives import (
    CLASSES,
    EXPLICIT,
    RLE,
    Received,
    archive,
    certificate,
    maker_of,
    server_context,
    settings_for,
    stored_film,
    unclosed_sockets,
)
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.bundle import Bundle
from pneumoscope.pacs.destinations.associations import association
from pneumoscope.pacs.destinations.base import StoredFilm
from pneumoscope.pacs.destinations.c_store import Archive
from pneumoscope.pacs.destinations.commitment import Commitments, accept_reports
from pneumoscope.pacs.destinations.connection_settings import TlsSettings
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.result_objects import ObjectMaker
from result_films import UIDS
from test_reasons import refused

PATIENCE_S = 20.0
SENT = [KINDS[kind].sop_class_uid for kind in ("sr", "sc", "seg")]


@pytest.fixture(scope="module")
def film(tiny_bundle: Bundle) -> StoredFilm:
    return stored_film(tiny_bundle)


@pytest.fixture(scope="module")
def maker(tiny_bundle: Bundle) -> ObjectMaker:
    """Makes the objects of the film once for all tests."""
    return maker_of(tiny_bundle)


def destination(received: Received, maker: ObjectMaker, **changes: object) -> Archive:
    return Archive(settings_for(received, **changes), maker, Commitments())


@pytest.mark.parametrize("syntaxes", [(EXPLICIT, RLE), (EXPLICIT,), ("1.2.840.10008.1.2",)])
def test_objects_arrive_in_the_study_and_a_second_time_unchanged(
    film: StoredFilm, maker: ObjectMaker, syntaxes: tuple[str, ...]
) -> None:
    with archive(syntaxes=syntaxes) as received:
        destination(received, maker).send(film)
        destination(received, maker).send(film)
    assert received.classes == SENT * 2
    assert {item.StudyInstanceUID for item in received.objects} == {UIDS["StudyInstanceUID"]}
    uids = [item.SOPInstanceUID for item in received.objects]
    assert uids[:3] == uids[3:]
    assert len(set(uids)) == 3
    assert set(received.callers) == {"PNEUMOSCOPE"}
    [heat] = [item for item in received.objects[:3] if item.Modality == "SEG"]
    assert heat.pixel_array.max() == 255  # decodes, compressed or not
    assert (heat.file_meta.TransferSyntaxUID == RLE) == (RLE in syntaxes)


def test_a_refused_film_gets_a_report_only(maker: ObjectMaker, tiny_bundle: Bundle) -> None:
    with archive() as received:
        film = stored_film(tiny_bundle, change=refused)
        assert film.result["label"] == "REFUSED"
        destination(received, maker).send(film)
    assert received.classes == [KINDS["sr"].sop_class_uid]


@pytest.mark.parametrize("commitment", [False, True])
def test_a_refused_film_opens_no_association_to_an_archive_that_gets_pictures_only(
    maker: ObjectMaker, tiny_bundle: Bundle, commitment: bool
) -> None:
    film = stored_film(tiny_bundle, change=refused)
    with archive() as received:
        pictures = {"objects": ("sc", "seg"), "commitment": commitment}
        destination(received, maker, **pictures).send(film)
    assert (received.classes, received.callers) == ([], [])


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(0xA700, False), (0xA900, True), (0xC000, True), (0x0122, True), (0x0110, False)],
)
def test_a_status_says_whether_another_attempt_may_help(
    film: StoredFilm, maker: ObjectMaker, status: int, permanent: bool
) -> None:
    with archive(status=status) as received, pytest.raises(DeliveryFailed) as caught:
        destination(received, maker, objects=("sr",)).send(film)
    assert caught.value.permanent == permanent
    assert ("class" if status == 0x0122 else f"0x{status:04X}") in caught.value.message


@pytest.mark.parametrize("status", [0xB000, 0xB007, 0x0111])
def test_warnings_and_duplicates_are_deliveries(
    film: StoredFilm, maker: ObjectMaker, status: int
) -> None:
    with archive(status=status) as received:
        destination(received, maker, objects=("sr",)).send(film)
    assert received.classes == SENT[:1]


def test_an_archive_that_refuses_a_class_is_named_with_it(
    film: StoredFilm, maker: ObjectMaker
) -> None:
    without_seg = tuple(uid for uid in CLASSES if uid != KINDS["seg"].sop_class_uid)
    with archive(classes=without_seg) as received:
        sending = destination(received, maker)
        with pytest.raises(DeliveryFailed, match="seg: the archive does not accept") as caught:
            sending.send(film)
        check = sending.check()
    assert caught.value.permanent
    assert not check.ok
    assert check.text.endswith("does not accept seg (Segmentation, fractional)")


def test_check_echoes_and_stores_nothing(maker: ObjectMaker) -> None:
    with archive() as received:
        check = destination(received, maker).check()
    assert check.ok
    assert check.text.endswith("answers C-ECHO, accepts sr, sc, seg")
    assert received.objects == []


def test_a_wrong_ae_title_and_a_closed_port_are_told_apart(maker: ObjectMaker) -> None:
    with archive(title="OTHER") as received:
        rejected = destination(received, maker).check()
    with socket.socket() as bound, unclosed_sockets():  # bound, but nobody listens
        bound.bind(("127.0.0.1", 0))
        silent = destination(Received(port=bound.getsockname()[1]), maker).check()
    assert "rejects the association (called AE title not recognised)" in rejected.text
    assert "called_ae" in rejected.hint
    assert silent.text.endswith("cannot be reached (connection refused)")
    unknown = destination(Received(port=1), maker, host="no such host").check()
    assert unknown.text.startswith("archive: ARCHIVE at no such host:1 cannot be reached (")


def test_a_rejection_is_told_even_if_the_connection_has_closed_before_it_is_waited_for() -> None:
    closed = threading.Event()
    slow = [
        (evt.EVT_CONN_CLOSE, lambda _event: closed.set()),
        (evt.EVT_REQUESTED, lambda _event: closed.wait(PATIENCE_S)),
    ]
    contexts = [build_context(StorageCommitmentPushModel)]
    with (
        archive(title="OTHER") as received,
        pytest.raises(DeliveryFailed, match=r"rejects the association \(called AE title not rec"),
        association(settings_for(received), contexts, slow),
    ):
        pass
    assert closed.is_set()


def test_an_association_that_is_accepted_and_ended_at_once_is_tried_again() -> None:
    """It was taken for one whose contexts are all rejected, which no second try would mend."""
    closed = threading.Event()
    slow = [
        (evt.EVT_CONN_CLOSE, lambda _event: closed.set()),
        (evt.EVT_REQUESTED, lambda _event: closed.wait(PATIENCE_S)),
    ]
    ending = [(evt.EVT_ACCEPTED, lambda event: event.assoc.abort())]
    contexts = [build_context(CLASSES[0], [EXPLICIT])]
    with (
        archive(more=lambda _ae: ending) as received,
        pytest.raises(DeliveryFailed, match="the association ended at once") as caught,
        association(settings_for(received), contexts, slow),
    ):
        pass
    assert not caught.value.permanent


def test_a_certificate_for_another_name_is_called_so(maker: ObjectMaker, tmp_path: Path) -> None:
    theirs = certificate(tmp_path, "theirs")
    with archive(tls=server_context(theirs, theirs)) as received, unclosed_sockets():
        tls = TlsSettings(authority=theirs, certificate=theirs)
        check = destination(received, maker, host="localhost", tls=tls).check()
    assert "its TLS certificate is not accepted (hostname mismatch" in check.text


def test_tls_both_ways(film: StoredFilm, maker: ObjectMaker, tmp_path: Path) -> None:
    theirs, ours = certificate(tmp_path, "theirs"), certificate(tmp_path, "ours")
    with archive(tls=server_context(theirs, ours)) as received, unclosed_sockets():
        tls = TlsSettings(authority=theirs, certificate=ours)
        destination(received, maker, tls=tls, objects=("sr",)).send(film)
        stranger = TlsSettings(authority=ours, certificate=ours)
        check = destination(received, maker, tls=stranger).check()
        plain = destination(received, maker, timeout_s=1.0).check()
    assert received.classes == SENT[:1]
    assert not check.ok
    assert "TLS" in check.text
    assert not plain.ok


def reporting(failing: int, *, separate: int | None = None) -> object:
    """An archive's part in storage commitment.

    Args:
        failing: How many objects it does not keep.
        separate: Port for an association of its own; None to report on the association of the request.
    """

    def more(ae: AE) -> list[object]:
        ae.add_supported_context(StorageCommitmentPushModel)

        def action(event: evt.Event) -> tuple[int, None]:
            references = event.action_information.ReferencedSOPSequence
            report = Dataset()
            report.TransactionUID = event.action_information.TransactionUID
            report.ReferencedSOPSequence = references[failing:]
            report.FailedSOPSequence = references[:failing]
            threading.Thread(target=tell, args=(event.assoc, report)).start()
            return 0, None

        return [(evt.EVT_N_ACTION, action)]

    def tell(assoc: object, report: Dataset) -> None:
        kind = 2 if failing else 1
        class_uid, instance = StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1"
        if separate is None:
            assoc.send_n_event_report(report, kind, class_uid, instance)
            return
        caller = AE()
        caller.add_requested_context(StorageCommitmentPushModel)
        role = build_role(StorageCommitmentPushModel, scp_role=True)
        opened = caller.associate("127.0.0.1", separate, ext_neg=[role])
        opened.send_n_event_report(report, kind, class_uid, instance)
        opened.release()

    return more


@pytest.mark.parametrize("failing", [0, 1])
def test_commitment_on_the_same_association(
    film: StoredFilm, maker: ObjectMaker, failing: int
) -> None:
    with archive(more=reporting(failing)) as received:
        sending = destination(received, maker, commitment=True, commitment_s=60.0)
        if failing:
            with pytest.raises(DeliveryFailed, match="does not commit to keep 1 of 3"):
                sending.send(film)
        else:
            sending.send(film)
        assert sending.check().ok


def test_commitment_on_an_association_of_the_archive(film: StoredFilm, maker: ObjectMaker) -> None:
    commitments = Commitments()
    listener = AE()
    accept_reports(listener)
    handlers = [(evt.EVT_N_EVENT_REPORT, commitments.report)]
    server = listener.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        with archive(more=reporting(0, separate=server.server_address[1])) as received:
            settings = settings_for(received, commitment=True, commitment_s=60.0, objects=("sr",))
            Archive(settings, maker, commitments).send(film)
    finally:
        server.shutdown()
    assert received.classes == SENT[:1]


def test_no_commitment_is_a_failure_that_may_pass(film: StoredFilm, maker: ObjectMaker) -> None:
    def silent(ae: AE) -> list[object]:
        ae.add_supported_context(StorageCommitmentPushModel)
        return [(evt.EVT_N_ACTION, lambda _event: (0, None))]

    with archive(more=silent) as received:
        sending = destination(received, maker, commitment=True, commitment_s=0.05, objects=("sr",))
        with pytest.raises(DeliveryFailed) as caught:
            sending.send(film)
    assert not caught.value.permanent
    with archive() as received:
        check = destination(received, maker, commitment=True).check()
    assert check.text.endswith("does not accept storage commitment")


def test_no_packet_waits_for_an_acknowledgement() -> None:
    with archive() as received:
        contexts = [build_context(KINDS["sr"].sop_class_uid)]
        with association(settings_for(received), contexts) as opened:
            connection = opened.dul.socket
            assert connection is not None
            assert connection.socket is not None
            assert connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux only")
def test_every_packet_of_an_archive_is_acknowledged_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An archive that sends the head of a PDU first would wait 40 ms before it sends the rest."""
    options: list[int] = []
    with archive() as received:
        contexts = [build_context(KINDS["sr"].sop_class_uid)]
        with association(settings_for(received), contexts) as opened:
            connection = opened.dul.socket
            assert connection is not None
            with monkeypatch.context() as patch:
                patch.setattr(socket.socket, "setsockopt", lambda *each: options.append(each[2]))
                assert connection.recv(0) == b""
                connection.send(b"")
    assert options == [socket.TCP_QUICKACK] * 2


def counting(associations: list[int]) -> object:
    """Notes each association with an archive."""
    return lambda _ae: [(evt.EVT_ESTABLISHED, lambda _event: associations.append(1))]


@pytest.mark.parametrize(("commitment", "opened"), [(False, 1), (True, 2)])
def test_results_that_are_sent_together_share_an_association(
    film: StoredFilm, maker: ObjectMaker, commitment: bool, opened: int
) -> None:
    associations: list[int] = []

    def more(ae: AE) -> list[object]:
        return [*counting(associations)(ae), *reporting(0)(ae)]

    with archive(more=more) as received:
        archive_ = destination(received, maker, commitment=commitment, commitment_s=5.0)
        with archive_.sending() as send:
            send(film)
            send(film)
    assert received.classes == SENT * 2
    assert len(associations) == opened


def test_an_association_that_lacks_a_class_is_not_used_for_it(
    film: StoredFilm, maker: ObjectMaker, tiny_bundle: Bundle
) -> None:
    report_only = stored_film(tiny_bundle, change=refused)
    associations: list[int] = []
    with (
        archive(more=counting(associations)) as received,
        destination(received, maker).sending() as send,
    ):
        for each in (report_only, film, report_only):
            send(each)
    assert received.classes == [SENT[0], *SENT, SENT[0]]
    assert len(associations) == 2


def test_an_association_that_the_archive_closes_between_two_results_is_opened_again(
    film: StoredFilm, maker: ObjectMaker
) -> None:
    theirs: list[object] = []

    def more(_ae: AE) -> list[object]:
        return [(evt.EVT_ESTABLISHED, lambda event: theirs.append(event.assoc))]

    with (
        archive(more=more) as received,
        destination(received, maker, objects=("sr",)).sending() as send,
    ):
        send(film)
        theirs[0].abort()
        theirs[0].join(PATIENCE_S)
        send(film)
    assert received.classes == SENT[:1] * 2
    assert len(theirs) == 2


def test_after_a_failure_the_association_is_not_used_again(
    film: StoredFilm, maker: ObjectMaker
) -> None:
    associations: list[int] = []
    with (
        archive(status=0xA700, more=counting(associations)) as received,
        destination(received, maker, objects=("sr",)).sending() as send,
    ):
        for _ in range(2):
            with pytest.raises(DeliveryFailed, match="0xA700"):
                send(film)
    assert (received.classes, len(associations)) == (SENT[:1] * 2, 2)
