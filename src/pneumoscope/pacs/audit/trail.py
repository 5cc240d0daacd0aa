"""The audit trail of a node: which event becomes which message."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pneumoscope import syslog
from pneumoscope.errors import PneumoscopeError
from pneumoscope.pacs.audit.messages import (
    APPLICATION_START,
    APPLICATION_STOP,
    MINOR_FAILURE,
    SUCCESS,
    AuditMessages,
    Participant,
    Subject,
)
from pneumoscope.pacs.audit.sender import SyslogSender
from pneumoscope.pacs.destinations.settings import CStoreSettings, StowSettings
from pneumoscope.pacs.destinations.tls import client_context
from pneumoscope.pacs.film_header import header_of_file
from pneumoscope.syslog import TLS, SyslogAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pneumoscope.pacs.config import AuditSettings, NodeSettings
    from pneumoscope.pacs.destinations.base import Check, Destination, StoredFilm
    from pneumoscope.pacs.destinations.settings import DestinationSettings
    from pneumoscope.pacs.pull.settings import PullSettings

_STOP_S = 10.0
_ALERTS = ("association", "address", "handshake")
"""Reasons of refusals that say something about the peer; too many connections do not."""


class AuditTrail:
    """Reports what a node does. Safe to share between threads."""

    def __init__(
        self, settings: AuditSettings, node: NodeSettings, pseudonym: Callable[[str], str]
    ) -> None:
        """Starts to send, and reports the start.

        Args:
            settings: Where messages go, and what they say.
            node: The settings of the node.
            pseudonym: A keyed hash of a Study Instance UID or a Patient ID.
        """
        self._pseudonym = pseudonym if settings.pseudonyms else None
        ae_title = node.receiver.ae_title
        participant = Participant(str(os.getpid()), ae_title, socket.gethostname())
        self._messages = AuditMessages(participant, settings.source_id or ae_title)
        address = SyslogAddress.parse(settings.syslog)
        self.sender = SyslogSender(
            address, lambda: client_context(settings.tls) if address.scheme == TLS else None
        )
        self.sender.put(self._messages.activity(APPLICATION_START))

    def stop(self) -> None:
        """Reports the end, and stops sending."""
        self.sender.put(self._messages.activity(APPLICATION_STOP))
        self.sender.stop(_STOP_S)

    def receiver(self, kind: str, details: dict[str, Any]) -> None:
        """Takes a message of the receiver, see `Receiver`."""
        peer = Participant(
            details.get("ae_title") or details.get("address", ""),
            details.get("ae_title", ""),
            details.get("address", ""),
        )
        if kind == "stored":
            subject = self._subject(details.get("study", ""), details.get("patient", ""))
            self.sender.put(self._messages.received(peer, subject))
        elif kind == "rejected" and details["reason"] in _ALERTS:
            words = f"refused: {details['reason']}"
            self.sender.put(self._messages.refused(peer, words), syslog.WARNING)

    def fetched(self, source: PullSettings, film: bytes) -> None:
        """Reports a film that the node has fetched."""
        subject = self._of_film(film)
        if subject is not None:
            host = urlsplit(source.http.url).hostname or ""
            sender = Participant(source.name, host=host)
            self.sender.put(self._messages.received(sender, subject, fetched=True))

    def watched(self, destination: Destination, settings: DestinationSettings) -> Destination:
        """A destination whose deliveries are reported; one that takes no DICOM objects as it is."""
        if isinstance(settings, CStoreSettings):
            peer = Participant(settings.called_ae, settings.called_ae, settings.host)
        elif isinstance(settings, StowSettings):
            host = urlsplit(settings.http.url).hostname or ""
            peer = Participant(settings.name, host=host)
        else:
            return destination
        return _WatchedDestination(destination, self, peer)

    def begins(self, peer: Participant, film: bytes) -> None:
        """Reports that the node begins to send the objects of a film."""
        subject = self._of_film(film)
        if subject is not None:
            self.sender.put(self._messages.begins(peer, subject))

    def sent(self, peer: Participant, film: bytes, *, done: bool) -> None:
        """Reports that the node has sent the objects of a film, or could not."""
        subject = self._of_film(film)
        if subject is not None:
            outcome = SUCCESS if done else MINOR_FAILURE
            self.sender.put(self._messages.sent(peer, subject, outcome))

    def _of_film(self, film: bytes) -> Subject | None:
        try:
            header = header_of_file(film)
        except PneumoscopeError:  # no DICOM film: nothing of it is transferred
            return None
        return self._subject(header.study, header.patient)

    def _subject(self, study: str, patient: str) -> Subject:
        hidden = self._pseudonym
        return (
            Subject(study, patient) if hidden is None else Subject(hidden(study), hidden(patient))
        )


@dataclass(frozen=True, slots=True)
class _WatchedDestination:
    """Reports the beginning and the end of each delivery.

    Attributes:
        destination: The destination.
        trail: Gets the reports.
        peer: The system that takes the objects.
    """

    destination: Destination
    trail: AuditTrail
    peer: Participant

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.destination.name

    def send(self, film: StoredFilm) -> None:
        """See `Destination.send`."""
        self._send(film, self.destination.send)

    @contextmanager
    def sending(self) -> Iterator[Callable[[StoredFilm], None]]:
        """See `Destination.sending`."""
        with self.destination.sending() as send:
            yield lambda film: self._send(film, send)

    def _send(self, film: StoredFilm, send: Callable[[StoredFilm], None]) -> None:
        self.trail.begins(self.peer, film.film)
        try:
            send(film)
        except BaseException:
            self.trail.sent(self.peer, film.film, done=False)
            raise
        self.trail.sent(self.peer, film.film, done=True)

    def prepare(self, film: StoredFilm) -> None:
        """See `Destination.prepare`."""
        self.destination.prepare(film)

    def check(self) -> Check:
        """See `Destination.check`."""
        return self.destination.check()
