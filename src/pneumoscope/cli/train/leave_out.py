"""``pneumoscope train --leave-out``."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from pneumoscope.cli.extras import require
from pneumoscope.cli.terminal import console, plain_table, print_json, print_table, report_films
from pneumoscope.cli.train.several import check_out, files_of, write_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.table import Table

    from pneumoscope.bundle import Bundle
    from pneumoscope.cli.train.several import Train
    from pneumoscope.evidence.evaluation.left_out import LeftOut
    from pneumoscope.evidence.evaluation.results import Evaluation
    from pneumoscope.evidence.evaluation.target_results import SourceFigures
    from pneumoscope.train.paths import Paths
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

TABLE = "leave-out.csv"
EVALUATION = "evaluation"
"""In the run folder of each training: its bundle on the films left out."""
BROKEN = 1
"""Exit code if a film could not be read; the others are evaluated."""


def leave_out(
    recipe: Recipe, paths: Paths, names: Sequence[str], train: Train, *, as_json: bool
) -> None:
    """Trains a recipe once for each source left out, measures each bundle there, and prints one table.

    Args:
        recipe: The recipe.
        paths: As for one training; each has its run folder inside ``paths.run``.
        names: Sources, or groups of them joined by ``+``; see `train.leave_out.plan`.
        train: Trains one of them.
        as_json: Whether the table is printed as JSON.
    """
    parts = ("cv2", "scipy", "sklearn", "matplotlib", "pyarrow")
    require("the evaluation of --leave-out", "evidence", *parts)
    check_out(paths.run)
    from pneumoscope.evidence.evaluation.left_out import left_out_result
    from pneumoscope.train.leave_out import plan
    from pneumoscope.train.progress import Progress

    trainings = plan(recipe, paths.data, names, paths.masks)
    results: list[LeftOut] = []
    with Progress() as progress:
        for number, training in enumerate(trainings, 1):
            run = paths.run / training.folder
            progress.note(f"{number}/{len(trainings)}: without {training.name}, in {run}")
            bundle = train(training.recipe, replace(paths, run=run), progress)
            evaluation = _evaluate(bundle, paths, run / EVALUATION, progress)
            report_films(evaluation.films.broken)
            _keep(evaluation, run)
            results.append(left_out_result(training.name, evaluation))
            # After each training, so that the table of those that are finished can be read.
            files = _write(results, paths.run)
    _print(recipe, results, files, as_json=as_json)
    sys.exit(BROKEN if any(result.broken for result in results) else 0)


def _evaluate(bundle: Bundle, paths: Paths, out: Path, progress: Progress) -> Evaluation:
    """The bundle on the films left out; writes metrics.json and predictions.parquet."""
    from pneumoscope.evidence.evaluation import evaluate as evaluating
    from pneumoscope.evidence.evaluation import record
    from pneumoscope.evidence.evaluation.context import Context
    from pneumoscope.evidence.evaluation.settings import SUBGROUPS, Settings
    from pneumoscope.evidence.evaluation.work import Work
    from pneumoscope.evidence.statistics.intervals import DRAWS
    from pneumoscope.runtime import usable_cores

    settings = Settings(
        sections=(SUBGROUPS,),
        split="test",
        prevalences=(),
        by=(),
        draws=DRAWS,
        seed=0,
        threads=usable_cores(),
    )
    context = Context(
        settings, Work(out / "work"), lambda done, total, text: progress.count(text, done, total)
    )
    evaluation = evaluating.evaluate(paths.data, [bundle.path], context, paths.cache)
    out.mkdir(parents=True, exist_ok=True)
    record.write(evaluation, out)
    return evaluation


def _keep(evaluation: Evaluation, run: Path) -> None:
    """Writes what the bundle says of the films left out into its run folder, for `Paths.limits_from`."""
    from pneumoscope.train.validation import left_out

    target = evaluation.bundles[0].targets[0]
    sources = [evaluation.films.films[row].source for row in target.rows]
    left_out.save(run / left_out.FILE, sources, target.p, target.positive)


def _write(results: Sequence[LeftOut], out: Path) -> tuple[Path, ...]:
    """Writes the table and its plot."""
    from pneumoscope.evidence.evaluation.left_out import to_csv
    from pneumoscope.evidence.report.plots.left_out import left_out_plot

    table = {out / TABLE: to_csv(results).encode()}
    return write_files(table | files_of(left_out_plot(results), out))


def _print(
    recipe: Recipe, results: Sequence[LeftOut], files: Sequence[Path], *, as_json: bool
) -> None:
    from pneumoscope.evidence.evaluation.left_out import to_json

    if as_json:
        written = {"files": [str(path) for path in files]}
        print_json({"recipe": recipe.name, "left_out": to_json(results)} | written)
        return
    from pneumoscope.cli.terminal import escape

    shown = console()
    for result in results:
        for words in result.warnings:
            shown.print(f"[yellow]note[/]: {escape(f'{result.name}: {words}')}", soft_wrap=True)
    print_table(shown, _table(results))
    for path in files:
        shown.print(escape(str(path)), soft_wrap=True)


def _table(results: Sequence[LeftOut]) -> Table:
    from pneumoscope.cli.terminal import escape

    columns = (
        "films", "patients", "ill", "AUC", "validation AUC", "healthy called ill", "ill called ill",
    )  # fmt: skip
    table = plain_table("left out", *columns, right=columns)
    for result in results:
        rows = [(result.name, result.whole, result.validation_auc.cell("-"))]
        rows += [(f"  {member.source}", member, "") for member in result.members]
        for name, figures, validation in rows:
            table.add_row(*map(escape, (name, *_cells(figures, validation))))
    return table


def _cells(figures: SourceFigures, validation: str) -> tuple[str, ...]:
    from pneumoscope.evidence.evaluation.left_out import called_ill

    return (
        f"{figures.films:,}",
        f"{figures.patients:,}",
        f"{figures.positives:,}",
        figures.roc_auc.cell("-"),
        validation,
        called_ill(figures.specificity).cell("-"),
        figures.sensitivity.cell("-"),
    )
