"""What the commands of administration share: options, the server's data, and output."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli.extras import require
from pneumoscope.cli.terminal import console, plain_table, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumoscope.serve.admin.administration import Administration
    from pneumoscope.serve.settings import ServeSettings

Folder = Annotated[
    Path | None,
    typer.Option(
        envvar="PNEUMOSCOPE_SERVE_FOLDER",
        metavar="DIR",
        help="Folder of the server, as for `serve`.",
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        envvar="PNEUMOSCOPE_SERVE_DATABASE",
        metavar="URL",
        help="Database of the server, as for `serve`.",
    ),
]
Key = Annotated[
    Path | None,
    typer.Option(
        envvar="PNEUMOSCOPE_SERVE_KEY", metavar="FILE", help="Key of the server, as for `serve`."
    ),
]


def server_settings(folder: Path | None, database: str | None, key: Path | None) -> ServeSettings:
    """The settings of the server whose data a command works on.

    Raises:
        MissingExtra: The extra ``[serve]`` is not installed.
    """
    require("the server", "serve", "sqlalchemy", "argon2", "cryptography", "fastapi")
    from pneumoscope.serve.settings import from_env

    return from_env(folder=folder, database=database, key=key)


def open_administration(
    folder: Path | None, database: str | None, key: Path | None
) -> Administration:
    """The server's administration, with its database open.

    Raises:
        MissingExtra: The extra ``[serve]`` is not installed.
    """
    settings = server_settings(folder, database, key)
    from pneumoscope.serve.admin import administration

    os.umask(0o077)  # patient data: other users of this machine must not read it
    return administration.open_administration(settings)


def time_text(seconds: float) -> str:
    """A Unix time as ISO 8601 in UTC, to the minute."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="minutes")


def print_facts(facts: Mapping[str, Any], line: str, *, as_json: bool) -> None:
    """Prints what a command did, as JSON or as one line of text."""
    if as_json:
        print_json(facts, indent=2)
    else:
        sys.stdout.write(line + "\n")


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Prints rows with the same keys, as JSON or as a table."""
    if as_json:
        print_json(rows, indent=2)
        return
    if not rows:
        sys.stderr.write("none yet\n")
        return
    from rich.markup import escape

    table = plain_table(*rows[0])
    for row in rows:
        cells = ("yes" if v is True else "" if v in (None, False) else str(v) for v in row.values())
        table.add_row(*map(escape, cells))
    console().print(table)
