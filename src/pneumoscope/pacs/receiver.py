"""The Storage SCP: takes films and reports of storage commitment from associations.

It runs in its own process, see `receiver_process`, which has neither the database nor the keys nor
the network's session. All it can do is write films into the spool.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.dsutils import encode_file_meta
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    Verification,
)

from pneumoscope.errors import DiskFull, UnreadableImage, UsageError
from pneumoscope.files import cause
from pneumoscope.images.dicom import FILM_CLASSES
from pneumoscope.images.transfer_syntax import CODINGS
from pneumoscope.pacs.destinations.commitment import accept_reports, reported
from pneumoscope.pacs.destinations.tls import file_failure
from pneumoscope.pacs.film_header import FilmHeader, header_of_data_set
from pneumoscope.pacs.limited_server import (
    LARGEST_PDU,
    LimitedServer,
    LimitedSocket,
    ReceiveMemory,
    with_reserve,
)

if TYPE_CHECKING:
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.events import Event

    from pneumoscope.pacs.config import ReceiverSettings
    from pneumoscope.pacs.spool import Spool

_log = logging.getLogger(__name__)

TRANSFER_SYNTAXES = tuple(CODINGS)
"""Transfer syntaxes that are accepted: those that can be decoded. Deflated is not among them."""
SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
"""Refused: Out of Resources (PS3.4 B.2.3); senders try again later."""
CLASS_MISMATCH = 0xA900
"""Error: Data Set does not match SOP Class (PS3.4 B.2.3)."""
NOT_UNDERSTOOD = 0xC000
"""Error: Cannot understand (PS3.4 B.2.3)."""
NOT_SUPPORTED = 0x0122
"""Refused: SOP Class not supported (PS3.7 C.5.6)."""
_LOCAL_LIMIT_EXCEEDED = (0x02, 0x03, 0x02)
"""Rejected for now by the presentation layer (PS3.8 9.3.4); senders try again."""
_UNREQUESTED = ("Sta2", "Sta13")
"""States of a connection (PS3.8 9.2.1): it waits for a request, or for its end after something else came."""
_COMMENT_LETTERS = 64
"""Longest Error Comment (0000,0902), VR LO."""
Report = Callable[[str, dict[str, Any]], object]
"""Takes what happened, and its details. Those of ``stored`` are for the audit trail: they give the study
and the patient's ID, and must not be logged. No others identify a person."""


