"""``pneumoscope calibrate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.completion import bundle_names
from pneumoscope.cli.extras import require
from pneumoscope.cli.one_bundle import bundle_or_first
from pneumoscope.cli.options import Bundle, Cache, Json
from pneumoscope.cli.progress import progress_bar
from pneumoscope.cli.targets import check_page
from pneumoscope.cli.terminal import console, plain_table, print_json, print_table, report_films
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import ProfileError, UsageError
from pneumoscope.files import write_text

if TYPE_CHECKING:
    from pneumoscope.bundle import Bundle as OpenedBundle
    from pneumoscope.evidence.site.points import Older
    from pneumoscope.evidence.site.results import Calibrated

EXAMPLE = (
    "Example: pneumoscope calibrate our_films --out site.json --name Ward-7 --report site.html"
)

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="50 to 200 labelled films of your site: a folder or ZIP in any layout, or a CSV manifest.",
    ),
]
Out = Annotated[Path, typer.Option(metavar="FILE", help="The site profile to write.")]
Name = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Name of the site; that of the data folder by default."),
]
Prevalence = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="Share of ill films at your site."),
]
LeastSensitivity = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        help="GO needs at least this at the lower end of the 95 % interval of the sensitivity.",
    ),
]
LeastSpecificity = Annotated[
    float,
    typer.Option(
        metavar="SHARE",
        help="GO needs at least this at the lower end of the 95 % interval of the specificity.",
    ),
]
OlderBundle = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="NAME|DIR",
        help="Older bundle whose operating points are carried over.",
        autocompletion=bundle_names,
    ),
]
OlderProfile = Annotated[
    Path | None,
    typer.Option(
        "--from-profile", metavar="FILE", help="Site profile that was used with the older bundle."
    ),
]
Split = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Films to use: auto, validation, test, train or all; see `pneumoscope evaluate`.",
    ),
]
Report = Annotated[Path | None, typer.Option(metavar="FILE", help="Write an HTML page with plots.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 on NO-GO.")]


def calibrate(
    data: Data,
    out: Out = Path("site.json"),
    name: Name = None,
    prevalence: Prevalence = None,
    min_sensitivity: LeastSensitivity = 0.9,
    min_specificity: LeastSpecificity = 0.7,
    bundle: Bundle = None,
    older: OlderBundle = None,
    older_profile: OlderProfile = None,
    split: Split = "auto",
    cache: Cache = None,
    report: Report = None,
    strict: Strict = False,
    json: Json = False,
) -> None:
    """Fit a bundle to the films of a site and write a site profile.

    Refits calibration, operating points, conformal scores and gate limits,
    measures them on films that had no part in the fit, and says GO or NO-GO.
    Nothing leaves the machine; the profile contains no film and no name.
    """
    require("the calibration", "evidence", "cv2", "scipy", "sklearn", "matplotlib")
    from pneumoscope.bundle import open_bundle
    from pneumoscope.data.manifests import name_of
    from pneumoscope.data.packed import data_folder
    from pneumoscope.decision.profile import NO_GO, write_profile
    from pneumoscope.evidence.site import calibrate as calibrating
    from pneumoscope.evidence.site import films as site_films
    from pneumoscope.evidence.site.record import to_json
    from pneumoscope.evidence.site.request import SiteRequest, check
    from pneumoscope.evidence.site.verdict import Goal

    _check_paths(data, out, report)
    current = open_bundle(bundle_or_first(bundle))
    old, older_points = _older(older, older_profile)
    if old is not None and old.sha256 == current.sha256:
        raise UsageError("--from names the bundle that is calibrated", "Name the older one.")
    request = SiteRequest(
        name or name_of(data),
        prevalence,
        Goal(min_sensitivity, min_specificity),
        older_points,
    )
    check(request)
    with data_folder(data) as folder, progress_bar("reading films") as count:
        films = site_films.read(folder, current, old, split, cache, count)
    result = calibrating.calibrate(films, current, request)
    for target in (out, report):
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
    if report is not None:
        _write_report(result, report)
    write_profile(out, result.profile)
    report_films(result.broken)
    if json:
        print_json(to_json(result), indent=2)
    else:
        _print(result, out)
    sys.exit(1 if strict and result.profile.verdict == NO_GO else 0)


def _write_report(result: Calibrated, page: Path) -> None:
    from pneumoscope.evidence.report import html_page
    from pneumoscope.evidence.report import site as site_report

    write_text(page, html_page.html(site_report.report_of(result)))


def _check_paths(data: Path, out: Path, report: Path | None) -> None:
    """Refuses missing films, and to replace anything but an older profile and an older page."""
    from pneumoscope.data.packed import check_root
    from pneumoscope.decision.profile import read_profile

    if out.is_dir():
        raise UsageError(f"{out}: is a folder", "Name a JSON file with --out.")
    if out.exists():
        try:
            read_profile(out)
        except ProfileError as error:
            raise UsageError(
                f"{out}: exists and is not a site profile", "Name a new file with --out."
            ) from error
    check_page(report)
    check_root(data)


def _older(folder: Path | None, file: Path | None) -> tuple[OpenedBundle | None, Older | None]:
    """The older bundle and the operating points that were used with it; (None, None) without one."""
    from pneumoscope.bundle import open_bundle
    from pneumoscope.decision.profile import read_profile
    from pneumoscope.evidence.site.points import Older

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
    points = tuple(calibrated.point for calibrated in profile.points)
    return bundle, Older(title, points, profile.calibration)


def _print(result: Calibrated, out: Path) -> None:
    from pneumoscope.cli.terminal import escape

    shown, profile = console(), result.profile
    shown.print(
        escape(
            f"{profile.name}: {counted(profile.films, 'film')} of {counted(profile.patients, 'patient')}; read: "
            + ", ".join(f"{n:,} {name}" for name, n in profile.classes.items())
            + f"; {profile.bundle}"
        ),
        soft_wrap=True,
    )
    _print_points(result)
    if result.carried:
        _print_carried(result)
    calibration = profile.calibration
    lines = [
        f"Calibration: log odds times {calibration.scale[0]:.3f} {calibration.offset[0]:+.3f}; "
        f"ECE {result.before.error.ece} before, {result.after.error.ece} after "
        f"(chance alone: {result.after.error.by_chance:.3f}).",
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
    shown.print(escape(str(out)), soft_wrap=True)


def _print_points(result: Calibrated) -> None:
    from pneumoscope.cli.terminal import escape
    from pneumoscope.metrics import threshold_text

    figures = ("threshold", "sensitivity", "specificity")
    table = plain_table("operating point", *figures, right=figures)
    for measured in result.points:
        point = measured.point
        mark = " (default)" if point.name == result.profile.default_operating_point else ""
        table.add_row(
            escape(point.name + mark), threshold_text(point.threshold),
            escape(str(measured.sensitivity)), escape(str(measured.specificity)),
        )  # fmt: skip
        if measured.bundle_threshold is not None:
            table.add_row(
                "  as the bundle has it", threshold_text(measured.bundle_threshold),
                escape(str(measured.bundle_sensitivity)), escape(str(measured.bundle_specificity)),
                style="dim",
            )  # fmt: skip
    print_table(console(), table)


def _print_carried(result: Calibrated) -> None:
    from pneumoscope.cli.terminal import escape

    table = plain_table(
        "from the older bundle", "keeps", "change of sensitivity", "of specificity", "label changes"
    )
    for c in result.carried:
        table.add_row(
            escape(c.name), c.keeps, escape(str(c.sensitivity_change)),
            escape(str(c.specificity_change)), escape(str(c.changed)),
        )  # fmt: skip
    print_table(console(), table)
