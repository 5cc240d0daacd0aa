"""From settings to destinations."""

from __future__ import annotations

from pathlib import Path

from archives import maker_of
from pneumoscope.pacs.destinations.c_store import Archive
from pneumoscope.pacs.destinations.commitment import Commitments
from pneumoscope.pacs.destinations.folder import Folder
from pneumoscope.pacs.destinations.opening import open_destinations
from pneumoscope.pacs.destinations.settings import parse


def test_every_type_has_its_destination(tmp_path: Path) -> None:
    tables = {
        "archive": {"type": "c-store", "host": "pacs", "port": 104, "called_ae": "PACS"},
        "results": {"type": "folder", "folder": str(tmp_path)},
    }
    settings = [parse(table, name) for name, table in tables.items()]
    opened = open_destinations(settings, maker_of(), Commitments())
    assert {name: type(item) for name, item in opened.items()} == {
        "archive": Archive,
        "results": Folder,
    }
    assert [item.name for item in opened.values()] == list(tables)
