"""``pneumoscope predict``."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pneumoscope import files, images, runtime
from pneumoscope.cli import console, report, require
from pneumoscope.decision.explain import CHECKED
from pneumoscope.decision.triage import KINDS_WARNING
from pneumoscope.errors import UsageError
from pneumoscope.metrics import threshold_text
from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED
from pneumoscope.render import wording
from pneumoscope.render.serialise import NOTICE, csv_columns, csv_row, outcome_to_json

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from pneumoscope.client import Client
    from pneumoscope.records import Outcome, Prediction, Settings

_T = TypeVar("_T")
# Few films at once where each is kept at full size for its pictures.
_BATCH, _BATCH_WITH_PICTURES = 8, 2


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for.

    Attributes:
        paths: Films, folders, patterns or ``-``.
        output: ``"table"``, ``"json"`` or ``"csv"``.
        heatmaps: Folder for overlays, or None.
        sheet: HTML file to write, or None.
        occlusion: Folder for occlusion maps, or None.
        server: Address of a reading room that does the work, or None.
    """

    paths: tuple[str, ...]
    output: str
    heatmaps: Path | None
    sheet: Path | None
    occlusion: Path | None = None
    server: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """One film's outcome, and the pictures that were written for it, if any."""

    outcome: Outcome
    heatmap: Path | None
    occlusion: Path | None = None


def run(
    request: Request,
    bundle: os.PathLike[str] | None,
    threads: int | None,
    settings: Settings,
) -> int:
    """Predicts and prints; the exit code is 1 if a film could not be read."""
    sources = list(_sources(request.paths))
    if not sources:
        raise UsageError("no films found", "Are the folders empty, or hold no images?")
    _check_targets(request, sources)
    if request.server is not None:
        return _run_there(request, request.server, sources, settings)
    classifier = runtime.load(bundle, threads=threads, settings=settings)
    pictures = any((request.heatmaps, request.sheet, request.occlusion))
    stream = classifier.predict_many(
        sources, batch_size=_BATCH_WITH_PICTURES if pictures else _BATCH, keep_films=pictures
    )
    if request.occlusion is None:
        shown = _each(_with_progress(stream, len(sources)), request)
    else:
        shown = _occluded(stream, len(sources), request, classifier)
    return _print(shown, request.output, classifier.bundle.meta.labels)


def _run_there(request: Request, url: str, sources: list[Any], settings: Settings) -> int:
    """As `run`, on a server."""
    require("--server", "serve", "httpx")
    from pneumoscope.client import Client

    with Client(url) as client:
        labels = tuple(client.model()["labels"])
        shown = _fetched(client, sources, settings, request.heatmaps)
        return _print(shown, request.output, labels)


def _fetched(
    client: Client, sources: list[Any], settings: Settings, heatmaps: Path | None
) -> Iterator[Shown]:
    taken: set[str] = set()
    for outcome, record in _with_progress(client.predict_many(sources, settings), len(sources)):
        written = None
        if outcome.error is not None:
            report(outcome.error)
        elif heatmaps is not None and record is not None and _has_heatmap(outcome):
            written = heatmaps / _free_name(Path(outcome.source).name, taken)
            with files.replacing(written) as stream:
                stream.write(client.rendering(record, "overlay.png"))
        yield Shown(outcome, written)


def _print(shown: Iterator[Shown], output: str, labels: tuple[str, ...]) -> int:
    if output == "csv":
        failed = _print_csv(shown, labels)
    elif output == "json":
        failed = _print_json(shown)
    else:
        failed = _print_table(shown)
    return 1 if failed else 0


def _sources(paths: Iterable[str]) -> Iterator[Any]:
    for path in paths:
        if not path:
            raise UsageError("an empty path", "Is a variable of your shell not set?")
        if path == "-":
            if sys.stdin is None:
                raise UsageError("there is no stdin to read", "Name a file in place of -.")
            yield sys.stdin.buffer
        else:
            yield from images.find_films([path])


