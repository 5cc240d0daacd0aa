"""``pneumoscope watch``."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.ai_results.kinds import EVERY, KINDS
from pneumoscope.cli.extras import require
from pneumoscope.cli.option_groups import with_options
from pneumoscope.cli.options import Json, reader_option
from pneumoscope.cli.read.report import FhirVersion, kinds_of_option
from pneumoscope.cli.read.verdict_options import Threads, VerdictOptions
from pneumoscope.decision.reader_settings import EXPLAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.watch.result_files import ResultFiles
    from pneumoscope.watch.watching import WatchSettings

# A panel of the help.
_QUEUE = "Queue"
EXAMPLE = "Example: pneumoscope watch incoming/ --out results/ --object sr,fhir"
_MODULES = ("sqlalchemy", "alembic", "cryptography", "watchdog", "fsspec")

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="Folders, or prefixes of buckets: s3://bucket/films, gs://bucket/films, az://container/films.",
    ),
]
Out = Annotated[
    str,
    typer.Option("--out", metavar="DIR", help="Write the results into this folder or bucket."),
]
Objects = Annotated[
    list[str] | None,
    typer.Option(
        "--object",
        metavar="KIND",
        help=f"Also write these objects of DICOM films, see `report`: {', '.join(KINDS)} or {EVERY}; "
        "repeatable, or separated by commas.",
    ),
]
Poll = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0.1,
        help="List the files this often. Needed for folders of other machines, whose changes this "
        "system does not report; buckets are listed every 60 s by default.",
    ),
]
Settle = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0,
        help="A file counts as complete when it has not changed for this long.",
    ),
]
Once = Annotated[
    bool,
    typer.Option("--once", help="Read what is there, then end; for cron and scripts."),
]
QueueFolder = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        metavar="DIR",
        help="Folder of the queue, on a disk of this machine; by default one for these sources and "
        "this target, in ~/.local/state/pneumoscope.",
        rich_help_panel=_QUEUE,
    ),
]
Key = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Key that encrypts films and names in the queue; created in its folder by default.",
        rich_help_panel=_QUEUE,
    ),
]


@with_options(VerdictOptions)
def watch(
    sources: Sources,
    out: Out,
    *,
    object_: Objects = None,
    fhir_version: FhirVersion = "R5",
    once: Once = False,
    poll: Poll = None,
    settle: Settle = 2.0,
    json: Json = False,
    explain: Annotated[str, reader_option(EXPLAIN)] = "fast",
    verdicts: VerdictOptions,
    threads: Threads = None,
    folder: QueueFolder = None,
    key: Key = None,
) -> None:
    """Read films as they arrive in folders or buckets, and write the results.

    For each film: its verdict as JSON, the film with its heatmap, and DICOM or
    FHIR objects on request, under the film's own path below --out. Every film
    is read once, also after a crash, and when it is moved or copied; a file
    that changes is read again. `pneumoscope queue list` shows films that cannot
    be read. Ends with Ctrl-C.
    """
    require("pneumoscope watch", "watch", *_MODULES)
    from pneumoscope.watch.watching import WatchSettings

    private = folder or default_folder(sources, out)
    settings = WatchSettings(
        sources=tuple(sources),
        out=out,
        folder=private,
        database_url=f"sqlite:///{private / 'watch.sqlite'}",
        reading=verdicts.settings(explain),
        key=key,
        bundle=verdicts.bundle,
        result_files=_result_files(object_, fhir_version, explain),
        settle_s=settle,
        poll_s=poll,
        once=once,
        threads=threads,
    )
    sys.exit(_run(settings, json))


def _result_files(objects: Sequence[str] | None, fhir_version: str, explain: str) -> ResultFiles:
    """Which files are written.

    Raises:
        UsageError: There is no such kind of object, or version of FHIR.
        MissingExtra: Objects are wanted, and the extra ``[pacs]`` is not installed.
    """
    from pneumoscope.watch.result_files import ResultFiles

    kinds = () if objects is None else kinds_of_option(objects)
    if kinds:
        require("--object", "pacs", "highdicom", "contourpy", "reportlab")
        from pneumoscope.ai_results.fhir import check_version

        check_version(fhir_version)
    return ResultFiles(overlays=explain != "none", kinds=kinds, fhir_version=fhir_version)


def default_folder(sources: Sequence[str], out: str) -> Path:
    """The folder of the queue for these sources and this target."""
    root = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    places = [text if "://" in text else str(Path(text).resolve()) for text in (*sources, out)]
    digest = hashlib.sha256(repr(places).encode("utf-8", "backslashreplace")).hexdigest()
    return Path(root) / "pneumoscope" / f"watch-{digest[:12]}"


def _run(settings: WatchSettings, json: bool) -> int:
    """Watches; returns the exit code: 1 if, after ``--once``, a film has no result."""
    from pneumoscope.cli.read.watch_printer import WatchPrinter
    from pneumoscope.watch.watching import watch as run

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    outcome = run(settings, WatchPrinter(settings, json), stop)
    if outcome.left:
        sys.stderr.write(f"{outcome.left:,} left for the next start\n")
    return int(bool(settings.once and (outcome.failed or outcome.left)))
