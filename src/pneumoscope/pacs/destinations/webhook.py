"""A web service that is called for each result, signed as Standard Webhooks (standardwebhooks.com).

The signature is an HMAC-SHA256 over id, time stamp and body. The receiver protects itself against
replayed calls: it refuses time stamps that are more than five minutes off, and ids that it has seen.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope.ai_results.source_header import source_header
from pneumoscope.errors import PneumoscopeError
from pneumoscope.pacs.destinations.base import Check, SendsEachAlone
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.http import ReachedByHttp, secret_of
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pneumoscope.pacs.destinations.base import StoredFilm
    from pneumoscope.pacs.destinations.settings import WebhookSettings

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
"""Bytes of a secret, by the specification."""
EVENT = "film.judged"
"""The type of a call."""


@dataclass(frozen=True, slots=True)
class Webhook(ReachedByHttp, SendsEachAlone):
    """Calls the service with a result as JSON.

    Attributes:
        settings: What the site has configured.
        clock: Seconds since 1970.
    """

    settings: WebhookSettings
    clock: Callable[[], float] = time.time

    def send(self, film: StoredFilm) -> None:
        """Calls the service. Every attempt has the same id and body, and its own time stamp.

        Raises:
            DeliveryFailed: There is no answer of success, or the secret cannot be used.
        """
        body = body_of(film)
        signed = signed_headers(film.id, int(self.clock()), body, key_of(self.settings.secret_file))
        answer = self.service.request(
            "POST", data=body, headers={"Content-Type": "application/json", **signed}
        )
        if not 200 <= answer.status_code < 300:
            raise self.service.refused(answer.status_code)

    def prepare(self, film: StoredFilm) -> None:
        """Does nothing: the result is sent as it is stored."""

    def check(self) -> Check:
        """Whether the service answers, whatever it says, and whether there is a secret."""
        try:
            key_of(self.settings.secret_file)
            answer = self.service.request("HEAD")
        except DeliveryFailed as error:
            return Check(False, error.message, error.hint)
        return Check(True, f"{self.service.where} answers ({answer.status_code} to HEAD)")


def key_of(path: Path) -> bytes:
    """The secret in a file, Base64 with or without ``whsec_``.

    Raises:
        DeliveryFailed: It cannot be read, or is not a secret.
    """
    text = secret_of(path).removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise DeliveryFailed(
            f"{path}: is no secret of {_SHORTEST} to {_LONGEST} bytes in Base64",
            "Make one with: openssl rand -base64 32",
        )
    return key


def signed_headers(id_: str, timestamp: int, body: bytes, key: bytes) -> dict[str, str]:
    """The headers of a call.

    Args:
        id_: Id of the call; attempts of one call share it.
        timestamp: Time of this attempt, seconds since 1970.
        body: What is sent.
        key: The secret.
    """
    signature = hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def body_of(film: StoredFilm) -> bytes:
    """The result as JSON; equal results give equal bytes. UIDs are all that it says of the header."""
    content = {
        "type": EVENT,
        "timestamp": film.created.isoformat(),
        "data": {"id": film.id, **_uids(film.film), "result": dict(film.result), "notice": NOTICE},
    }
    return json.dumps(content, sort_keys=True).encode()


def _uids(film: bytes) -> dict[str, Any]:
    """The UIDs of a DICOM film, by which the receiver finds the study; None for other films."""
    try:
        header = source_header(film, "film")
    except PneumoscopeError:
        header = None
    keywords = {
        "study_instance_uid": "StudyInstanceUID",
        "series_instance_uid": "SeriesInstanceUID",
        "sop_instance_uid": "SOPInstanceUID",
    }
    return {key: header and str(header.get(word)) for key, word in keywords.items()}
