"""How other systems are reached, as a site configures it: certificates, URLs, passwords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pneumoscope.hosts import is_loopback

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.pacs.destinations.toml_table import TomlTable

LONGEST_S = 600.0
"""Longest wait that a site can configure."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How a connection is encrypted.

    Attributes:
        authority: PEM file of the authorities that may sign the other system's certificate; None for
            those of the system.
        certificate: PEM file of our certificate, for systems that ask for one; None without.
        key: PEM file of its key; None if it is in the same file.
    """

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How a web service is reached.

    Attributes:
        url: Its URL, without a slash at the end.
        user: For HTTP Basic authentication, or None.
        password_file: File with the user's password, or None.
        token_file: File with a bearer token, or None.
        timeout_s: Longest wait for a connection, and for each part of an answer.
        tls: Certificates for ``https``.
    """

    url: str
    user: str | None = None
    password_file: Path | None = None
    token_file: Path | None = None
    timeout_s: float = 30.0
    tls: TlsSettings = TlsSettings()


def certificates_of(table: TomlTable) -> TlsSettings:
    """The certificates that a table names.

    Raises:
        UsageError: It names a key without its certificate.
    """
    settings = TlsSettings(
        authority=table.optional_path("tls_authority"),
        certificate=table.optional_path("tls_certificate"),
        key=table.optional_path("tls_key"),
    )
    if settings.key is not None and settings.certificate is None:
        raise table.error("tls_key", "needs tls_certificate")
    return settings


def tls_of(table: TomlTable) -> TlsSettings | None:
    """The certificates for a connection; None if none is named and ``tls`` is not true.

    Raises:
        UsageError: The table asks for a connection without TLS, and names certificates; or it names a
            key without its certificate.
    """
    settings = certificates_of(table)
    named = settings != TlsSettings()
    if not table.flag("tls", named):
        if named:
            raise table.error("tls", "is false, but certificates are named")
        return None
    return settings


def http_of(table: TomlTable) -> HttpSettings:
    """How a web service is reached.

    Raises:
        UsageError: The URL cannot be used, a password would travel without encryption, or a key is
            missing or wrong.
    """
    url = table.text("url").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise table.error("url", f"must begin with http:// or https://, not {url[:40]!r}")
    if parts.username or parts.password:
        raise table.error("url", "must not hold a password: use user and password_file")
    tls = tls_of(table)
    user, password = table.optional_text("user"), table.optional_path("password_file")
    token = table.optional_path("token_file")
    if (user is None) != (password is None):
        raise table.error("user", "and password_file belong together")
    if token is not None and user is not None:
        raise table.error("token_file", "and user cannot be used together")
    plain = parts.scheme == "http"
    if plain and tls is not None:
        raise table.error("url", "must begin with https:// if TLS is wanted")
    if plain and not is_loopback(parts.hostname) and not table.flag("plain_http", False):
        raise table.error(
            "url", "is not encrypted: use https://, or allow it with plain_http = true"
        )
    table.has("plain_http")
    return HttpSettings(
        url=url,
        user=user,
        password_file=password,
        token_file=token,
        timeout_s=table.number("timeout_s", 30.0, 1.0, LONGEST_S),
        tls=tls or TlsSettings(),
    )
