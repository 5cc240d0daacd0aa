"""The files of an audit log in a backup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumoscope.audit_log.anchor import AuditAnchor
from pneumoscope.audit_log.log import HEAD, LOG, TORN, AuditLog
from pneumoscope.errors import AuditLogDamaged
from pneumoscope.jobs.backup_parts import Member, put

if TYPE_CHECKING:
    import zipfile
    from pathlib import Path

    from sqlalchemy import Engine

    from pneumoscope.jobs.keys import Keys

LOG_FILE = re.compile(r"audit-log\.\d{12}\.jsonl|" + "|".join(map(re.escape, (LOG, HEAD, TORN))))
"""Names of its files."""


def put_log(pack: zipfile.ZipFile, log: AuditLog) -> dict[str, Member]:
    """Adds the log to a backup, as it is at one moment; returns its files by their names."""
    with log.snapshot() as files:
        return {name: put(pack, name, stream, size) for name, stream, size in files}


def check_log(folder: Path, engine: Engine, keys: Keys) -> int:
    """Verifies the log of a backup that was unpacked; returns its lines.

    Args:
        folder: With its files.
        engine: The database of the backup.
        keys: Of the server or node.

    Raises:
        AuditLogDamaged: It was changed, or is not the log of this database.
    """
    anchor = AuditAnchor(engine, keys.audit, keys.former_audit)
    log = AuditLog(folder, keys.audit, former_keys=keys.former_audit, anchor=anchor)
    try:
        return log.verify().seq
    except AuditLogDamaged as error:
        raise AuditLogDamaged("audit log in the backup", error.message) from None
