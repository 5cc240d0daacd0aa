"""What a site configures for each destination, and reading it from a table of the node's TOML file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope.ai_results.kinds import DICOM, KINDS
from pneumoscope.pacs.destinations.connection_settings import (
    LONGEST_S,
    HttpSettings,
    TlsSettings,
    http_of,
    tls_of,
)
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
# VR AE (PS3.5 6.2): at most 16 letters of the default repertoire, without a backslash.
_AE_TITLE = re.compile(r"[ -\[\]-~]{1,16}")


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
        UsageError: It is not an AE title.
    """
    return checked_ae_title(table, key, table.text(key, default))


def checked_ae_title(table: TomlTable, key: str, value: str) -> str:
    """An AE title that a key gives, without spaces around it.

    Raises:
        UsageError: It is not an AE title.
    """
    title = value.strip()
    if not _AE_TITLE.fullmatch(title):
        raise table.error(key, f"is no AE title: {value!r} (1 to 16 letters, digits and signs)")
    return title


def _c_store(table: TomlTable, name: str) -> CStoreSettings:
    return CStoreSettings(
        name=name,
        host=table.text("host"),
        port=table.whole("port", None, 1, 65535),
        called_ae=ae_title(table, "called_ae"),
        calling_ae=ae_title(table, "calling_ae", OWN_AE),
        objects=table.choices("objects", DICOM_KINDS, SENT),
        timeout_s=table.number("timeout_s", 30.0, 1.0, LONGEST_S),
        tls=tls_of(table),
        commitment=table.flag("commitment", False),
        commitment_s=table.number("commitment_s", 60.0, 1.0, LONGEST_S),
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
