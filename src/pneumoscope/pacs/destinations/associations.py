"""Associations with an archive (DICOM PS3.8), and what it says when it takes none."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pynetdicom import AE, evt
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ

from pneumoscope import files
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.tls import client_context, verification_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pynetdicom.association import Association
    from pynetdicom.events import Event
    from pynetdicom.presentation import PresentationContext
    from pynetdicom.transport import AssociationSocket

    from pneumoscope.pacs.destinations.settings import CStoreSettings

# pynetdicom logs names of other systems and dumps of headers; failures are raised here.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

_LARGEST_PDU = 128 * 1024


def _without_delays(event: Event) -> None:
    """Neither side waits for acknowledgements: of the small packets of a C-STORE, several would."""
    connection = event.assoc.dul.socket
    if connection is None:
        return
    # Otherwise small packets wait until earlier ones are acknowledged (Nagle, RFC 9293 3.7.4).
    _switch_on(connection, socket.TCP_NODELAY)
    # An archive may send the head of a PDU by itself, and wait before the rest; Linux would delay the
    # acknowledgement by 40 ms. It goes back to delays by itself, so each time.
    for name in ("send", "recv") if hasattr(socket, "TCP_QUICKACK") else ():
        vars(connection)[name] = _acknowledging(connection, getattr(connection, name))


def _acknowledging(
    connection: AssociationSocket, work: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """``work``, after which what has come is acknowledged, and what comes next is at once."""

    def worked(argument: Any) -> Any:
        result = work(argument)
        _switch_on(connection, socket.TCP_QUICKACK)
        return result

    return worked


def _switch_on(connection: AssociationSocket, option: int) -> None:
    if connection.socket is not None:
        with suppress(OSError):  # it has been closed
            connection.socket.setsockopt(socket.IPPROTO_TCP, option, 1)


class _Answers:
    """What the other side answers to the request of an association.

    pynetdicom itself may miss the answer: if that comes and the connection closes before its thread
    goes on, it takes the connection as one that never was.
    """

    def __init__(self) -> None:
        self._of: A_ASSOCIATE_AC | A_ASSOCIATE_RJ | None = None

    def note(self, event: Event) -> None:
        """A handler of received messages."""
        if isinstance(event.pdu, A_ASSOCIATE_AC | A_ASSOCIATE_RJ):
            self._of = event.pdu

    @property
    def is_acceptance(self) -> bool:
        """Whether it takes the association, perhaps with none of the contexts."""
        return isinstance(self._of, A_ASSOCIATE_AC)

    @property
    def accepts_a_context(self) -> bool:
        """Whether it takes the association and at least one of the contexts."""
        return isinstance(self._of, A_ASSOCIATE_AC) and any(
            context.result == 0 for context in self._of.presentation_context
        )

    @property
    def rejection(self) -> str | None:
        """Why it rejects the association; None if it does not."""
        if not isinstance(self._of, A_ASSOCIATE_RJ):
            return None
        try:
            reason = self._of.reason_str
        except ValueError:  # a number that the standard does not know
            reason = ""
        return f"{reason[:1].lower()}{reason[1:]}" or "no reason given"


class _Ended(RuntimeError):
    """An association has ended."""


class _Checkpoint(threading.Event):
    """Where the thread of an association waits while another one sends a message and takes the answer.

    pynetdicom does not notice that the thread is about to continue: the thread then takes an answer
    that comes fast, and the sender waits for it until the time-out.
    """

    def __init__(self, thread: threading.Thread) -> None:
        super().__init__()
        self._of = thread
        self._change = threading.Condition()
        self._waits = False
        self.set()

    def wait(self, timeout: float | None = None) -> bool:
        with self._change:
            self._waits = True
            self._change.notify_all()
            passed = self._change.wait_for(self.is_set, timeout)
            self._waits = False
        return passed

    def set(self) -> None:
        with self._change:
            super().set()
            self._change.notify_all()

    def clear(self) -> None:
        """Returns when the thread waits here, or is the one that calls this.

        Raises:
            _Ended: The thread has ended: the other side has released or aborted the association.
        """
        if threading.current_thread() is self._of:
            super().clear()
            return
        with self._change:
            super().clear()
            while not self._waits:
                if not self._of.is_alive():
                    super().set()
                    raise _Ended("the association ended")
                self._change.wait(0.05)


@contextmanager
def association(
    settings: CStoreSettings,
    contexts: Sequence[PresentationContext],
    handlers: Sequence[Any] = (),
) -> Iterator[Association]:
    """An association with an archive, released at the end of the block and aborted after an error.

    Args:
        settings: The archive.
        contexts: What is proposed.
        handlers: Event handlers of pynetdicom.

    Raises:
        DeliveryFailed: The archive cannot be reached, rejects or aborts the association, or accepts
            none of the contexts.
    """
    ae = AE(ae_title=settings.calling_ae)
    ae.connection_timeout = ae.acse_timeout = settings.timeout_s
    ae.dimse_timeout = ae.network_timeout = settings.timeout_s
    tls = None
    if settings.tls is not None:
        tls = (client_context(settings.tls), settings.host)
    try:
        socket.getaddrinfo(settings.host, settings.port)
    except OSError as error:  # pynetdicom would raise it as it is
        raise _unreachable(settings, error) from error
    answers = _Answers()
    opened = ae.associate(
        settings.host,
        settings.port,
        contexts=list(contexts),
        ae_title=settings.called_ae,
        max_pdu=_LARGEST_PDU,
        tls_args=tls,
        evt_handlers=[
            (evt.EVT_CONN_OPEN, _without_delays),
            (evt.EVT_PDU_RECV, answers.note),
            *handlers,
        ],
    )
    if not opened.is_established:
        raise _not_established(settings, answers)
    opened._reactor_checkpoint = checkpoint = _Checkpoint(opened)
    try:
        yield opened
    except _Ended as error:
        raise DeliveryFailed(
            f"{settings.name}: the association ended", "It is tried again later."
        ) from error
    except BaseException:
        opened.abort()
        raise
    with suppress(_Ended):
        # As `release` does, but for its wait for a flag that a report of storage commitment takes back.
        checkpoint.clear()
        if opened.is_established:
            opened.acse.negotiate_release()
        checkpoint.set()


def _unreachable(settings: CStoreSettings, error: OSError) -> DeliveryFailed:
    return DeliveryFailed(
        f"{settings.name}: {settings.called_ae} at {settings.host}:{settings.port} cannot be reached "
        f"({files.cause(error)})",
        "Check host, port and firewall, and whether it is running.",
    )


def _try_connection(settings: CStoreSettings) -> None:
    """Connects, with TLS if it is wanted, and sends nothing.

    Raises:
        OSError: It is not possible; `ssl.SSLError` if the two do not agree.
    """
    with socket.create_connection((settings.host, settings.port), settings.timeout_s) as connection:
        if settings.tls is not None:
            context = client_context(settings.tls)
            context.wrap_socket(connection, server_hostname=settings.host).close()


def _not_established(settings: CStoreSettings, answers: _Answers) -> DeliveryFailed:
    where = f"{settings.name}: {settings.called_ae} at {settings.host}:{settings.port}"
    if (reason := answers.rejection) is not None:
        return DeliveryFailed(
            f"{where} rejects the association ({reason})",
            f"Check called_ae, and enter {settings.calling_ae} with this computer's address there.",
        )
    if answers.accepts_a_context:
        return DeliveryFailed(f"{where}: the association ended at once", "It is tried again later.")
    if answers.is_acceptance:
        # pynetdicom aborts then.
        return DeliveryFailed(
            f"{where} accepts none of the object classes", "Allow them there.", permanent=True
        )
    try:
        _try_connection(settings)  # pynetdicom does not say why there is none
    except ssl.SSLError as error:
        if words := verification_failure(error):
            return DeliveryFailed(
                f"{where}: its TLS certificate is not accepted ({words})",
                "Check that it is valid, names this host, and is signed by tls_authority.",
            )
    except OSError as error:
        return _unreachable(settings, error)
    wanted = "the TLS connection" if settings.tls is not None else "an association without TLS"
    return DeliveryFailed(
        f"{where} does not agree to {wanted}", "Check the certificates, and whether it expects TLS."
    )
