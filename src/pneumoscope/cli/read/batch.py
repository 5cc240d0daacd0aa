"""``pneumoscope batch``."""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli.extras import require
from pneumoscope.cli.option_groups import with_options
from pneumoscope.cli.options import Json, reader_option
from pneumoscope.cli.read.verdict_options import VERDICTS, VerdictOptions
from pneumoscope.decision.reader_settings import EXPLAIN
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pneumoscope.batch.job import ReadJob
    from pneumoscope.batch.listing import Listing
    from pneumoscope.batch.places import Place
    from pneumoscope.batch.run import Engine, Tally
    from pneumoscope.batch.summary import Summary
    from pneumoscope.evidence.site.drift import Drift
    from pneumoscope.runtime import Reader

_log = logging.getLogger(__name__)

EXAMPLE = "Example: pneumoscope batch s3://hospital/films --out results --workers 8 --heatmaps"

# A panel of the help.
_RUN = "Run"
LOCAL, RAY = "local", "ray"

Source = Annotated[
    str,
    typer.Argument(
        metavar="DIR|MANIFEST|BUCKET",
        help="A folder or ZIP archive of films; a manifest (CSV or Parquet with a column path, or a text "
        "file with a path in each line); a bucket (s3://, gs:// or az://); or a manifest in a bucket.",
    ),
]
Out = Annotated[
    str,
    typer.Option(
        metavar="DIR",
        help="Folder, or s3://, gs:// or az:// prefix, for the shards part-*.parquet and the summary. Give "
        "the same one again to continue.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Processes that read films; one per core by default.",
        rich_help_panel=_RUN,
    ),
]  # fmt: skip
ShardRows = Annotated[
    int,
    typer.Option(
        min=1, metavar="N", help="Most films in a shard; a crash loses at most the work on one shard.",
        rich_help_panel=_RUN,
    ),
]  # fmt: skip
LimitErrors = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="N", help="Stop when more films than this cannot be read.",
        rich_help_panel=_RUN,
    ),
]  # fmt: skip
RetryErrors = Annotated[
    bool,
    typer.Option(
        "--retry-errors", help="Read films again whose row has an error.", rich_help_panel=_RUN
    ),
]
EngineName = Annotated[
    str,
    typer.Option(
        metavar="ENGINE", help="What reads the films: local (processes on this machine) or ray (a Ray cluster).",
        rich_help_panel=_RUN,
    ),
]  # fmt: skip
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS", help="Ray cluster, such as auto or ray://head:10001; by default Ray is started "
        "on this machine.", rich_help_panel=_RUN,
    ),
]  # fmt: skip
Heatmaps = Annotated[bool, typer.Option("--heatmaps", help="Keep each film's heatmap in a column.")]
Explain = Annotated[str, reader_option(EXPLAIN, panel=VERDICTS)]

_SHARD_ROWS = 1000  # `batch.run.SHARD_ROWS`, which the help must not import


@with_options(VerdictOptions)
def batch(
    source: Source,
    out: Out,
    *,
    heatmaps: Heatmaps = False,
    workers: Workers = None,
    shard_rows: ShardRows = _SHARD_ROWS,
    limit_errors: LimitErrors = None,
    retry_errors: RetryErrors = False,
    engine: EngineName = LOCAL,
    ray_address: RayAddress = None,
    verdicts: VerdictOptions,
    explain: Explain = "fast",
    json: Json = False,
) -> None:
    """Read any number of films into Parquet files, and continue where an earlier run ended.

    There is one row per film, with verdict, probabilities, conformal set,
    reasons of the gate, content hash and bundle hash, or with the error. Films
    that already have a row are skipped, so give the same command again after an
    interruption. At the end, a page summary.html counts all rows. The exit code
    is 1 if a film could not be read.
    """
    if engine not in (LOCAL, RAY):
        raise typer.BadParameter(f"--engine {engine}: one of {LOCAL}, {RAY}")
    if ray_address is not None and engine != RAY:
        raise typer.BadParameter("--ray-address needs --engine ray")
    if explain == "none" and heatmaps:
        raise typer.BadParameter("--heatmaps and --explain none exclude each other")
    require("batch", "batch", "pyarrow", "matplotlib")
    if engine == RAY:
        require("--engine ray", "scale", "ray")
    from pneumoscope import runtime
    from pneumoscope.batch.job import ReadJob
    from pneumoscope.batch.listing import Listing
    from pneumoscope.batch.places import check_apart, place_of
    from pneumoscope.batch.run import run

    listing, place = Listing(source), place_of(out)
    check_apart(source, out)
    reader = runtime.load(verdicts.bundle, threads=1, settings=verdicts.settings(explain))
    job = ReadJob.of(reader, verdicts.bundle, heatmaps=heatmaps)
    chosen = _engine(engine, job, workers or runtime.usable_cores(), shard_rows, ray_address)
    with _progress(listing) as step:
        tally = run(
            listing, place, job, chosen, shard_rows=shard_rows, limit_errors=limit_errors,
            retry_errors=retry_errors, step=step,
        )  # fmt: skip
    sys.exit(_finish(listing, place, job, reader, tally, json=json))


def _engine(name: str, job: ReadJob, workers: int, shard_rows: int, address: str | None) -> Engine:
    if name == RAY:
        from pneumoscope.batch.ray_engine import RayCluster

        return RayCluster(job, workers, address)
    from pneumoscope.batch.workers import Workers as Processes

    return Processes(job, workers, shard_rows)


