"""TLS contexts of connections to other systems."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from pneumoscope import files
from pneumoscope.pacs.destinations.errors import DeliveryFailed

if TYPE_CHECKING:
    from pneumoscope.pacs.destinations.connection_settings import TlsSettings


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """A context that checks the other system's certificate and name; TLS 1.2 or newer.

    Raises:
        DeliveryFailed: A file is missing, is no certificate, or does not belong to its key.
    """
    try:
        context = ssl.create_default_context(cafile=settings.authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.certificate is not None:
            # Without the empty password, OpenSSL would ask for one on the terminal.
            context.load_cert_chain(settings.certificate, settings.key, password="")
    except (OSError, ssl.SSLError) as error:
        paths = (settings.authority, settings.certificate, settings.key)
        named = ", ".join(str(path) for path in paths if path is not None)
        raise DeliveryFailed(
            f"the certificates cannot be used ({files.cause(error)}): {named}",
            "Name PEM files that exist, and a key that belongs to its certificate.",
        ) from error
    return context
