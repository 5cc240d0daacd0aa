"""``pneumoscope purge``."""

from __future__ import annotations

from typing import Annotated

import typer

from pneumoscope.cli.administration.server import (
    Database,
    Folder,
    Key,
    open_administration,
    print_facts,
)
from pneumoscope.cli.options import Json
from pneumoscope.errors import UsageError

EXAMPLE = "Example: pneumoscope purge --older-than 30"

OlderThan = Annotated[
    int | None,
    typer.Option(
        min=0,
        envvar="PNEUMOSCOPE_SERVE_RETENTION_DAYS",
        metavar="DAYS",
        help="Delete results that are older; 0 deletes all.",
    ),
]


def purge(
    older_than: OlderThan = None,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Delete old results of all users, with their films."""
    if older_than is None:
        raise UsageError("no age is given", "Such as --older-than 30; 0 deletes everything.")
    gone = open_administration(folder, database, key).purge(older_than)
    print_facts({"deleted": len(gone)}, f"{len(gone):,} results deleted", as_json=json)
