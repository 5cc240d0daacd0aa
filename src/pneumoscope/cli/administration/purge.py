"""``pneumoscope purge``."""

from __future__ import annotations

from typing import Annotated

import typer

from pneumoscope.cli.administration.server import (
    ServerData,
    on_server_data,
    print_facts,
)
from pneumoscope.cli.options import Json
from pneumoscope.decision.sentences import counted
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
TrustClock = Annotated[
    bool,
    typer.Option(
        "--trust-clock",
        help="The system's clock is right, although it is far from the time of the last record.",
    ),
]


@on_server_data
def purge(
    server: ServerData,
    older_than: OlderThan = None,
    trust_clock: TrustClock = False,
    json: Json = False,
) -> None:
    """Delete old results of all users, with their films; also on a full disk."""
    if older_than is None:
        raise UsageError("no age is given", "Such as --older-than 30; 0 deletes everything.")
    with server.deleting() as administration:
        deleted = administration.purge(older_than, trust_clock=trust_clock)
    print_facts(
        {"deleted": len(deleted)}, f"{counted(len(deleted), 'result')} deleted", as_json=json
    )
