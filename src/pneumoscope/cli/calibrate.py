"""``pneumoscope calibrate``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.cli import console, require
from pneumoscope.cli.progress import progress_bar
from pneumoscope.errors import UsageError
from pneumoscope.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.bundle import Bundle
    from pneumoscope.evidence.site.points import Older
    from pneumoscope.evidence.site.results import Calibrated


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for.

    Attributes:
        data: Labelled films.
        out: The profile to write.
        name: Of the site.
        prevalence: In the site's practice, or None.
        goals: Least lower ends of sensitivity and specificity.
        bundle: To calibrate; None for the shipped one.
        older: Bundle whose operating points are carried over, and the site profile that was in use
            with it; None for none.
        split: Of `evaluation_films.SPLITS`.
        cache: Folder for decoded films of the bundle's training; None for the user's.
        report: HTML file, or None.
        strict: Whether no-go is exit code 1.
    """

    data: Path
    out: Path
    name: str | None
    prevalence: float | None
    goals: tuple[float, float]
    bundle: Path | None
    older: tuple[Path | None, Path | None]
    split: str
    cache: Path | None
    report: Path | None
    strict: bool


def run(request: Request, *, as_json: bool) -> int:
    """Calibrates and writes the profile; the exit code is 1 only for ``strict`` and no-go."""
    require("the calibration", "evidence", "cv2", "scipy", "sklearn", "matplotlib")
    from pneumoscope.bundle import open_bundle
    from pneumoscope.decision import profile as site_profile
    from pneumoscope.evidence.site import calibrate
    from pneumoscope.evidence.site import films as site_films
    from pneumoscope.evidence.site.record import to_json
    from pneumoscope.evidence.site.request import SiteRequest, check
    from pneumoscope.evidence.site.verdict import Goal

    _check_targets(request)
    name = request.name or request.data.resolve().stem
    bundle = open_bundle(request.bundle)
    old_bundle, older = _older(request)
    if old_bundle is not None and old_bundle.sha256 == bundle.sha256:
        raise UsageError("--from names the bundle that is calibrated", "Name the older one.")
    asked = SiteRequest(name, request.prevalence, Goal(*request.goals), older)
    check(asked)
    with progress_bar("reading films") as count:
        films = site_films.read(
            request.data, bundle, old_bundle, request.split, request.cache, count
        )
    result = calibrate.calibrate(films, bundle, asked)
    for target in (request.out, request.report):
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
    if request.report is not None:
        from pneumoscope.evidence.report import html_page
        from pneumoscope.evidence.report import site as site_report

        write_text(request.report, html_page.html(site_report.report_of(result)))
    site_profile.write_profile(request.out, result.profile)
    for film in result.broken:
        sys.stderr.write(f"error: {film.message}\nhint: {film.hint}\n")
    if as_json:
        sys.stdout.write(json.dumps(to_json(result), indent=2) + "\n")
    else:
        _print(result, request)
    return 1 if request.strict and result.profile.verdict == site_profile.NO_GO else 0


def _check_targets(request: Request) -> None:
    """Refuses to replace anything but an older profile and an older page."""
    from pneumoscope.decision.profile import read_profile
    from pneumoscope.errors import ProfileError

    if request.out.is_dir():
        raise UsageError(f"{request.out}: is a folder", "Name a JSON file with --out.")
    if request.out.exists():
        try:
            read_profile(request.out)
        except ProfileError as error:
            raise UsageError(
                f"{request.out}: exists and is no site profile", "Name a new file with --out."
            ) from error
    check_page(request.report)


def check_page(page: Path | None) -> None:
    """Refuses an HTML target that is a folder or holds something else.

    Raises:
        UsageError: Saying which.
    """
    if page is None or not page.exists():
        return
    if page.is_dir():
        raise UsageError(f"{page}: is a folder", "Name an HTML file with --report.")
    with page.open("rb") as stream:
        if stream.read(15).lower() != b"<!doctype html>":
            raise UsageError(f"{page}: exists and is no HTML page", "Name a new file.")


def _older(request: Request) -> tuple[Bundle | None, Older | None]:
    from pneumoscope.bundle import open_bundle
    from pneumoscope.decision.profile import read_profile
    from pneumoscope.evidence.site.points import Older

    folder, file = request.older
    if folder is None:
        if file is not None:
            raise UsageError(
                "--from-profile needs the older bundle, too", "Name its folder with --from."
            )
        return None, None
    bundle = open_bundle(folder)
    if file is None:
        return bundle, Older(bundle.title, bundle.meta.operating_points)
    profile = read_profile(file)
    profile.check(bundle.title, bundle.sha256)
    title = f"{bundle.title} with the profile {profile.name}"
    return bundle, Older(title, tuple(own.point for own in profile.points), profile.calibration)


def _print(result: Calibrated, request: Request) -> None:
    from rich.markup import escape
    from rich.table import Table

    from pneumoscope.metrics import threshold_text

    shown, profile = console(), result.profile
    shown.print(
        escape(
            f"{profile.name}: {profile.films:,} films of {profile.patients:,} patients; read: "
            + ", ".join(f"{n:,} {name}" for name, n in profile.classes.items())
            + f"; {profile.bundle}"
        ),
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("operating point", "threshold", "sensitivity", "specificity"):
        table.add_column(head, justify="left" if head == "operating point" else "right")
    for one in result.points:
        mark = " (default)" if one.point.name == profile.default_operating_point else ""
        table.add_row(
            escape(one.point.name + mark), threshold_text(one.point.threshold),
            escape(str(one.sensitivity)), escape(str(one.specificity)),
        )  # fmt: skip
        if one.bundle_threshold is not None:
            table.add_row(
                "  as the bundle has it", threshold_text(one.bundle_threshold),
                escape(str(one.bundle_sensitivity)), escape(str(one.bundle_specificity)),
                style="dim",
            )  # fmt: skip
    shown.print(table)
    if result.carried:
        _print_carried(result)
    own = profile.calibration
    lines = [
        f"Calibration: log odds times {own.scale[0]:.3f} {own.offset[0]:+.3f}; ECE {result.before.error.ece} before, "
        f"{result.after.error.ece} after (chance alone: {result.after.error.by_chance:.3f}).",
        f"UNDETERMINED at error 5 %: {result.undetermined} of the films. Site figures are cross-fitted, "
        "brackets hold 95 % intervals.",
        *(f"Mind: {warning}." for warning in result.warnings),
    ]
    for line in lines:
        shown.print(escape(line), style="dim", soft_wrap=True)
    colour = "green" if profile.verdict == "go" else "yellow"
    shown.print(f"[bold {colour}]{profile.verdict.upper()}[/]", soft_wrap=True)
    for reason in profile.reasons:
        shown.print(escape(f"- {reason}"), soft_wrap=True)
    shown.print(escape(str(request.out)), soft_wrap=True)


def _print_carried(result: Calibrated) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    heads = (
        "from the older bundle",
        "keeps",
        "change of sensitivity",
        "of specificity",
        "label changes",
    )
    for head in heads:
        table.add_column(head)
    for c in result.carried:
        table.add_row(
            escape(c.name), c.keeps, escape(str(c.sensitivity_change)),
            escape(str(c.specificity_change)), escape(str(c.changed)),
        )  # fmt: skip
    console().print(table)
