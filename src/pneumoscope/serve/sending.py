"""Sends a result to an archive or another system, because a reader asks for it."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from pneumoscope.errors import MissingExtra, UsageError
from pneumoscope.files import cause, read_text
from pneumoscope.serve.dicom_objects import is_installed
from pneumoscope.serve.problems import NotFound, Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.jobs.tables import FilmRow
    from pneumoscope.pacs.destinations.base import Destination
    from pneumoscope.serve.dicom_objects import DicomObjects


class NotDelivered(Refusal):
    """Another system has not taken a result."""

    status = HTTPStatus.BAD_GATEWAY


class Sending:
    """The destinations that readers can choose. Safe to share between threads."""

    def __init__(self, file: Path | None, objects: DicomObjects) -> None:
        """Opens the destinations; nothing is connected yet.

        Args:
            file: TOML file whose tables ``destinations`` describe them, such as the configuration of
                a node; None for none.
            objects: Makes the objects.

        Raises:
            UsageError: The file cannot be read, or a table is wrong.
            MissingExtra: The libraries are not installed.
        """
        self._objects = objects
        self._destinations = {} if file is None else _opened(file, objects)

    @property
    def names(self) -> list[str]:
        """Names of the destinations."""
        return list(self._destinations)

    def send(self, row: FilmRow, name: str) -> None:
        """Sends a result now. A second time changes nothing at the destination.

        Args:
            row: The result.
            name: Name of the destination.

        Raises:
            NotFound: There is no such destination, or the film has no result.
            FilmNotHeld: The server no longer has the film.
            NotDelivered: The destination has not taken it; the message says why.
        """
        if name not in self._destinations:
            known = ", ".join(self.names) or "none"
            raise NotFound("no such destination", f"There are: {known}.")
        from pneumoscope.pacs.destinations.errors import DeliveryFailed

        film = self._objects.stored_film(row)
        try:
            self._destinations[name].send(film)
        except DeliveryFailed as error:
            raise NotDelivered(error.message, error.hint) from error


def _opened(file: Path, objects: DicomObjects) -> dict[str, Destination]:
    if not is_installed():
        raise MissingExtra("Sending results to other systems", "pacs")
    from pneumoscope.pacs.destinations.commitment import Commitments
    from pneumoscope.pacs.destinations.opening import open_destinations
    from pneumoscope.pacs.destinations.settings import CStoreSettings, parse

    try:
        tables = tomllib.loads(read_text(file, "utf-8-sig")).get("destinations", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"{file}: the destinations cannot be read ({cause(error)})",
            "Name a TOML file with tables such as [destinations.archive].",
        ) from None
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise UsageError(f"{file}: destinations is no table", "Write [destinations.archive].")
    settings = [parse(table, name) for name, table in tables.items()]
    # A server accepts no associations, by which an archive could report.
    plain = [
        replace(item, commitment=False) if isinstance(item, CStoreSettings) else item
        for item in settings
    ]
    return open_destinations(plain, objects.maker(), Commitments())
