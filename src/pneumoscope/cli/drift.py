"""``pneumoscope drift``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.cli import console, require
from pneumoscope.cli.calibrate import check_page
from pneumoscope.decision.profile import read_profile
from pneumoscope.evidence.site import drift, drift_record
from pneumoscope.files import write_text
from pneumoscope.render.serialise import NOTICE
from pneumoscope.render.written import check_source, one_per_patient, read_predictions

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.evidence.site.drift import Drift

ALARM = 3
"""Exit code of an alarm."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for.

    Attributes:
        files: JSON or CSV of predictions, in order of time.
        profile: The site profile.
        last: Only so many films, the last; None for all.
        patient: Regular expression that finds the patient in a film's name, or None.
        false_alarms: Chance of a false alarm over the stretch, in (0, 1).
        report: HTML file, or None.
    """

    files: tuple[Path, ...]
    profile: Path
    last: int | None
    patient: str | None
    false_alarms: float
    report: Path | None


def run(request: Request, *, as_json: bool) -> int:
    """Compares and prints; the exit code is 3 for an alarm."""
    if request.report is not None:
        require("--report", "evidence", "matplotlib", "scipy", "sklearn")
        check_page(request.report)
    profile = read_profile(request.profile)
    written = read_predictions(request.files)
    check_source(written, profile.bundle_sha256, profile.title)
    repeated = 0
    if request.patient is not None:
        written, repeated = one_per_patient(written, request.patient)
    if request.last is not None:
        written = written[-request.last :]
    result = drift.watch(written, profile, request.false_alarms)
    if request.report is not None:
        from pneumoscope.evidence.report import drift as drift_report
        from pneumoscope.evidence.report import html_page

        request.report.parent.mkdir(parents=True, exist_ok=True)
        write_text(request.report, html_page.html(drift_report.report_of(result, profile)))
    if as_json:
        record = {"notice": NOTICE, **drift_record.to_json(result), "repeated": repeated}
        sys.stdout.write(json.dumps(record, indent=2) + "\n")
    else:
        _print(result, repeated, request)
    return ALARM if result.alarm else 0


def _print(result: Drift, repeated: int, request: Request) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("channel", "reference", "films", "mean before", "after", "most evidence", "alarm"):
        table.add_column(head, justify="left" if head == "channel" else "right")
    for c in result.channels:
        alarm = "" if c.alarm is None else f"[bold yellow]film {c.alarm + 1:,}[/]"
        table.add_row(
            escape(c.name), f"{c.reference:,}", f"{c.films:,}", f"{c.before:.3f}", f"{c.after:.3f}",
            f"{c.evidence.max():.3g} of {1 / result.alpha:g}", alarm,
        )  # fmt: skip
    shown = console()
    shown.print(table)
    head = "[bold yellow]ALARM[/]" if result.alarm else "[bold green]NO ALARM[/]"
    shown.print(head)
    for line in drift_record.words_of(result):
        shown.print(escape(f"- {line}"), soft_wrap=True)
    if request.patient is None:
        shown.print(
            "- several films of one patient in a row look like drift: name patients with --patient",
            style="dim",
            soft_wrap=True,
        )
    elif repeated:
        shown.print(f"- further films of the same patients, left out: {repeated:,}", soft_wrap=True)
