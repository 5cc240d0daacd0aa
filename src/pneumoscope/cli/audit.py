"""``pneumoscope audit``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from pneumoscope.cli import console, require
from pneumoscope.cli.progress import progress_bar
from pneumoscope.errors import UsageError
from pneumoscope.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.evidence.audit.results import Audit

PAGE, RECORD, TABLE = "audit.html", "audit.json", "films.csv"
STOPPED = 3
"""Exit code of the verdict stop."""
_COLOURS = {"pass": "green", "look": "yellow", "unknown": "yellow", "stop": "red"}


def run(folder: Path, out: Path, bundle: Path | None, *, as_json: bool) -> int:
    """Audits a folder and writes its report; the exit code is 3 for the verdict stop."""
    require("the audit", "evidence", "cv2", "scipy", "sklearn")
    _check_out(out)
    from pneumoscope.evidence.audit import audit
    from pneumoscope.evidence.audit.record import to_csv, to_json
    from pneumoscope.evidence.report.audit import page as audit_page

    with progress_bar("reading films") as count:
        result = audit.audit(
            folder, bundle, count, lambda done, total: count(done, total, "measuring")
        )
    record = json.dumps(to_json(result), indent=2)
    page, table = audit_page.html(result), to_csv(result)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in ((PAGE, page), (RECORD, record + "\n"), (TABLE, table)):
        write_text(out / name, text)
    for film in result.broken:
        sys.stderr.write(f"error: {film.message}\nhint: {film.hint}\n")
    if as_json:
        sys.stdout.write(record + "\n")
    else:
        _print(result, out)
    return STOPPED if result.verdict == "stop" else 0


def _check_out(out: Path) -> None:
    """Refuses a folder that holds something else: a manifest may well be called films.csv."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is not a folder", "Name a folder for the report with --out.")
    if out.is_dir() and any(out.iterdir()) and not (out / RECORD).is_file():
        raise UsageError(f"{out}: is not empty and no audit", "Name a new folder with --out.")


def _print(result: Audit, out: Path) -> None:
    from rich.markup import escape
    from rich.table import Table

    shown = console()
    shown.print(
        f"{escape(result.listing.source)}: {len(result.listing.entries):,} films", soft_wrap=True
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("level")
    table.add_column("check")
    table.add_column("reason", overflow="fold")
    for finding in result.findings:
        colour = _COLOURS.get(finding.level, "dim")
        table.add_row(
            f"[{colour}]{finding.level}[/]", escape(finding.check), escape(finding.reason)
        )
    shown.print(table)
    colour = _COLOURS[result.verdict]
    shown.print(
        f"[bold {colour}]{result.verdict.upper()}[/]: {escape(str(out / PAGE))}", soft_wrap=True
    )
