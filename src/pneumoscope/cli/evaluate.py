"""``pneumoscope evaluate``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.cli import console, require
from pneumoscope.cli.progress import progress_bar
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation

WORK = "work"
"""Folder of intermediate results below the evaluation's own."""
BROKEN = 1
"""Exit code if a film could not be read; the evaluation of the others stands."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for.

    Attributes:
        paths: Bundles, then the data.
        out: Folder of the evaluation.
        split: See `evaluation_films.SPLITS`.
        prevalences: In (0, 1).
        by: Columns of the manifest.
        draws: Of the bootstrap.
        seed: Of the draws.
        only: Sections to measure; empty for all.
        skip: Sections to leave out.
        threads: Films at once; None for every core.
        cache: Folder for decoded films of the training; None for the user's.
        report: Whether to write report.html, report.pdf and the plots.
    """

    paths: tuple[Path, ...]
    out: Path
    split: str
    prevalences: tuple[float, ...]
    by: tuple[str, ...]
    draws: int
    seed: int
    only: tuple[str, ...]
    skip: tuple[str, ...]
    threads: int | None
    cache: Path | None
    report: bool = True


def run(request: Request, *, as_json: bool) -> int:
    """Evaluates and writes the folder; the exit code is 1 if a film could not be read."""
    parts = ("cv2", "scipy", "sklearn", "matplotlib", "pyarrow", "reportlab")
    require("the evaluation", "evidence", *parts)
    bundles, data = _told_apart(request.paths)
    _check_out(request.out, data)
    from pneumoscope.evidence.evaluation import evaluate, record
    from pneumoscope.evidence.evaluation.context import Context
    from pneumoscope.evidence.evaluation.settings import Settings
    from pneumoscope.evidence.evaluation.work import Work
    from pneumoscope.evidence.report import evaluation
    from pneumoscope.runtime import usable_cores

    settings = Settings(
        _sections(request.only, request.skip),
        request.split,
        request.prevalences,
        request.by,
        request.draws,
        request.seed,
        request.threads or usable_cores(),
    )
    with progress_bar("choosing films") as count:
        context = Context(settings, Work(request.out / WORK), count)
        result = evaluate.evaluate(data, bundles, context, request.cache)
        request.out.mkdir(parents=True, exist_ok=True)
        written = []
        if request.report:
            count(0, 1, "writing the report")
            written = evaluation.write(result, request.out)
        # Last: whoever finds metrics.json finds the others as well.
        written = [*record.write(result, request.out), *written]
    for film in result.films.broken:
        sys.stderr.write(f"error: {film.message}\nhint: {film.hint}\n")
    if as_json:
        json.dump(record.to_json(result), sys.stdout, allow_nan=False)
        sys.stdout.write("\n")
    else:
        _print(result, written)
    return BROKEN if result.films.broken else 0


def _told_apart(paths: Sequence[Path]) -> tuple[list[Path | None], Path]:
    """Bundles and data: the last path is the data."""
    *bundles, data = paths
    if (data / "bundle.json").is_file():
        raise UsageError(
            f"{data}: is a bundle; the last path is that of the films",
            "Write: pneumoscope evaluate BUNDLE DATA.",
        )
    # A run folder of `pneumoscope train` stands for its bundle.
    found: list[Path | None] = [
        path / "bundle" if (path / "bundle" / "bundle.json").is_file() else path for path in bundles
    ]
    return found or [None], data


def _check_out(out: Path, data: Path) -> None:
    """Refuses a folder that holds something else, before anything is computed."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is not a folder", "Name a folder with --out.")
    if out.is_dir() and data.is_dir() and out.resolve() == data.resolve():
        raise UsageError(f"{out}: holds the films", "Name another folder with --out.")
    ours = (out / "metrics.json").is_file() or (out / WORK).is_dir()
    if out.is_dir() and any(out.iterdir()) and not ours:
        raise UsageError(f"{out}: is not empty and no evaluation", "Name a new folder with --out.")


def _sections(only: Sequence[str], skip: Sequence[str]) -> tuple[str, ...]:
    from pneumoscope.evidence.evaluation.settings import SECTIONS

    for option, names in (("--only", only), ("--skip", skip)):
        if strange := [name for name in names if name not in SECTIONS]:
            raise UsageError(
                f"{option} {strange[0]}: no such section", f"One of {', '.join(SECTIONS)}."
            )
    return tuple(s for s in SECTIONS if (not only or s in only) and s not in skip)


def _print(result: Evaluation, written: Sequence[Path]) -> None:
    from rich.markup import escape
    from rich.table import Table

    shown = console()
    films = result.films
    patients = f"{films.patients:,} patients" if films.keyed else "patients unknown"
    shown.print(
        escape(f"{films.source}: {len(films.films):,} films, {patients}; {films.chosen}."),
        soft_wrap=True,
    )
    # What may make figures too good belongs beside them, not only into the report.
    doubts = [f"{b.title}: {b.overlap.words}" for b in result.bundles if b.overlap.doubtful]
    warnings = (w for b in result.bundles for w in b.warnings)
    for words in (*films.warnings, *films.limits, *doubts, *warnings):
        shown.print(f"[yellow]note[/]: {escape(words)}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("bundle", "question", "ROC AUC", "sensitivity", "specificity", "ECE"):
        table.add_column(name, justify="left" if name in ("bundle", "question") else "right")
    for bundle in result.bundles:
        for row in _rows(bundle):
            table.add_row(*map(escape, row))
    shown.print(table)
    for pair in result.pairs:
        found = pair.differences["roc_auc"]
        shown.print(
            escape(f"{pair.first} and {pair.second}, {pair.target}, ROC AUC: {found.verdict}"),
            soft_wrap=True,
        )
    for path in written:
        shown.print(escape(str(path)), soft_wrap=True)


def _rows(bundle: BundleResult) -> list[tuple[str, ...]]:
    rows = []
    for target in bundle.targets:
        point = target.default.figures
        error = target.calibration.after.error.ece if target.calibration else None
        figures = (target.ranking.roc_auc, point.sensitivity, point.specificity, error)
        texts = ["" if f is None else "not defined" if f.value is None else str(f) for f in figures]
        # Why there is no interval stands in the notes; here it would fill the line.
        rows.append((bundle.title, target.name, *(text.split(" (no")[0] for text in texts)))
    return rows