class Receiver:
    """A running Storage SCP."""

    def __init__(self, settings: ReceiverSettings, spool: Spool, report: Report) -> None:
        """Listens.

        Args:
            settings: The settings.
            spool: Where films go.
            report: Called with ``stored``, ``refused``, ``rejected`` and ``committed``.

        Raises:
            UsageError: It cannot listen there, or the certificate cannot be used.
        """
        self._settings = settings
        self._spool = spool
        self._report = report
        handlers = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_ECHO, self._echo),
            (evt.EVT_N_EVENT_REPORT, self._commitment),
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_CONN_CLOSE, _end_without_request),
        ]
        ae = _application_entity(settings)
        try:
            self._server = ae.make_server(
                (settings.host, settings.port),
                evt_handlers=handlers,  # type: ignore[arg-type]
                server_class=LimitedServer,
                settings=settings,
                memory=ReceiveMemory(max(settings.memory_bytes // 4, settings.film_bytes)),
                tls=server_context(settings),
                refused=lambda reason, address: report(
                    "rejected", {"reason": reason, "address": address}
                ),
            )
        except OSError as error:
            raise UsageError(
                f"cannot listen on {settings.host} port {settings.port}: {cause(error)}",
                "Is another node running? Choose another host or port.",
            ) from None

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self._server.server_address[1])

    def serve(self) -> None:
        """Accepts associations until `stop` is called from another thread."""
        self._server.serve_forever(poll_interval=0.1)

    def stop(self, grace_s: float) -> None:
        """Accepts no more associations, and waits for the others.

        Args:
            grace_s: Longest wait; associations that still last are aborted.
        """
        self._server.shutdown()
        deadline = time.monotonic() + grace_s
        while (active := self._server.active_associations) and time.monotonic() < deadline:
            time.sleep(0.05)
        for association in active:
            association.abort()

    def _store(self, event: Event) -> Dataset:
        """Handles C-STORE: success is reported only when the film is on the disk."""
        request = cast("C_STORE", event.request)
        data = request.DataSet
        header = None
        try:
            status, comment, header = self._put_into_spool(request, event)
        except MemoryError:  # other films take it at this moment
            _log.error("a film was not stored: out of memory")
            status, comment = OUT_OF_RESOURCES, "out of memory"
        except Exception as error:  # noqa: BLE001 (any other answer would be of pynetdicom, or none)
            _log.error("a film was not stored: %s", type(error).__name__)
            status, comment = NOT_UNDERSTOOD, "it cannot be processed"
        size = 0 if data is None else data.getbuffer().nbytes
        _count_as_stored(event, size)
        if status == SUCCESS and header is not None:
            subject = {"study": header.study, "patient": header.patient}
            self._report("stored", {"bytes": size} | subject | _peer(event))
        else:
            self._report("refused", {"status": f"{status:04X}", "reason": comment} | _peer(event))
        answer = Dataset()
        answer.Status = status
        if comment:
            answer.ErrorComment = comment[:_COMMENT_LETTERS]
        return answer

    def _put_into_spool(self, request: C_STORE, event: Event) -> tuple[int, str, FilmHeader | None]:
        """Puts a film into the spool; returns a status and, unless it is success, a reason; then its header."""
        context = event.context
        sop_class = str(request.AffectedSOPClassUID or "")
        if sop_class not in FILM_CLASSES or sop_class != context.abstract_syntax:
            return NOT_SUPPORTED, "no film for people of this SOP class", None
        stream = request.DataSet
        if stream is None:
            return NOT_UNDERSTOOD, "there is no data set", None
        if stream.getbuffer().nbytes > self._settings.film_bytes:
            return NOT_UNDERSTOOD, "the film is too large", None
        stream.seek(0)
        try:
            header = header_of_data_set(stream, context.transfer_syntax)
        except UnreadableImage as error:
            return NOT_UNDERSTOOD, error.message.removeprefix("film: "), None
        if header.sop_class != sop_class:
            return CLASS_MISMATCH, "the data set has another SOP class", None
        if header.sop_instance != str(request.AffectedSOPInstanceUID or ""):
            return NOT_UNDERSTOOD, "the data set has another SOP Instance UID", None
        try:
            self._spool.put(header.sop_instance, [_file_meta(event), stream.getbuffer()])
        except DiskFull:
            return OUT_OF_RESOURCES, "the disk is full, or the node has used its share", None
        except OSError as error:
            return OUT_OF_RESOURCES, f"the film cannot be written: {cause(error)}", None
        return SUCCESS, "", header

    def _echo(self, event: Event) -> int:
        _count_as_stored(event, 0)
        return SUCCESS

    def _commitment(self, event: Event) -> tuple[int, None]:
        """Handles N-EVENT-REPORT of an archive that has committed to keep objects, or not."""
        transaction, failed = reported(event)
        self._report("committed", {"transaction": transaction, "failed": failed})
        return SUCCESS, None

    def _requested(self, event: Event) -> None:
        """Rejects one association too many, of this address or of all, so that other addresses get in.

        Connections whose request has not come do not count: they cost a stranger nothing.
        """
        association, most = event.assoc, self._settings.associations
        others = [
            each.requestor.address
            for each in self._server.active_associations
            if each is not association and each.requestor.primitive and not each.is_rejected
        ]
        same = others.count(association.requestor.address)
        if same >= most or len(others) >= with_reserve(most):
            association.acse.send_reject(*_LOCAL_LIMIT_EXCEEDED)
            evt.trigger(association, evt.EVT_REJECTED, {})
            association.kill()

    def _rejected(self, event: Event) -> None:
        self._report("rejected", {"reason": "association"} | _peer(event))


def _application_entity(settings: ReceiverSettings) -> AE:
    ae = AE(ae_title=settings.ae_title)
    ae.require_called_aet = True
    ae.require_calling_aet = list(settings.calling_ae_titles)
    ae.maximum_associations = 2**31  # `Receiver` counts them itself
    ae.maximum_pdu_size = LARGEST_PDU
    ae.acse_timeout = settings.association_s
    ae.dimse_timeout = ae.network_timeout = settings.idle_s
    ae.add_supported_context(Verification)
    for sop_class in FILM_CLASSES:
        ae.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
    accept_reports(ae)
    return ae


def server_context(settings: ReceiverSettings) -> ssl.SSLContext | None:
    """TLS 1.2 or later, with certificates of senders if an authority is named; None without TLS.

    Raises:
        UsageError: A file is missing or malformed, or the two do not belong together.
    """
    if settings.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        for path in filter(None, (settings.certificate, settings.key, settings.authority)):
            path.open("rb").close()  # OpenSSL does not say which of them is missing
        # With an empty password, OpenSSL does not ask for one on the terminal.
        context.load_cert_chain(settings.certificate, settings.key, password="")
        if settings.authority is not None:
            context.load_verify_locations(settings.authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        name = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
        raise UsageError(
            f"receiver: the files of TLS cannot be used ({name}{file_failure(error)})",
            "Give a certificate chain and its own, unencrypted private key, both PEM.",
        ) from None
    return context


def _end_without_request(event: Event) -> None:
    """Ends an association whose peer has left before it requested anything.

    pynetdicom does not tell the association's thread, which would wait for a request until its time is
    over, count as a connection, and delay the end of the receiver.
    """
    dul = event.assoc.dul
    # In other states the thread has a request, and hears of the end.
    if event.assoc.requestor.primitive is None and dul.state_machine.current_state in _UNREQUESTED:
        # What a wait that is over returns. mypy knows the type of this queue with some of its caches only.
        over: Any = None
        dul.to_user_queue.put(over)


def _count_as_stored(event: Event, size: int) -> None:
    connection = event.assoc.dul.socket
    if isinstance(connection, LimitedSocket):
        connection.stored(more=not event.assoc.dimse.msg_queue.empty(), size=size)


def _file_meta(event: Event) -> bytes:
    """Preamble and file meta information (PS3.10 7.1) of a received data set."""
    return b"\0" * 128 + b"DICM" + encode_file_meta(event.file_meta)


def _peer(event: Event) -> dict[str, str]:
    requestor = event.assoc.requestor
    return {"ae_title": str(requestor.ae_title).strip(), "address": str(requestor.address)}