@contextmanager
def _progress(listing: Listing) -> Iterator[Callable[[Tally], None]]:
    """Shows how many films are done, and the time left once all are counted; only on a terminal.

    The films of a bucket are not counted in advance: each list of 1,000 objects is a request that costs.
    """
    from pneumoscope.cli.progress import progress_bar

    total: list[int] = []
    if sys.stderr is not None and sys.stderr.isatty() and not listing.is_remote:

        def count() -> None:
            with suppress(Exception):  # a listing that fails ends the batch itself
                total.append(sum(1 for _ in listing.films()))

        # Reading need not wait for the count.
        threading.Thread(target=count, daemon=True).start()
    with progress_bar("reading films") as bar:

        def step(tally: Tally) -> None:
            known = tally.listed if tally.all_listed else None
            bar(tally.done, total[0] if total else known)

        yield step


def _finish(
    listing: Listing, place: Place, job: ReadJob, reader: Reader, tally: Tally, *, json: bool
) -> int:
    """Writes and prints the summary; returns the exit code."""
    from json import dumps
    from time import strftime

    from pneumoscope.batch.shards import Shards
    from pneumoscope.batch.summary import summarise, to_json
    from pneumoscope.cli.terminal import print_json
    from pneumoscope.evidence.report import batch as page
    from pneumoscope.evidence.report import html_page
    from pneumoscope.render.serialise import NOTICE

    summary = summarise(Shards(place, job.columns))
    drifts = _drifts(summary, reader)
    report = page.report_of(summary, drifts, listing.identity, strftime("%Y-%m-%d %H:%M"))
    place.write("summary.html", html_page.html(report).encode())
    record: dict[str, Any] = {
        "notice": NOTICE,
        "source": listing.identity,
        "out": place.name,
        "run": {"listed": tally.listed, "skipped": tally.skipped, "written": tally.written,
            "failed": tally.failed, "stopped": tally.stopped},
        **to_json(summary),
        "drift": [_drift_json(sha256, drift) for sha256, drift in drifts.items()],
    }  # fmt: skip
    place.write("summary.json", dumps(record, indent=2).encode() + b"\n")
    if json:
        print_json(record, indent=2)
    else:
        _print(summary, tally, place, alarms=[d.profile for d in drifts.values() if d.alarm])
    if tally.stopped:
        sys.stderr.write(
            f"error: stopped, because {counted(tally.failed, 'film')} could not be read (--limit-errors)\n"
            "hint: The column error of the shards says why. The same command continues.\n"
        )
    return int(summary.errors.total() > 0 or tally.stopped)


def _drifts(summary: Summary, reader: Reader) -> dict[str, Drift]:
    """SHA-256 of a bundle to the test of its films against the site profile, or its own films."""
    from pneumoscope.decision.profile import read_profile
    from pneumoscope.evidence.site.bundle_reference import reference_of
    from pneumoscope.evidence.site.drift import Reference, compare

    path = reader.settings.profile
    profile = None if path is None else read_profile(path)
    drifts = {}
    for bundle in reader.bundles:
        counts = summary.bundles.get(bundle.sha256)
        reference = reference_of(bundle)
        if profile is not None and profile.bundle_sha256 == bundle.sha256:
            reference = Reference(profile.name, profile.reference, profile.calibration)
        if counts is not None and reference is not None:
            try:
                drifts[bundle.sha256] = compare(counts.sample, reference)
            except UsageError as error:  # a profile of few patients, or refused films alone
                _log.warning("no test of drift: %s", error)
    return drifts


def _drift_json(sha256: str, drift: Drift) -> dict[str, Any]:
    return {
        "bundle_sha256": sha256,
        "reference": drift.profile,
        "films": drift.films,
        "alarm": drift.alarm,
        "channels": [
            {
                "name": c.name,
                "reference": c.reference,
                "films": c.films,
                "mean_before": c.before,
                "mean_after": c.after,
                "alarm": c.alarm is not None,
            }
            for c in drift.channels
        ],
    }


def _print(summary: Summary, tally: Tally, place: Place, alarms: list[str]) -> None:
    from pneumoscope.cli.terminal import console, escape, plain_table, print_table
    from pneumoscope.render.serialise import NOTICE

    table = plain_table("verdict", "films", right=("films",))
    for label, films in summary.labels.most_common():
        table.add_row(escape(label), f"{films:,}")
    if summary.errors:
        table.add_row("not read", f"{summary.errors.total():,}")
    out = console()
    print_table(out, table)
    lines = [
        f"{counted(tally.written, 'row')} written, {counted(tally.skipped, 'film')} had theirs before"
    ]
    if summary.errors:
        errors = (f"{code} ({films:,})" for code, films in summary.errors.most_common())
        lines.append(f"not read: {', '.join(errors)}")
    lines += [f"drift: these films differ from {name}" for name in alarms]
    lines.append(
        f"{counted(summary.films, 'row')} in {counted(summary.shards, 'shard')}: {place.name}"
    )
    lines.append(f"summary: {place.name}/summary.html")
    for line in lines:
        out.print(escape(line), soft_wrap=True)
    out.print(NOTICE, style="dim", soft_wrap=True)