def _check_targets(request: Request, sources: list[Any]) -> None:
    """Makes the folders for pictures, and refuses a sheet that would replace something else."""
    for folder, what in ((request.heatmaps, "heatmaps"), (request.occlusion, "occlusion maps")):
        if folder is not None and folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder}: is not a folder", f"Name one for the {what}.")
    for folder in (request.heatmaps, request.occlusion):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    sheet = request.sheet
    if sheet is None:
        return
    if sheet.is_dir():
        raise UsageError(f"{sheet}: is a folder", "Name an HTML file.")
    films = {path.resolve() for path in sources if isinstance(path, Path)}
    if sheet.resolve() in films or (sheet.exists() and not _is_sheet(sheet)):
        raise UsageError(f"{sheet}: exists and is not a sheet", "Name a new HTML file.")
    sheet.parent.mkdir(parents=True, exist_ok=True)


def _is_sheet(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(15).lower() == b"<!doctype html>"


def _each(stream: Iterator[Outcome], request: Request) -> Iterator[Shown]:
    """Passes outcomes on, reports errors, writes pictures."""
    taken: set[str] = set()
    rows = []
    for outcome in stream:
        written = None
        if outcome.error is not None:
            report(outcome.error)
        elif request.heatmaps is not None and _has_heatmap(outcome):
            from pneumoscope.render import heatmap

            written = request.heatmaps / _free_name(Path(outcome.source).name, taken)
            files.write_png(written, heatmap.overlay_of(outcome))
        if request.sheet is not None:
            from pneumoscope.render import sheet

            rows.append(sheet.row(outcome))
        yield Shown(outcome, written)
    if request.sheet is not None:
        files.write_text(request.sheet, sheet.page(rows))


def _has_heatmap(outcome: Outcome) -> bool:
    return outcome.prediction is not None and wording.is_shown(outcome.prediction)


def _occluded(
    stream: Iterator[Outcome], total: int, request: Request, classifier: runtime.Classifier
) -> Iterator[Shown]:
    """As `_each`, and writes the occlusion map of each film; shows progress on a terminal."""
    from pneumoscope.cli.progress import progress_bar
    from pneumoscope.render.occlusion_picture import occlusion_picture

    folder = request.occlusion
    if folder is None:
        raise ValueError("no folder for occlusion maps")
    taken: set[str] = set()
    with progress_bar("covering places") as count:
        for done, shown in enumerate(_each(stream, request)):
            film, p = shown.outcome.film, shown.outcome.prediction
            if film is None or p is None or not wording.is_shown(p):
                yield shown
                continue

            def step(i: int, n: int, done: int = done) -> None:
                count(done * n + i, total * n)

            change = classifier.occlusion(film, step)
            name, probability = classifier.explained(p)
            written = folder / _free_name(Path(shown.outcome.source).name, taken, "occlusion")
            files.write_png(written, occlusion_picture(film.pixels, change, name, probability))
            yield Shown(shown.outcome, shown.heatmap, written)


def _with_progress(stream: Iterator[_T], total: int) -> Iterator[_T]:
    # Under a few dozen films the bar would only flicker.
    if total < 50 or sys.stderr is None or not sys.stderr.isatty():
        yield from stream
        return
    from rich.console import Console
    from rich.progress import Progress

    # Redirected, stdout would go to the terminal in place of the file that the user named.
    with Progress(
        console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False
    ) as bars:
        yield from bars.track(stream, total=total, description="reading films")


def _free_name(film: str, taken: set[str], kind: str = "heatmap") -> str:
    """A name for the film's picture that no film has and no other picture of this run."""
    base = film.strip("<>") or "film"
    name, number = f"{base}.{kind}.png", 1
    while name in taken:
        number += 1
        name = f"{base}-{number}.{kind}.png"
    taken.add(name)
    return name


def _record(shown: Shown) -> dict[str, Any]:
    record = outcome_to_json(shown.outcome)
    for key, path in (("heatmap_file", shown.heatmap), ("occlusion_file", shown.occlusion)):
        if path is not None:
            record[key] = str(path)
    return record


def _print_json(films: Iterable[Shown]) -> int:
    failed = 0
    sys.stdout.write('{\n"notice": ' + json.dumps(NOTICE) + ',\n"results": [')
    for i, shown in enumerate(films):
        failed += shown.outcome.error is not None
        sys.stdout.write((",\n" if i else "\n") + json.dumps(_record(shown)))
    sys.stdout.write("\n]\n}\n")
    return failed


def _print_csv(films: Iterable[Shown], labels: tuple[str, ...]) -> int:
    failed = 0
    writer = csv.DictWriter(sys.stdout, csv_columns(labels), lineterminator="\n")
    writer.writeheader()
    for shown in films:
        failed += shown.outcome.error is not None
        writer.writerow(csv_row(_record(shown)))
    return failed


def _print_table(films: Iterable[Shown]) -> int:
    failed, last = 0, None
    rows: list[tuple[str, str, str, str, str]] = []
    try:
        for shown in films:
            failed += shown.outcome.error is not None
            last = shown.outcome.prediction or last
            rows.append(_row(shown.outcome))
    finally:
        # Interrupted, too: what was done is worth showing.
        _show(rows, last)
    return failed


def _show(rows: list[tuple[str, str, str, str, str]], last: Prediction | None) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("film", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    several = last is not None and bool(last.findings)
    name = last.positive.lower() if last else "pneumonia"
    table.add_column("P(leading)" if several else f"P({name})", justify="right", no_wrap=True)
    table.add_column("findings" if several else "kind", overflow="fold")
    with_notes = any(row[-1] for row in rows)
    if with_notes:
        table.add_column("notes", overflow="fold")
    for row in rows:
        table.add_row(*row if with_notes else row[:-1])
    out = console()
    out.print(table)
    if last is not None:
        out.print(_footer(last), style="dim")


def _row(outcome: Outcome) -> tuple[str, str, str, str, str]:
    from rich.markup import escape

    name = escape(outcome.source)
    if outcome.prediction is None:
        why = str(outcome.error).removeprefix(f"{outcome.source}: ")
        return name, "[yellow]NOT READ[/]", "", "", escape(why)
    p = outcome.prediction
    verdict = f"[bold {_COLOURS.get(p.label, 'red')}]{wording.verdict(p)}[/]"
    # The note on sub-types stands once below the table.
    notes = [*wording.reasons(p), *(w for w in p.warnings if w != KINDS_WARNING)]
    if not wording.is_shown(p):
        return name, verdict, "", "", escape(" ".join(wording.reasons(p)))
    if why := wording.why_undetermined(p):
        notes.insert(0, why)
    if p.explanation is not None and p.explanation.mode == CHECKED:
        notes.append(f"heatmap: {p.explanation.sentence}")
    found = [
        f"{f.name} ({f.probability:.2f}{', undetermined' if f.undetermined else ''})"
        for f in p.findings
        if f.present
    ]
    kind = ", ".join(found) or wording.kinds(p)
    return (
        name,
        verdict,
        f"{p.p_positive:.3f}",
        escape(kind),
        escape("; ".join(note.rstrip(".") for note in notes)),
    )


_COLOURS = {NORMAL: "green", UNDETERMINED: "yellow", REFUSED: "bright_black"}


def _footer(p: Prediction) -> str:
    point = p.operating_point
    kinds = ""
    if "viral" in p.probabilities:
        kinds = f"{KINDS_WARNING[0].upper()}{KINDS_WARNING[1:]}. "
    limit = f"from {threshold_text(point.threshold)}"
    if p.findings:
        limit = "where a finding reaches its own threshold"
        kinds = "P(leading): of the finding that lies furthest above its threshold. "
    if p.prevalence is not None:
        limit += f" of the unadjusted probability; P is at a prevalence of {wording.percent(p.prevalence)}"
    site = f", site profile {p.profile}" if p.profile else ""
    promise = f"{wording.promise(p)}\n" if p.error is not None else ""
    return (
        f"{p.bundle} ({p.bundle_sha256[:12]}){site}, operating point {point.name}: {p.positive} {limit}.\n"
        f"{promise}{kinds}{NOTICE}"
    )
