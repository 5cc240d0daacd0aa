"""``pneumoscope predict``."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope import files, images, runtime
from pneumoscope.cli import report
from pneumoscope.errors import UsageError
from pneumoscope.records import PNEUMONIA
from pneumoscope.serialise import NOTICE, outcome_to_json

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from rich.table import Table

    from pneumoscope.records import Outcome, Prediction


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for.

    Attributes:
        paths: Films, folders, patterns or ``-``.
        output: ``"table"``, ``"json"`` or ``"csv"``.
        heatmaps: Folder for overlays, or None.
        sheet: HTML file to write, or None.
    """

    paths: tuple[str, ...]
    output: str
    heatmaps: Path | None
    sheet: Path | None


def run(
    request: Request,
    bundle: os.PathLike[str] | None,
    threads: int | None,
    operating_point: str | None,
) -> int:
    """Predicts and prints; the exit code is 1 if a film could not be read."""
    sources = list(_sources(request.paths))
    if not sources:
        raise UsageError("no films found", "Are the folders empty, or hold no images?")
    for target in (request.heatmaps, request.sheet):
        _check_target(target, folder=target is request.heatmaps)
    classifier = runtime.load(bundle, threads=threads, operating_point=operating_point)
    pictures = request.heatmaps is not None or request.sheet is not None
    stream = classifier.predict_many(sources, keep_films=pictures)
    outcomes = _each(stream, len(sources), request)
    if request.output == "csv":
        failed = _print_csv(outcomes, classifier.bundle.meta.labels)
    elif request.output == "json":
        failed = _print_json(outcomes)
    else:
        failed = _print_table(outcomes)
    return 1 if failed else 0


def _sources(paths: Iterable[str]) -> Iterator[Any]:
    for path in paths:
        if path == "-":
            yield sys.stdin.buffer.read()
        else:
            yield from images.find_films([path])


def _check_target(target: Path | None, *, folder: bool) -> None:
    """Refuses a target that cannot work before any time is spent."""
    if target is None:
        return
    if folder and target.exists() and not target.is_dir():
        raise UsageError(f"{target}: is not a folder", "Name a folder for the heatmaps.")
    if not folder and target.is_dir():
        raise UsageError(f"{target}: is a folder", "Name an HTML file.")
    if not folder and not target.parent.is_dir():
        raise UsageError(f"{target.parent}: no such folder", "Make it first.")


def _each(stream: Iterator[Outcome], total: int, request: Request) -> Iterator[Outcome]:
    """Passes outcomes on, reports errors, writes pictures, shows progress on a terminal."""
    taken: set[str] = set()
    shown = []
    if request.heatmaps is not None:
        request.heatmaps.mkdir(parents=True, exist_ok=True)
    for outcome in _with_progress(stream, total):
        if outcome.error is not None:
            report(outcome.error)
        elif request.heatmaps is not None:
            from pneumoscope import heatmap

            name = _free_name(Path(outcome.source).stem, taken)
            files.write_png(request.heatmaps / name, heatmap.overlay_of(outcome))
        if request.sheet is not None:
            from pneumoscope import sheet

            shown.append(sheet.row(outcome))
        yield outcome
    if request.sheet is not None:
        files.write_text(request.sheet, sheet.page(shown))


def _with_progress(stream: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    # Under a few dozen films the bar would only flicker.
    if total < 50 or not sys.stderr.isatty():
        yield from stream
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(
        stream, "reading films", total=total, console=Console(stderr=True), transient=True
    )


def _free_name(stem: str, taken: set[str]) -> str:
    name, number = stem.strip("<>") or "film", 1
    while f"{name}.png" in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(f"{name}.png")
    return f"{name}.png"


def _print_json(outcomes: Iterable[Outcome]) -> int:
    failed = 0
    sys.stdout.write('{\n"notice": ' + json.dumps(NOTICE) + ',\n"results": [')
    for i, outcome in enumerate(outcomes):
        failed += outcome.error is not None
        sys.stdout.write((",\n" if i else "\n") + json.dumps(outcome_to_json(outcome)))
    sys.stdout.write("\n]\n}\n")
    return failed


def _print_csv(outcomes: Iterable[Outcome], labels: tuple[str, ...]) -> int:
    failed = 0
    shares = [f"p_{name}" for name in labels]
    columns = [
        "source", "label", "p_pneumonia", *shares, "subtype", "operating_point", "threshold",
        "warnings", "error", "hint", "bundle", "bundle_sha256",
    ]  # fmt: skip
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    for outcome in outcomes:
        failed += outcome.error is not None
        writer.writerow(_csv_row(outcome))
    return failed


def _csv_row(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {"source": outcome.source}
    if outcome.error is not None:
        return row | {"error": outcome.error.message, "hint": outcome.error.hint}
    record = outcome_to_json(outcome)
    point = record["operating_point"]
    return (
        row
        | {f"p_{name}": value for name, value in record["probabilities"].items()}
        | {key: record[key] for key in ("label", "p_pneumonia", "subtype", "bundle")}
        | {"bundle_sha256": record["bundle_sha256"], "warnings": "; ".join(record["warnings"])}
        | {"operating_point": point["name"], "threshold": point["threshold"]}
    )


def _print_table(outcomes: Iterable[Outcome]) -> int:
    from rich.console import Console
    from rich.table import Table

    # Piped text is searched and cut by other programs: one line a film, however long.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("film", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("P(pneumonia)", justify="right", no_wrap=True)
    table.add_column("likelier kind", no_wrap=True)
    table.add_column("mind", overflow="fold")
    failed, last = 0, None
    for outcome in outcomes:
        failed += outcome.error is not None
        last = outcome.prediction or last
        _add_row(table, outcome)
    console.print(table)
    if last is not None:
        console.print(_footer(last), style="dim")
    return failed


def _add_row(table: Table, outcome: Outcome) -> None:
    from rich.markup import escape

    name = escape(outcome.source)
    if outcome.prediction is None:
        table.add_row(
            name, "[yellow]NOT READ[/]", "", "", outcome.error.code if outcome.error else ""
        )
        return
    p = outcome.prediction
    colour = "red" if p.label == PNEUMONIA else "green"
    kind = f"{p.subtype} ({p.probabilities[p.subtype]:.2f})" if p.subtype else ""
    # The note on sub-types stands once below the table.
    mind = [w for w in p.warnings if not w.startswith("bacterial or viral")]
    table.add_row(
        name, f"[bold {colour}]{p.label}[/]", f"{p.p_pneumonia:.3f}", kind, escape("; ".join(mind))
    )


def _footer(p: Prediction) -> str:
    point = p.operating_point
    return (
        f"{p.bundle} ({p.bundle_sha256[:12]}), operating point {point.name}: PNEUMONIA from "
        f"{point.threshold:.3f}.\nBacterial or viral: in children a film alone cannot tell them "
        f"apart. {NOTICE}"
    )
