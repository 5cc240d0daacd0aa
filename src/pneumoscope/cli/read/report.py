"""``pneumoscope report``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.ai_results.kinds import DEFAULT, EVERY, KINDS, KNOWN, chosen_kinds
from pneumoscope.cli.extras import require
from pneumoscope.cli.option_groups import with_options
from pneumoscope.cli.options import Json, reader_option
from pneumoscope.cli.read.verdict_options import VerdictOptions
from pneumoscope.decision.reader_settings import EXPLAIN
from pneumoscope.errors import PneumoscopeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.cli.read.reported_film import ReportedFilm, Reporter

EXAMPLE = "Example: pneumoscope report film.dcm --out results --object sr,sc"

Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH", help="DICOM films, folders, glob patterns, ZIP archives or a DICOMDIR."
    ),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Write the objects into this folder.")
]
Objects = Annotated[
    list[str] | None,
    typer.Option(
        "--object",
        metavar="KIND",
        help=f"Kinds of objects: {', '.join(KINDS)} or {EVERY}; repeatable, or separated by commas. "
        f"By default {', '.join(DEFAULT)}.",
    ),
]
FhirVersion = Annotated[
    str, typer.Option("--fhir-version", metavar="VERSION", help="Write FHIR as R5 or R4.")
]


@with_options(VerdictOptions)
def report(
    paths: Paths,
    out: Out,
    *,
    object_: Objects = None,
    fhir_version: FhirVersion = "R5",
    json: Json = False,
    explain: Annotated[str, reader_option(EXPLAIN)] = "fast",
    verdicts: VerdictOptions,
) -> None:
    """Write the verdict on DICOM films as objects for their study in an archive.

    For each film: a structured report (SR), the film with its heatmap (SC), the
    heatmap as data (SEG), a PDF, and FHIR resources. They belong to the film's
    study, in series of their own. Nothing is sent. A file that exists is never
    replaced.
    """
    if not all(paths):
        raise UsageError("an empty path", "Is a variable of your shell not set?")
    kinds = DEFAULT if object_ is None else kinds_of_option(object_)
    require("pneumoscope report", "pacs", "highdicom", "contourpy", "reportlab")
    from pneumoscope import images, runtime
    from pneumoscope.ai_results.fhir import check_version
    from pneumoscope.cli.read.reported_film import Reporter

    check_version(fhir_version)
    sources = list(images.find_films(paths))
    if not sources:
        raise UsageError("no films found", "Are the folders empty, or without images?")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is not a folder", "Name one for the objects.")
    reader = runtime.load(verdicts.bundle, settings=verdicts.settings(explain))
    out.mkdir(parents=True, exist_ok=True)
    reporter = Reporter(reader, out, kinds, fhir_version)
    sys.exit(_report_all(reporter, sources, json))


def kinds_of_option(values: Sequence[str]) -> tuple[str, ...]:
    """The kinds that ``--object`` names.

    Raises:
        UsageError: There is no such kind, or none is named.
    """
    kinds = chosen_kinds(values, "--object")
    if not kinds:
        raise UsageError("--object names no kind of object", KNOWN)
    return kinds


def _report_all(reporter: Reporter, sources: Sequence[Any], json: bool) -> int:
    """Reports each film; returns the exit code: 1 if one failed."""
    from pneumoscope import images
    from pneumoscope.cli.terminal import print_json
    from pneumoscope.cli.terminal import report as report_error
    from pneumoscope.render.serialise import NOTICE

    films: list[ReportedFilm] = []
    failures: list[dict[str, Any]] = []
    for source in sources:
        try:
            film = reporter.report(source)
        except PneumoscopeError as error:
            report_error(error)
            failures.append({"source": images.name_of(source), "error": error.as_dict()})
            continue
        films.append(film)
        if not json:
            _print(film)
    if json:
        results = [*(film.as_dict() for film in films), *failures]
        print_json({"notice": NOTICE, "results": results}, indent=2)
    return int(bool(failures))


def _print(film: ReportedFilm) -> None:
    from pneumoscope.cli.terminal import console, escape

    out = console()
    out.print(f"{escape(film.source)}: [bold]{escape(film.verdict)}[/]")
    for written in film.written:
        out.print(f"  {written.kind:4}  {escape(str(written.path))}")
    for kind, reason in film.not_made.items():
        out.print(f"  {kind:4}  not made: {escape(reason)}")
