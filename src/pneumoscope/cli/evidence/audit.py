"""``pneumoscope audit``."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.extras import require
from pneumoscope.cli.one_bundle import bundle_or_first
from pneumoscope.cli.options import Bundle, Json
from pneumoscope.cli.progress import progress_bar
from pneumoscope.cli.terminal import console, escape, report_films, terminal
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import UsageError
from pneumoscope.files import write_text
from pneumoscope.render.visible import visible

if TYPE_CHECKING:
    from pneumoscope.evidence.audit.results import Audit

EXAMPLE = "Example: pneumoscope audit chest_xray --out audit (then open audit/audit.html)"

Data = Annotated[
    Path,
    typer.Argument(
        envvar="PNEUMOSCOPE_DATA",
        metavar="DATA",
        help="Folder or ZIP of films, with or without labels, or a CSV manifest.",
    ),
]
Out = Annotated[
    Path, typer.Option(metavar="DIR", help="Folder for audit.html, audit.json and films.csv.")
]

PAGE, RECORD, TABLE = "audit.html", "audit.json", "films.csv"
STOPPED = 3
"""Exit code of the verdict stop."""
_COLOURS = {"pass": "green", "look": "yellow", "unknown": "yellow", "stop": "red"}


def audit(data: Data, out: Out = Path("audit"), bundle: Bundle = None, json: Json = False) -> None:
    """Audit a data set before training: pass, look or stop, with reasons.

    Looks for copies, patients in two splits, prior shift, shortcuts that reveal
    the label without anatomy (files, image statistics, thumbnails) and doubtful
    labels. Reads every film, also the test films. The exit code is 0 for pass
    and look, 3 for stop.
    """
    require("the audit", "evidence", "cv2", "scipy", "sklearn")
    from pneumoscope.data.packed import check_root, data_folder

    check_root(data)
    _check_out(out)
    import json as json_format

    from pneumoscope.evidence.audit import audit as auditing
    from pneumoscope.evidence.audit.record import to_csv, to_json
    from pneumoscope.evidence.report.audit import page as audit_page

    with data_folder(data) as folder, progress_bar("reading films") as count:
        result = auditing.audit(
            folder,
            bundle_or_first(bundle),
            count,
            lambda done, total: count(done, total, "measuring"),
        )
        page = audit_page.html(result)  # shows films
    record, table = json_format.dumps(to_json(result), indent=2) + "\n", to_csv(result)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in ((PAGE, page), (RECORD, record), (TABLE, table)):
        write_text(out / name, text)
    report_films(result.broken)
    if json:
        sys.stdout.write(record)
    else:
        _print(result, out)
    sys.exit(STOPPED if result.verdict == "stop" else 0)


def _check_out(out: Path) -> None:
    """Refuses a folder with other content: a manifest may be called films.csv, too."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is not a folder", "Name a folder for the report with --out.")
    if out.is_dir() and any(out.iterdir()) and not (out / RECORD).is_file():
        raise UsageError(f"{out}: is not empty and no audit", "Name a new folder with --out.")


def _print(result: Audit, out: Path) -> None:
    from pneumoscope.cli.rows import Row, Styled, print_rows, print_wrapped
    from pneumoscope.evidence.audit.findings import LEVELS

    shown = console()
    shown.print(
        f"{escape(result.listing.source)}: {counted(len(result.listing.entries), 'film')}",
        soft_wrap=True,
    )
    rows = [
        Row(
            (Styled(finding.level, _COLOURS.get(finding.level, "dim")), visible(finding.check)),
            (visible(finding.reason),),
        )
        for finding in result.findings
    ]
    columns = terminal()
    print_rows(columns, ("level", "check"), rows)
    levels = Counter(finding.level for finding in result.findings)
    counts = ", ".join(f"{levels[level]} {level}" for level in LEVELS if levels[level])
    print_wrapped(columns, counts)
    colour = _COLOURS[result.verdict]
    shown.print(
        f"[bold {colour}]{result.verdict.upper()}[/]: {escape(str(out / PAGE))}", soft_wrap=True
    )
