"""What a site configures for each source of films, and reading it from the node's TOML file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope.pacs.destinations.connection_settings import http_of
from pneumoscope.pacs.destinations.toml_table import TomlTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.pacs.destinations.connection_settings import HttpSettings

DICOMWEB, ORTHANC = TYPES = ("dicomweb", "orthanc")
"""Types of sources."""
MODALITIES = ("CR", "DX")
"""Modalities of the films that are fetched if nobody chooses."""
_LONGEST_S, _MOST_DAYS, _MOST_MIB = 86400.0, 3650, 1024
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PullSettings:
    """A server that films are fetched from.

    Attributes:
        name: Its name in the configuration.
        type: One of `TYPES`.
        http: The server; for DICOMweb its URL is the one that ``/studies`` follows, for Orthanc that
            of its REST API.
        modalities: DICOM Modality of the films that are fetched.
        body_parts: DICOM Body Part Examined of these films; empty for any, also for films without.
        days: Age of the oldest study that is fetched, in days; only for DICOMweb.
        interval_s: Seconds between two questions for new films.
        film_bytes: Largest film.
    """

    name: str
    type: str
    http: HttpSettings
    modalities: tuple[str, ...] = MODALITIES
    body_parts: tuple[str, ...] = ()
    days: int = 2
    interval_s: float = 30.0
    film_bytes: int = 256 * _MIB


def parse(values: Mapping[str, Any], name: str) -> PullSettings:
    """The settings of a source.

    Args:
        values: Its table in the TOML file.
        name: Its name.

    Raises:
        UsageError: A key is unknown, missing or wrong; the message names table and key.
    """
    table = TomlTable(values, f"pull.{name}")
    kind = table.choice("type", TYPES)
    settings = PullSettings(
        name=name,
        type=kind,
        http=http_of(table),
        modalities=table.words("modalities", MODALITIES),
        body_parts=table.words("body_parts", ()),
        # Orthanc's changes have no date: its cursor says where to go on.
        days=table.whole("days", 2, 0, _MOST_DAYS) if kind == DICOMWEB else 0,
        interval_s=table.number("interval_s", 30.0, 1.0, _LONGEST_S),
        film_bytes=_MIB * table.whole("film_mib", 256, 1, _MOST_MIB),
    )
    table.finish()
    return settings
