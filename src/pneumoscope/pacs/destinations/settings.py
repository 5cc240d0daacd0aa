"""What a site configures for each destination, and reading it from a table of the node's TOML file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pneumoscope.ai_results.kinds import DICOM, KINDS
from pneumoscope.pacs.destinations.toml_table import TomlTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

C_STORE, STOW_RS, FOLDER, FHIR_SERVER, WEBHOOK = TYPES = (
    *("c-store", "stow-rs", "folder", "fhir", "webhook"),
)
"""Types of destinations."""
DICOM_KINDS = tuple(name for name, kind in KINDS.items() if kind.ending == DICOM)
"""Kinds of objects that an archive takes."""
SENT = ("sr", "sc", "seg")
"""Kinds of objects that an archive gets if nobody chooses."""
FHIR_VERSIONS = ("R5", "R4")
OWN_AE = "PNEUMOSCOPE"
"""The node's own AE title if nobody chooses one."""
_LONGEST_S = 600.0
# VR AE (PS3.5 6.2): at most 16 letters of the default repertoire, without a backslash.
_AE_TITLE = re.compile(r"[ -\[\]-~]{1,16}")


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


@dataclass(frozen=True, slots=True)
class CStoreSettings:
    """A DICOM archive that takes objects by C-STORE.

    Attributes:
        name: Name of the destination.
        host: Its host.
        port: Its port.
        called_ae: Its AE title.
        calling_ae: Our AE title.
        objects: Kinds of objects that it gets.
        timeout_s: Longest wait for a connection, and for each answer.
        tls: Certificates; None for a connection without TLS.
        commitment: Whether a result counts as delivered only once the archive has committed to keep it.
        commitment_s: Longest wait for the commitment.
    """

    name: str
    host: str
    port: int
    called_ae: str
    calling_ae: str = OWN_AE
    objects: tuple[str, ...] = SENT
    timeout_s: float = 30.0
    tls: TlsSettings | None = None
    commitment: bool = False
    commitment_s: float = 60.0


@dataclass(frozen=True, slots=True)
class StowSettings:
    """A DICOMweb server that takes objects by STOW-RS.

    Attributes:
        name: Name of the destination.
        http: The service; its URL is the one that ``/studies`` follows.
        objects: Kinds of objects that it gets.
    """

    name: str
    http: HttpSettings
    objects: tuple[str, ...] = SENT


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """A folder.

    Attributes:
        name: Name of the destination.
        folder: The folder; it is made if its parent exists.
        objects: Kinds of objects that are written.
        fhir_version: One of `FHIR_VERSIONS`.
    """

    name: str
    folder: Path
    objects: tuple[str, ...]
    fhir_version: str = FHIR_VERSIONS[0]


@dataclass(frozen=True, slots=True)
class FhirSettings:
    """A FHIR server.

    Attributes:
        name: Name of the destination.
        http: The server; its URL is the base that transactions are sent to.
        fhir_version: One of `FHIR_VERSIONS`.
    """

    name: str
    http: HttpSettings
    fhir_version: str = FHIR_VERSIONS[0]


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """A web service that is called once for each result.

    Attributes:
        name: Name of the destination.
        http: The service.
        secret_file: File with the secret that signs the calls.
    """

    name: str
    http: HttpSettings
    secret_file: Path


DestinationSettings = (
    CStoreSettings | StowSettings | FolderSettings | FhirSettings | WebhookSettings
)


def parse(values: Mapping[str, Any], name: str) -> DestinationSettings:
    """The settings of a destination.

    Args:
        values: Its table in the TOML file.
        name: Its name.

    Raises:
        UsageError: A key is unknown, missing or wrong; the message names table and key.
    """
    table = TomlTable(values, f"destinations.{name}")
    settings = _PARSERS[table.choice("type", TYPES)](table, name)
    table.finish()
    return settings


def ae_title(table: TomlTable, key: str, default: str | None = None) -> str:
    """An AE title.

    Raises:
        UsageError: It is none.
    """
    return checked_ae_title(table, key, table.text(key, default))


def checked_ae_title(table: TomlTable, key: str, value: str) -> str:
    """An AE title that a key gives, without spaces around it.

    Raises:
        UsageError: It is none.
    """
    title = value.strip()
    if not _AE_TITLE.fullmatch(title):
        raise table.error(key, f"is no AE title: {value!r} (1 to 16 letters, digits and signs)")
    return title


def tls_of(table: TomlTable) -> TlsSettings | None:
    """The certificates for a connection; None if none is named and ``tls`` is not true.

    Raises:
        UsageError: The table asks for a connection without TLS, and names certificates; or it names a
            key without its certificate.
    """
    settings = TlsSettings(
        authority=table.optional_path("tls_authority"),
        certificate=table.optional_path("tls_certificate"),
        key=table.optional_path("tls_key"),
    )
    if settings.key is not None and settings.certificate is None:
        raise table.error("tls_key", "needs tls_certificate")
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
        timeout_s=table.number("timeout_s", 30.0, 1.0, _LONGEST_S),
        tls=tls or TlsSettings(),
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this computer by its name or number."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _c_store(table: TomlTable, name: str) -> CStoreSettings:
    return CStoreSettings(
        name=name,
        host=table.text("host"),
        port=table.whole("port", None, 1, 65535),
        called_ae=ae_title(table, "called_ae"),
        calling_ae=ae_title(table, "calling_ae", OWN_AE),
        objects=table.choices("objects", DICOM_KINDS, SENT),
        timeout_s=table.number("timeout_s", 30.0, 1.0, _LONGEST_S),
        tls=tls_of(table),
        commitment=table.flag("commitment", False),
        commitment_s=table.number("commitment_s", 60.0, 1.0, _LONGEST_S),
    )


def _stow(table: TomlTable, name: str) -> StowSettings:
    return StowSettings(name, http_of(table), table.choices("objects", DICOM_KINDS, SENT))


def _folder(table: TomlTable, name: str) -> FolderSettings:
    folder = table.optional_path("folder")
    if folder is None:
        raise table.error("folder", "is missing")
    return FolderSettings(
        name=name,
        folder=folder,
        objects=table.choices("objects", KINDS, (*SENT, "fhir")),
        fhir_version=table.choice("fhir_version", FHIR_VERSIONS, FHIR_VERSIONS[0]),
    )


def _fhir(table: TomlTable, name: str) -> FhirSettings:
    version = table.choice("fhir_version", FHIR_VERSIONS, FHIR_VERSIONS[0])
    return FhirSettings(name, http_of(table), version)


def _webhook(table: TomlTable, name: str) -> WebhookSettings:
    secret = table.optional_path("secret_file")
    if secret is None:
        raise table.error("secret_file", "is missing")
    return WebhookSettings(name, http_of(table), secret)


_PARSERS: dict[str, Callable[[TomlTable, str], DestinationSettings]] = {
    C_STORE: _c_store,
    STOW_RS: _stow,
    FOLDER: _folder,
    FHIR_SERVER: _fhir,
    WEBHOOK: _webhook,
}
