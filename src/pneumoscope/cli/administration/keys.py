"""``pneumoscope keys``."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pneumoscope.cli.administration.server import (
    ServerData,
    on_server_data,
    print_facts,
    print_rows,
)
from pneumoscope.cli.options import Json
from pneumoscope.decision.sentences import counted

app = typer.Typer(help="Show or rotate the key of the server.", no_args_is_help=True)


@app.command("list", epilog="Example: pneumoscope keys list")
@on_server_data
def list_keys(
    server: ServerData,
    json: Json = False,
) -> None:
    """List the ids of the keys, the current one first."""
    ids = server.administration().keys.ids
    rows = [{"id": id_, "use": "former" if place else "current"} for place, id_ in enumerate(ids)]
    print_rows(rows, as_json=json)


@app.command("rotate", epilog="Example: pneumoscope keys rotate --key /safe/place/key")
@on_server_data
def rotate(
    server: ServerData,
    json: Json = False,
) -> None:
    """Make a new key, and encrypt everything again with it. Stop the server first.

    Keep a copy of the key file. Former keys stay in it: the marks of patients and
    older lines of the audit log were made with them.
    """
    settings = server.settings()
    from pneumoscope.serve.admin.key_rotation import rotate_keys

    done = rotate_keys(settings)
    print_facts(
        asdict(done),
        f"key {done.key}: {counted(done.names, 'name')}, {counted(done.films, 'film')} and "
        f"{counted(done.accounts, 'second factor')} "
        "encrypted again",
        as_json=json,
    )
