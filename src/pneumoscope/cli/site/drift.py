"""``pneumoscope drift``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.extras import require
from pneumoscope.cli.options import Json, reader_option
from pneumoscope.cli.targets import check_page
from pneumoscope.cli.terminal import console, plain_table, print_json, print_table
from pneumoscope.decision.reader_settings import PROFILE
from pneumoscope.files import write_text

if TYPE_CHECKING:
    from pneumoscope.evidence.site.drift import Drift

EXAMPLE = (
    "Example: pneumoscope drift monday.json tuesday.json --profile site.json --report drift.html"
)

Predictions = Annotated[
    list[Path],
    typer.Argument(
        metavar="PREDICTIONS",
        help="Files that `pneumoscope predict --json` wrote, in order of time; CSV files have no "
        "gate measurements.",
    ),
]
Profile = Annotated[Path, reader_option(PROFILE)]
Last = Annotated[int | None, typer.Option(min=1, metavar="N", help="Use only the last N films.")]
Patient = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="Regular expression that finds the patient in a film's name; only the first film of each patient counts.",
    ),
]
FalseAlarms = Annotated[
    float,
    typer.Option(
        metavar="SHARE", help="Chance of an alarm over the whole series if nothing has changed."
    ),
]
Report = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write an HTML page with a plot.")
]

ALARM = 3
"""Exit code of an alarm."""


def drift(
    predictions: Predictions,
    profile: Profile,
    last: Last = None,
    patient: Patient = None,
    false_alarms: FalseAlarms = 0.05,
    report: Report = None,
    json: Json = False,
) -> None:
    """Compare a series of predictions with the site profile: have the films changed?

    A sequential test of scores, gate measurements and refusals. The chance of a
    false alarm is the same however often you look. The exit code is 3 for an
    alarm.
    """
    from pneumoscope.decision.profile import read_profile
    from pneumoscope.evidence.site import drift as watching
    from pneumoscope.evidence.site.drift_record import to_json
    from pneumoscope.render.serialise import NOTICE
    from pneumoscope.render.written import (
        check_source,
        of_bundle,
        one_per_patient,
        read_predictions,
    )

    if report is not None:
        require("--report", "evidence", "matplotlib", "scipy", "sklearn")
        check_page(report)
    site = read_profile(profile)
    of_all_bundles = read_predictions(predictions)
    written = of_bundle(of_all_bundles, site.bundle_sha256)
    if others := len(of_all_bundles) - len(written):
        sys.stderr.write(f"films of other populations, left out: {others:,}\n")
    check_source(written, site.bundle_sha256, site.title)
    repeated = 0
    if patient is not None:
        written, repeated = one_per_patient(written, patient)
    if last is not None:
        written = written[-last:]
    result = watching.watch(written, site, false_alarms)
    if report is not None:
        from pneumoscope.evidence.report import drift as drift_report
        from pneumoscope.evidence.report import html_page

        report.parent.mkdir(parents=True, exist_ok=True)
        write_text(report, html_page.html(drift_report.report_of(result, site)))
    if json:
        print_json({"notice": NOTICE, **to_json(result), "repeated": repeated}, indent=2)
    else:
        _print(result, repeated, by_patient=patient is not None)
    sys.exit(ALARM if result.alarm else 0)


def _print(result: Drift, repeated: int, *, by_patient: bool) -> None:
    from pneumoscope.cli.terminal import escape
    from pneumoscope.evidence.site.drift_record import words_of

    figures = ("reference", "films", "mean before", "after", "most evidence", "alarm")
    table = plain_table("channel", *figures, right=figures)
    for c in result.channels:
        alarm = "" if c.alarm is None else f"[bold yellow]film {c.alarm + 1:,}[/]"
        table.add_row(
            escape(c.name), f"{c.reference:,}", f"{c.films:,}", f"{c.before:.3f}", f"{c.after:.3f}",
            f"{c.evidence.max():.3g} of {1 / result.alpha:g}", alarm,
        )  # fmt: skip
    shown = console()
    print_table(shown, table)
    head = "[bold yellow]ALARM[/]" if result.alarm else "[bold green]NO ALARM[/]"
    shown.print(head)
    for line in words_of(result):
        shown.print(escape(f"- {line}"), soft_wrap=True)
    if not by_patient:
        shown.print(
            "- several films of one patient in a row look like drift: name patients with --patient",
            style="dim",
            soft_wrap=True,
        )
    elif repeated:
        shown.print(f"- further films of the same patients, left out: {repeated:,}", soft_wrap=True)
