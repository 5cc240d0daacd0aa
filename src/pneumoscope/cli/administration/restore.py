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
from pneumoscope.cli.extras import require
from pneumoscope.cli.options import Json
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import UsageError
from pneumoscope.files import is_zip_with

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
    os.umask(0o077)  # patient data: other users of this machine must not read it
    if is_zip_with(file, "node.json"):  # a node's
        _restore_node(server, file, check, json)
        return
    settings = server.settings()
    from pneumoscope.serve.admin.restore import restore as restore_backup

    done = restore_backup(settings, file, check_only=check)
    where = f"restored into {settings.folder}" if done.restored else "can be restored"
    print_facts(
        asdict(done),
        f"backup of {done.created}: {counted(done.results, 'result')}, {counted(done.films, 'film')} and "
        f"{counted(done.lines, 'line')} of the audit log {where}",
        as_json=json,
    )


def _restore_node(server: ServerData, file: Path, check: bool, json: bool) -> None:
    require("the node", "pacs", "sqlalchemy", "alembic", "cryptography")
    from pneumoscope.pacs.backup import restore_node

    folder = server.folder
    if folder is None and not check:
        raise UsageError(
            f"{file}: is a backup of a DICOM node",
            "Name the folder of the node's configuration with --folder.",
        )
    if server.database is not None:
        raise UsageError("a node has no other --database", "Leave it out.")
    manifest = restore_node(folder or file.parent / "node", server.key, file, check_only=check)
    where = "can be restored" if check else f"restored into {folder}"
    print_facts(
        manifest.facts() | {"restored": not check},
        f"backup of {manifest.created}: node with {counted(manifest.results, 'result')}, "
        f"{counted(manifest.films, 'film')}, {counted(manifest.spool, 'film')} in the spool {where}",
        as_json=json,
    )
