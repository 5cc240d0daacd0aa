"""What every source of films can do, and making those that a site has configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pneumoscope.pacs.pull.cursor import CursorFile
from pneumoscope.pacs.pull.dicomweb import DicomWebSource
from pneumoscope.pacs.pull.orthanc import OrthancSource
from pneumoscope.pacs.pull.postponed import Postponed
from pneumoscope.pacs.pull.settings import ORTHANC

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pneumoscope.pacs.destinations.base import Check
    from pneumoscope.pacs.pull.settings import PullSettings


class Source(Protocol):
    """A server that films are fetched from.

    Attributes:
        settings: What the site has configured.
        postponed: Objects that could not be fetched.
    """

    @property
    def settings(self) -> PullSettings: ...

    @property
    def postponed(self) -> Postponed: ...

    def poll(self, accept: Callable[[bytes], None]) -> int:
        """Fetches films that are new since the last time.

        The cursor moves past a film only after it was accepted, or is among those that are postponed, so
        a film is never lost; it may be fetched twice.

        Args:
            accept: Takes the file of a film, or raises an error if it cannot take it now.

        Returns:
            Films that were accepted.

        Raises:
            DeliveryFailed: The server does not answer, or not as it should.
            PneumoscopeError: From ``accept``; the film comes again with the next poll.
        """

    def check(self) -> Check:
        """Whether the server answers; nothing is fetched."""


def open_sources(settings: Sequence[PullSettings], folder: Path) -> list[Source]:
    """The sources; nothing is connected yet.

    Args:
        settings: What the site has configured.
        folder: Where cursors are kept; it exists.
    """
    sources: list[Source] = []
    for item in settings:
        cursor = CursorFile(folder / f"{item.name}.json", item.http.url)
        again = CursorFile(folder / "again" / f"{item.name}.json", item.http.url)
        kind = OrthancSource if item.type == ORTHANC else DicomWebSource
        sources.append(kind(item, cursor, Postponed(item.name, again)))
    return sources
