"""The data of a DICOM node that a command works on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.cli.extras import require

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.audit_log.log import AuditLog
    from pneumoscope.cli.administration.server import ServerData
    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.store import Store


@dataclass(frozen=True, slots=True)
class NodeData:
    """An open node, which may run.

    Attributes:
        folder: Its folder.
        store: Its database.
        keys: Its keys.
        audit: Its audit log.
    """

    folder: Path
    store: Store
    keys: Keys
    audit: AuditLog

    def note(self, action: str, *objects: str) -> None:
        """Writes a line into the audit log about an action and the ids that it concerns."""
        from pneumoscope.pacs.audit.node_log import note_command

        note_command(self.audit, action, *objects)

    def close(self) -> None:
        """Waits until the database has the hash of the last line, and closes it."""
        self.audit.settle()
        self.store.close()


def node_folder(data: ServerData) -> Path | None:
    """The folder that was named, if it is that of a node."""
    from pneumoscope.pacs.config import is_node

    folder = data.folder
    if folder is None or data.database is not None:
        return None
    return folder if is_node(folder) else None


def open_node_data(folder: Path, key_file: Path | None) -> NodeData:
    """Opens the folder of a node.

    Args:
        folder: The folder.
        key_file: File with its key; None for the one in the folder.

    Raises:
        MissingExtra: The extra ``[pacs]`` is not installed.
        UsageError: The key is missing or malformed.
    """
    require("the node", "pacs", "sqlalchemy", "alembic", "cryptography", "pynetdicom")
    from pneumoscope.jobs.store import Store
    from pneumoscope.pacs.audit.node_log import open_node_log
    from pneumoscope.pacs.backup import existing_keys
    from pneumoscope.pacs.config import DATABASE

    os.umask(0o077)  # patient data: other users of this machine must not read it
    keys = existing_keys(folder, key_file)
    store = Store(f"sqlite:///{folder / DATABASE}")
    return NodeData(folder, store, keys, open_node_log(folder, store.engine, keys))
