"""Makes the destinations that a site has configured: the one place that knows all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.pacs.destinations.c_store import Archive
from pneumoscope.pacs.destinations.fhir_server import FhirServer
from pneumoscope.pacs.destinations.folder import Folder
from pneumoscope.pacs.destinations.settings import (
    CStoreSettings,
    FhirSettings,
    FolderSettings,
    StowSettings,
)
from pneumoscope.pacs.destinations.stow import StowServer
from pneumoscope.pacs.destinations.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.pacs.destinations.base import Destination
    from pneumoscope.pacs.destinations.commitment import Commitments
    from pneumoscope.pacs.destinations.result_objects import ObjectMaker
    from pneumoscope.pacs.destinations.settings import DestinationSettings


def open_destinations(
    settings: Sequence[DestinationSettings], maker: ObjectMaker, commitments: Commitments
) -> dict[str, Destination]:
    """The destinations by name; nothing is connected yet.

    Args:
        settings: What the site has configured.
        maker: Makes the objects, once for all destinations.
        commitments: Gets the reports of storage commitment: the caller, which accepts associations, passes those
            that arrive to `Commitments.report`.
    """
    return {item.name: _destination(item, maker, commitments) for item in settings}


def _destination(
    settings: DestinationSettings, maker: ObjectMaker, commitments: Commitments
) -> Destination:
    if isinstance(settings, CStoreSettings):
        return Archive(settings, maker, commitments)
    if isinstance(settings, FolderSettings):
        return Folder(settings, maker)
    if isinstance(settings, StowSettings):
        return StowServer(settings, maker)
    if isinstance(settings, FhirSettings):
        return FhirServer(settings, maker)
    return Webhook(settings)
