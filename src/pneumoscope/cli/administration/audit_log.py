"""``pneumoscope audit-log``."""

from __future__ import annotations

import csv
import json as json_format
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.administration.server import (
    Database,
    Folder,
    Key,
    open_administration,
    print_facts,
    server_settings,
)
from pneumoscope.cli.options import Json
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from pneumoscope.serve.security.audit_log import AuditLog, Tail

app = typer.Typer(help="Verify or export the audit log of the server.", no_args_is_help=True)

Expect = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER:HASH", help="What an earlier verify printed; that line must still be there."
    ),
]
Since = Annotated[
    datetime | None,
    typer.Option(metavar="YYYY-MM-DD", help="First day, UTC.", formats=["%Y-%m-%d"]),
]
Until = Annotated[
    datetime | None,
    typer.Option(metavar="YYYY-MM-DD", help="Day after the last one, UTC.", formats=["%Y-%m-%d"]),
]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV instead of JSON lines.")]

_COLUMNS = ("seq", "time", "what", "outcome", "status", "where", "objects", "patient")


@app.command("verify", epilog="Example: pneumoscope audit-log verify --expect 812:9f3c...")
def verify_audit_log(
    expect: Expect = None,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Check that no line was changed, moved, added or removed.

    The exit code is 1 if one was. Keep the number and hash that it prints in
    another place: with --expect they also reveal a log that was rewritten with
    the server's own key.
    """
    tail = _audit_log(folder, database, key).verify(_expected(expect))
    print_facts(
        {"lines": tail.seq, "hash": tail.mac},
        f"{tail.seq:,} lines, none changed: {tail.seq}:{tail.mac}",
        as_json=json,
    )


@app.command("export", epilog="Example: pneumoscope audit-log export --since 2026-01-01 --csv")
def export_audit_log(
    since: Since = None,
    until: Until = None,
    as_csv: Csv = False,
    folder: Folder = None,
    database: Database = None,
    key: Key = None,
) -> None:
    """Verify the log and print it, or a range of days."""
    from pneumoscope.render.export import safe_cell

    audit = _audit_log(folder, database, key)
    audit.verify()
    low = since.date().isoformat() if since else ""
    high = until.date().isoformat() if until else "9"
    chosen = (entry for entry in audit.entries() if low <= entry["time"] < high)
    if not as_csv:
        for entry in chosen:
            sys.stdout.write(json_format.dumps(entry, sort_keys=True) + "\n")
        return
    writer = csv.writer(sys.stdout)
    writer.writerow([*_COLUMNS, "user", "role", "via"])
    for entry in chosen:
        who = entry["who"] or {}
        values = entry | {"objects": " ".join(entry["objects"])}
        cells = [values[name] for name in _COLUMNS] + [who.get(k) for k in ("name", "role", "via")]
        writer.writerow(map(safe_cell, cells))


def _audit_log(folder: Path | None, database: str | None, key: Path | None) -> AuditLog:
    """The log of an existing server: a mistyped folder must not pass as an unchanged log."""
    where = server_settings(folder, database, key).folder
    from pneumoscope.serve.security.audit_log import LOG

    if not (where / LOG).exists():
        raise UsageError(f"{where}: holds no audit log", "Name the server's own --folder.")
    return open_administration(folder, database, key).audit


def _expected(text: str | None) -> Tail | None:
    from pneumoscope.serve.security.audit_log import Tail

    if text is None:
        return None
    number, _, mac = text.partition(":")
    if not number.isdecimal() or not mac:
        raise UsageError(f"--expect {text}: is not NUMBER:HASH", "Use what verify printed.")
    return Tail(int(number), mac)
