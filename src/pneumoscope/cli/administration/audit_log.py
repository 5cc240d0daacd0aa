"""``pneumoscope audit-log``."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli.administration.node import node_folder, open_node_data
from pneumoscope.cli.administration.server import (
    ServerData,
    on_server_data,
    print_facts,
)
from pneumoscope.cli.options import Json
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import UsageError
from pneumoscope.files import cause, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.audit_log.lines import Tail
    from pneumoscope.audit_log.log import AuditLog

app = typer.Typer(
    help="Verify or export the audit log of the server, or of a DICOM node.", no_args_is_help=True
)

Expect = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER:HASH", help="What an earlier verify printed; that line must still be there."
    ),
]
ExpectFrom = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File with such a number and hash, see --audit-anchor."),
]
After = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER:HASH",
        help="End of the older files that were moved to another place: begin after it.",
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

_MOST_DIGITS = 18
_HASH = re.compile("[0-9a-f]{64}")
"""Of the number of a line."""
_COLUMNS = ("seq", "time", "what", "outcome", "status", "where", "objects", "patient")


@app.command("verify", epilog="Example: pneumoscope audit-log verify --expect 812:9f3c...")
@on_server_data
def verify_audit_log(
    server: ServerData,
    expect: Expect = None,
    expect_from: ExpectFrom = None,
    after: After = None,
    json: Json = False,
) -> None:
    """Check that no line was changed, moved, added or removed.

    The exit code is 1 if one was. Keep the number and hash that it prints in
    another place: with --expect they also reveal a log that was rewritten with
    the server's own key. For a DICOM node, name its folder with --folder, and
    its key_file, if it has one, with --key.
    """
    if expect_from is not None:
        expect = _read_expected(expect_from)
    from pneumoscope.audit_log.lines import START, Tail

    tail = _audit_log(server).verify(
        _tail("--expect", expect), _tail("--after", after) or Tail(0, START)
    )
    print_facts(
        {"lines": tail.seq, "hash": tail.mac},
        f"{counted(tail.seq, 'line')}, none changed: {tail.seq}:{tail.mac}",
        as_json=json,
    )


@app.command("export", epilog="Example: pneumoscope audit-log export --since 2026-01-01 --csv")
@on_server_data
def export_audit_log(
    server: ServerData,
    since: Since = None,
    until: Until = None,
    as_csv: Csv = False,
) -> None:
    """Verify the log and print it, or a range of days."""
    from pneumoscope.render.export import write_table

    audit = _audit_log(server)
    audit.verify()
    low = since.date().isoformat() if since else ""
    high = until.date().isoformat() if until else "9"
    chosen = (entry for entry in audit.entries() if low <= entry["time"] < high)
    if not as_csv:
        import json as json_format

        for entry in chosen:
            sys.stdout.write(json_format.dumps(entry, sort_keys=True) + "\n")
        return
    write_table((*_COLUMNS, "user", "role", "via"), map(_cells, chosen), sys.stdout)


def _cells(entry: Mapping[str, Any]) -> list[Any]:
    """A line of the log as a row of the table."""
    who = entry["who"] or {}
    values = {**entry, "objects": " ".join(entry["objects"])}
    return [values[name] for name in _COLUMNS] + [who.get(key) for key in ("name", "role", "via")]


def _audit_log(server: ServerData) -> AuditLog:
    """The log of an existing server or node: a mistyped folder must not pass as an unchanged log."""
    node = node_folder(server)
    if node is not None:
        return open_node_data(node, server.key).audit
    settings = server.settings()
    where = settings.folder
    from pneumoscope.audit_log.log import LOG

    if (where / LOG).exists():
        return server.administration().audit
    missing = UsageError(f"{where}: holds no audit log", "Name the server's own --folder.")
    if not where.is_dir() or (settings.database is None and not settings.has_database):
        raise missing
    audit = server.administration().audit
    # A log that was deleted has left its end in the database.
    if audit.anchored() is None and not audit.archives():
        raise missing
    return audit


def _tail(option: str, text: str | None) -> Tail | None:
    from pneumoscope.audit_log.lines import Tail

    if text is None:
        return None
    number, _, mac = text.partition(":")
    if not number.isdecimal() or len(number) > _MOST_DIGITS or not _HASH.fullmatch(mac):
        raise UsageError(f"{option} {text}: is not NUMBER:HASH", "Use what verify printed.")
    return Tail(int(number), mac)


def _read_expected(path: Path) -> str:
    try:
        return read_text(path, "ascii", "replace").strip()
    except OSError as error:
        raise UsageError(f"{path}: {cause(error)}", "Name the file of --audit-anchor.") from None
