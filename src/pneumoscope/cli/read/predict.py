"""``pneumoscope predict``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli.extras import require
from pneumoscope.cli.loading import loaded
from pneumoscope.cli.option_groups import with_options
from pneumoscope.cli.options import Json, reader_option
from pneumoscope.cli.read.verdict_options import MODEL, Threads, VerdictOptions
from pneumoscope.decision.reader_settings import EXPLAIN
from pneumoscope.errors import UsageError
from pneumoscope.languages.current import ENGLISH, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pneumoscope.cli.read.pictures import Targets
    from pneumoscope.records import Settings

EXAMPLE = "Example: pneumoscope predict film.dcm ward/ --prevalence 0.05 --json > results.json"

# A panel of the help.
_PICTURES = "Pictures"

Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Films, folders, glob patterns, ZIP archives or a DICOMDIR; or - for one film on stdin.",
    ),
]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV to stdout.")]
Heatmaps = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Write each film with its heatmap as PNG into this folder.",
        rich_help_panel=_PICTURES,
    ),
]
Sheet = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write one HTML page with films, heatmaps and verdicts.",
        rich_help_panel=_PICTURES,
    ),
]
Language = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(LANGUAGES),
        autocompletion=lambda: list(LANGUAGES),
        help=f"Language of the page that --sheet writes; {ENGLISH} by default.",
        rich_help_panel=_PICTURES,
    ),
]
Occlusion = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Write PNGs that show how covering each region of a film changes the odds of its verdict; slow.",
        rich_help_panel=_PICTURES,
    ),
]
Explain = Annotated[str, reader_option(EXPLAIN, panel=_PICTURES)]
Server = Annotated[
    str | None,
    typer.Option(
        envvar="PNEUMOSCOPE_SERVER",
        metavar="URL",
        help="Let a server (`pneumoscope serve`) read the films; its API token is in "
        "PNEUMOSCOPE_TOKEN.",
        rich_help_panel=MODEL,
    ),
]

# Fewer films at once if each is kept at full size for its pictures.
_BATCH, _BATCH_WITH_PICTURES = 8, 2


@with_options(VerdictOptions)
def predict(
    paths: Paths,
    *,
    json: Json = False,
    csv: Csv = False,
    heatmaps: Heatmaps = None,
    sheet: Sheet = None,
    language: Language = None,
    verdicts: VerdictOptions,
    explain: Explain = "fast",
    occlusion: Occlusion = None,
    threads: Threads = None,
    server: Server = None,
) -> None:
    """Say for each film NORMAL, PNEUMONIA (adults: ABNORMAL) or UNDETERMINED, or refuse it.

    Reads DICOM, JPEG, PNG, TIFF, BMP and WebP, whatever the file name, also in
    ZIP archives. A film that cannot be read is reported; the others are read,
    and the exit code is 1.
    """
    if json and csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    output = "json" if json else "csv" if csv else "table"
    if explain == "none" and heatmaps is not None:
        raise typer.BadParameter("--heatmaps and --explain none exclude each other")
    if server is not None:
        local: dict[str, object] = {
            "--sheet": sheet, "--occlusion": occlusion, "--profile": verdicts.profile, "--threads": threads,
        }  # fmt: skip
        for name, value in local.items():
            if value is not None:
                raise typer.BadParameter(f"--server and {name} exclude each other")
    from pneumoscope.cli.read.pictures import Targets

    settings = verdicts.settings(explain)
    targets = Targets(heatmaps, sheet, occlusion, _checked(language, sheet))
    sources = list(_sources(paths))
    if not sources:
        raise UsageError("no films found", "Are the folders empty, or without images?")
    targets.prepare(sources)
    if server is not None:
        sys.exit(_read_on_server(server, verdicts.bundle, sources, settings, targets, output))
    sys.exit(_read_here(verdicts.bundle, threads, sources, settings, targets, output))


def _checked(language: str | None, sheet: Path | None) -> str:
    """The language of the page that ``--sheet`` writes."""
    if language is None:
        return ENGLISH
    if sheet is None:
        raise typer.BadParameter("--language is that of the page that --sheet writes")
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise typer.BadParameter(f"--language {language}: there are texts in {known}")
    return language


def _sources(paths: Iterable[str]) -> Iterator[Any]:
    from pneumoscope import images

    for path in paths:
        if not path:
            raise UsageError("an empty path", "Is a variable of your shell not set?")
        if path == "-":
            if sys.stdin is None:
                raise UsageError("there is no stdin to read", "Name a file in place of -.")
            yield sys.stdin.buffer
        else:
            yield from images.find_films([path])


def _read_here(
    bundle: Path | None,
    threads: int | None,
    sources: list[Any],
    settings: Settings,
    targets: Targets,
    output: str,
) -> int:
    from pneumoscope import runtime
    from pneumoscope.cli.progress import over_films
    from pneumoscope.cli.read import pictures
    from pneumoscope.cli.read.output import print_results

    reader = runtime.load(bundle, threads=threads, settings=settings)
    loaded()
    outcomes = reader.predict_many(
        sources,
        batch_size=_BATCH_WITH_PICTURES if targets else _BATCH,
        keep_films=bool(targets),
    )
    if targets.occlusion is None:
        results = pictures.with_pictures(
            over_films(outcomes, len(sources)), targets, pictures.populations_of(reader)
        )
    else:
        results = pictures.with_occlusion(
            outcomes, len(sources), targets, targets.occlusion, reader
        )
    labels = dict.fromkeys(label for bundle in reader.bundles for label in bundle.meta.labels)
    kinds_warnings = {bundle.sha256: bundle.meta.kinds_warning for bundle in reader.bundles}
    return print_results(results, output, tuple(labels), kinds_warnings)


def _read_on_server(
    url: str,
    bundle: Path | None,
    sources: list[Any],
    settings: Settings,
    targets: Targets,
    output: str,
) -> int:
    require("--server", "serve", "httpx")
    from pneumoscope.cli.progress import over_films
    from pneumoscope.cli.read import pictures
    from pneumoscope.cli.read.output import print_results
    from pneumoscope.client import Client

    loaded()
    with Client(url) as client:
        name = None if bundle is None else str(bundle)
        model = client.model(name)
        models = model.get("bundles", [model])
        answers = over_films(client.predict_many(sources, settings, bundle=name), len(sources))
        return print_results(
            pictures.with_fetched_heatmaps(client, answers, targets.heatmaps),
            output,
            tuple(dict.fromkeys(label for facts in models for label in facts["labels"])),
            # A server of the former version does not send the sentence.
            {facts.get("bundle_sha256"): facts.get("kinds_warning", "") for facts in models},
        )
