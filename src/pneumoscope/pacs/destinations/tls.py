"""TLS contexts of connections to other systems."""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING

from pneumoscope import files
from pneumoscope.pacs.destinations.errors import DeliveryFailed

if TYPE_CHECKING:
    from pneumoscope.pacs.destinations.connection_settings import TlsSettings


_VERIFICATION = re.compile(r"certificate verify failed: (.+?)\.? \(_ssl")


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """A context that checks the other system's certificate and name; TLS 1.2 or newer.

    Raises:
        DeliveryFailed: A file is missing, is no certificate, or does not belong to its key.
    """
    paths = (settings.authority, settings.certificate, settings.key)
    try:
        for path in filter(None, paths):
            path.open("rb").close()  # OpenSSL does not say which of them is missing
        context = ssl.create_default_context(cafile=settings.authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.certificate is not None:
            # Without the empty password, OpenSSL would ask for one on the terminal.
            context.load_cert_chain(settings.certificate, settings.key, password="")
    except OSError as error:
        named = error.filename or ", ".join(str(path) for path in paths if path is not None)
        raise DeliveryFailed(
            f"the certificates cannot be used ({file_failure(error)}): {named}",
            "Name PEM files that exist, and a key that belongs to its certificate.",
        ) from error
    return context


def file_failure(error: Exception) -> str:
    """Why certificate, key or authority cannot be used, in words that continue a sentence."""
    if not isinstance(error, ssl.SSLError):
        return files.cause(error)
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key does not belong to the certificate"
    return "a file is not PEM, or the key is encrypted"


def verification_failure(error: BaseException) -> str:
    """Why the other system's certificate is not accepted; empty if that is not the reason.

    Args:
        error: Raised by ssl, or by a library that repeats its message.
    """
    match = _VERIFICATION.search(str(error))
    return "" if match is None else match[1][:1].lower() + match[1][1:]
