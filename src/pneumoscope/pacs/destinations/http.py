"""Connections to web services: authentication, certificates, and what their answers mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import requests

from pneumoscope import files
from pneumoscope.pacs.destinations.bounded_session import BoundedSession, read
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.tls import verification_failure

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.pacs.destinations.connection_settings import HttpSettings

# The request itself is refused (RFC 9110); other statuses may pass, such as 401 with a new password.
_PERMANENT = (400, 405, 406, 409, 410, 411, 413, 414, 415, 422)
_HINTS = {
    401: "Check the password or token.",
    403: "Check the password or token, and what it allows.",
    404: "Check the URL.",
    405: "Check the URL.",
    413: "Raise the server's limit on requests.",
}
_SHOWN = 40
"""Characters of a text of a server that are shown."""


class Answer(NamedTuple):
    """The answer of a web service.

    Attributes:
        status_code: HTTP status.
        content_type: Media type of the body.
        content: The body, if it was read.
    """

    status_code: int
    content_type: str
    content: bytes


class WebService:
    """A web service that results are sent to. Safe to share between threads.

    Attributes:
        where: The service in messages: no path and no query, which may hold a secret.
    """

    def __init__(self, name: str, settings: HttpSettings) -> None:
        """Connects nothing yet.

        Args:
            name: Name of the destination.
            settings: How the service is reached.
        """
        self._settings = settings
        parts = urlsplit(settings.url)
        self.where = f"{name}: {parts.scheme}://{parts.netloc}"

    def session(self, limit_bytes: int = 0) -> BoundedSession:
        """A session with password or token and certificates, which are read anew each time.

        Args:
            limit_bytes: Most bytes of an answer that is read as a stream; it may take longer.

        Raises:
            DeliveryFailed: A file cannot be read.
        """
        settings = self._settings
        session = _Session(settings.timeout_s, limit_bytes)
        if settings.token_file is not None:
            session.auth = _Token(secret_of(settings.token_file))
        elif settings.user is not None and settings.password_file is not None:
            session.auth = (settings.user, secret_of(settings.password_file))
        tls = settings.tls
        if tls.authority is not None:
            session.verify = str(tls.authority)
        if tls.certificate is not None:
            session.cert = (
                str(tls.certificate) if tls.key is None else (str(tls.certificate), str(tls.key))
            )
        return session

    def request(
        self, method: str, path: str = "", *, limit_bytes: int = 0, **arguments: Any
    ) -> Answer:
        """A request, whose answer may be an error.

        Args:
            method: Such as ``"POST"``.
            path: What follows the URL of the settings.
            limit_bytes: Most bytes of the answer's body; 0 to leave the body unread.
            arguments: For ``requests.Session.request``.

        Raises:
            DeliveryFailed: There is no answer, or it is too long, which alone is permanent.
        """
        session = self.session(limit_bytes)
        try:
            with session:
                answer = session.request(
                    method,
                    self._settings.url + path,
                    timeout=self._settings.timeout_s,
                    stream=True,
                    **arguments,
                )
                with answer:
                    body = read(answer, limit_bytes) if limit_bytes else b""
        except (requests.RequestException, OSError) as error:
            if isinstance(error, DeliveryFailed):
                raise
            raise self.unreachable(error, session) from error
        if session.out_of_time:  # a body without a length ends where its connection does
            raise self.unreachable(TimeoutError(), session)
        return Answer(answer.status_code, answer.headers.get("Content-Type", ""), body)

    def unreachable(self, error: Exception, session: BoundedSession) -> DeliveryFailed:
        """The error for a service that does not answer in this session."""
        if session.out_of_time:
            why = f"no complete answer within {session.longest_s:.0f} s"
            hint = "Check that it is running; timeout_s allows more time."
        elif isinstance(error, requests.exceptions.SSLError):
            words = verification_failure(error)
            why = f"the certificate is not accepted{f' ({words})' if words else ''}"
            hint = "Check the certificates on both sides."
        elif isinstance(error, requests.Timeout):
            why = f"no answer within {self._settings.timeout_s:g} s"
            hint = "Check that it is running; timeout_s allows more time."
        elif isinstance(error, requests.TooManyRedirects):
            why, hint = "redirects to another URL", "Enter the final URL."
        else:
            why, hint = "cannot be reached", "Check the URL, and whether it is running."
        return DeliveryFailed(f"{self.where}: {why}", hint)

    def refused(self, status: int) -> DeliveryFailed:
        """The error for an answer with this status."""
        return DeliveryFailed(
            f"{self.where} answers {status}",
            _HINTS.get(status, "The server's log says why."),
            permanent=status in _PERMANENT,
        )


def json_of(content: bytes) -> Any:
    """The content of an answer in JSON.

    Raises:
        ValueError: It is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def shown(text: object) -> str:
    """What a server says about itself, for people: short, and without control characters."""
    return "".join(char for char in str(text)[:_SHOWN] if char.isprintable())


def secret_of(path: Path) -> str:
    """A secret from a file, without the end of its line.

    Raises:
        DeliveryFailed: The file cannot be read, or is empty.
    """
    try:
        secret = files.read_text(path).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DeliveryFailed(
            f"{path}: the secret cannot be read ({files.cause(error)})",
            "Check path and permissions.",
        ) from error
    if not secret:
        raise DeliveryFailed(f"{path}: the file is empty", "Write the secret into it.")
    return secret


class ReachedByHttp:
    """Base of destinations and sources that are a web service."""

    __slots__ = ()

    settings: Any
    """What the site has configured, with ``name`` and ``http``."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return str(self.settings.name)

    @property
    def service(self) -> WebService:
        """The web service."""
        return WebService(self.settings.name, self.settings.http)


class _Session(BoundedSession):
    """A session whose certificates the environment does not replace."""

    def merge_environment_settings(self, *request: Any) -> Any:
        """As requests does, but REQUESTS_CA_BUNDLE counts only if the site names no authority."""
        merged = super().merge_environment_settings(*request)
        return merged if self.verify is True else merged | {"verify": self.verify}


class _Token(requests.auth.AuthBase):  # type: ignore[misc]
    """A bearer token. Set as a header only, a .netrc file would replace it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
