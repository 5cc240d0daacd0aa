"""``pneumoscope restore``."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pneumoscope.cli.administration.server import (
    ServerData,
    on_server_data,
    print_facts,
)
from pneumoscope.cli.options import Json

EXAMPLE = "Example: pneumoscope restore reading-room.zip --folder new-room --key /safe/place/key"

Check = Annotated[bool, typer.Option("--check", help="Only check the backup; nothing is restored.")]


@on_server_data
def restore(
    server: ServerData,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File that `backup` wrote.")],
    check: Check = False,
    json: Json = False,
) -> None:
    """Restore a backup into a new folder, and into an empty database with --database.

    Before anything is restored, every film is decrypted and the audit log is
    verified. Sessions end; passwords and tokens are those of the backup.
    """
    settings = server.settings()
    from pneumoscope.serve.admin.restore import restore as restore_backup

    os.umask(0o077)  # patient data: other users of this machine must not read it
    done = restore_backup(settings, file, check_only=check)
    where = f"restored into {settings.folder}" if done.restored else "can be restored"
    print_facts(
        asdict(done),
        f"backup of {done.created}: {done.results:,} results, {done.films:,} films and "
        f"{done.lines:,} lines of the audit log {where}",
        as_json=json,
    )
