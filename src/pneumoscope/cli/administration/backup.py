"""``pneumoscope backup``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pneumoscope.cli.administration.node import node_folder
from pneumoscope.cli.administration.server import (
    ServerData,
    on_server_data,
    print_facts,
)
from pneumoscope.cli.extras import require
from pneumoscope.cli.options import Json
from pneumoscope.decision.sentences import counted

EXAMPLE = "Example: pneumoscope backup /mnt/backups/reading-room.zip"

WithKey = Annotated[
    bool,
    typer.Option(
        "--with-key",
        help="Put the key into the backup: anyone who has the backup can then read it.",
    ),
]


@on_server_data
def backup(
    server: ServerData,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="ZIP file to write.")],
    with_key: WithKey = False,
    json: Json = False,
) -> None:
    """Back up database, films and audit log into one file.

    Of a DICOM node, the films of its spool and the cursors of its sources, too.
    The server or node may run. Without --with-key, keep a copy of the key in
    another place: without it, films and names in the backup are lost.
    """
    os.umask(0o077)  # patient data: other users of this machine must not read it
    node = node_folder(server)
    if node is not None:
        _back_up_node(node, server.key, file, with_key, json)
        return
    settings = server.settings()
    from pneumoscope.serve.admin.backup import facts, write_backup

    manifest = write_backup(settings, file, with_key=with_key)
    key = "with the key" if with_key else f"without the key ({manifest.keys[0]})"
    print_facts(
        facts(manifest, file),
        f"{file}: {counted(manifest.results, 'result')}, {counted(manifest.films, 'film')}, audit log, {key}",
        as_json=json,
    )


def _back_up_node(folder: Path, key: Path | None, file: Path, with_key: bool, json: bool) -> None:
    require("the node", "pacs", "sqlalchemy", "alembic", "cryptography")
    from pneumoscope.pacs.backup import write_node_backup

    manifest = write_node_backup(folder, key, file, with_key=with_key)
    words = "with the key" if with_key else f"without the key ({manifest.keys[0]})"
    print_facts(
        {"file": str(file), **manifest.facts()},
        f"{file}: node with {counted(manifest.results, 'result')}, {counted(manifest.films, 'film')}, "
        f"{counted(manifest.spool, 'film')} in the spool, audit log, {words}",
        as_json=json,
    )
