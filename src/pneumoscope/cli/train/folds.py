"""``pneumoscope train --folds``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pneumoscope.cli.extras import require
from pneumoscope.cli.terminal import console, escape, plain_table, print_json, print_table
from pneumoscope.cli.train.several import check_out, files_of, write_files
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.table import Table

    from pneumoscope.cli.train.several import Train
    from pneumoscope.train.folds.figures import CrossValidation, Measured
    from pneumoscope.train.folds.plan import Fold
    from pneumoscope.train.folds.results import FoldResult
    from pneumoscope.train.paths import Paths
    from pneumoscope.train.recipe.settings import Recipe

NO_BUNDLE = (
    "A cross-validation ships no bundle: it measures the recipe. For the bundle, train on all films: "
    "the same command with --folds 0."
)
COLUMNS = {
    "auc": "AUC",
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
"""Figures of the table in the terminal; the files have all."""


def cross_validate(recipe: Recipe, paths: Paths, train: Train, *, as_json: bool) -> None:
    """Trains a recipe once for each fold, and measures it on all films that the networks have not seen.

    Args:
        recipe: The recipe, with ``folds``.
        paths: As for one training; each has its run folder inside ``paths.run``.
        train: Trains one of them.
        as_json: Whether the figures are printed as JSON.
    """
    require("the figures of --folds", "evidence", "cv2", "scipy", "sklearn", "matplotlib")
    check_out(paths.run)
    from pneumoscope.train.folds.figures import measure
    from pneumoscope.train.folds.out_of_fold import predict_fold
    from pneumoscope.train.folds.plan import plan
    from pneumoscope.train.folds.record import to_json
    from pneumoscope.train.progress import Progress

    results: list[FoldResult] = []
    with Progress() as progress:
        folds = plan(recipe, paths, progress)
        for fold in folds:
            run = paths.run / fold.folder
            progress.note(f"fold {fold.number}/{len(folds)}, in {run}")
            bundle = train(fold.recipe, replace(paths, run=run), progress)
            results.append(predict_fold(fold, bundle, run, progress))
            # After each training, so that the figures of those that are finished can be read.
            measured = measure(results, len(folds))
            files = _write(measured, folds, results, paths.run)
    doubts = _doubts(results)
    if as_json:
        written = {"files": [str(path) for path in files], "bundle": None, "warnings": doubts}
        print_json({"recipe": recipe.name} | to_json(measured) | written)
        return
    _print(measured, files, doubts)


def refuse_with(recipe: Recipe, leave_out: Sequence[str] | None) -> None:
    """Refuses a recipe with folds together with ``--leave-out``.

    Raises:
        UsageError: Both are given.
    """
    if recipe.folds and leave_out:
        raise UsageError(
            f"--leave-out and {recipe.folds} folds: each says which films are kept for testing",
            "Leave --leave-out out, or add --folds 0.",
        )


def _doubts(results: Sequence[FoldResult]) -> list[str]:
    """Warnings on the films, which are the same in all folds, and folds that learned nothing."""
    data = [f"{words}." for words in results[0].bundle.meta.data.get("warnings", ())]
    useless = [
        f"fold {result.number} learned nothing that can be shown: {'; '.join(reasons)}."
        for result in results
        if (reasons := result.bundle.meta.validation.get("learned_nothing", ()))
    ]
    return [*data, *useless]


def _write(
    measured: CrossValidation, folds: Sequence[Fold], results: Sequence[FoldResult], out: Path
) -> tuple[Path, ...]:
    """Writes the record, both tables and the plot."""
    import json

    from pneumoscope.evidence.report.plots.folds import folds_plot
    from pneumoscope.train.folds import record

    aucs = {number: fold.figures["auc"] for number, fold in measured.by_fold.items()}
    plot = folds_plot(aucs, measured.pooled.figures["auc"])
    files = {
        out / record.TABLE: record.to_csv(measured).encode(),
        out / record.FILMS: record.films_to_csv(folds, results).encode(),
        **files_of(plot, out),
        # The last: the comparison of runs takes a cross-validation as finished when it is there.
        out / record.RECORD: (json.dumps(record.to_json(measured), indent=2) + "\n").encode(),
    }
    return write_files(files)


def _print(measured: CrossValidation, files: Sequence[Path], doubts: Sequence[str]) -> None:
    shown = console()
    for words in doubts:
        shown.print(f"[yellow]warning[/]: {escape(words)}", soft_wrap=True)
    print_table(shown, _table(measured))
    for name, spread in measured.spread.items():
        if name in COLUMNS:
            shown.print(
                f"{COLUMNS[name]} by fold: mean {spread.mean:.3f}, standard deviation {spread.sd:.3f}, "
                f"from {spread.lowest:.3f} to {spread.highest:.3f}",
                soft_wrap=True,
            )
    for finding, auc in measured.pooled.findings.items():
        shown.print(escape(f"AUC of {finding}, pooled: {auc}"), soft_wrap=True)
    shown.print(NO_BUNDLE, soft_wrap=True)
    for path in files:
        shown.print(escape(str(path)), soft_wrap=True)


def _table(measured: CrossValidation) -> Table:
    names = [name for name in COLUMNS if name in measured.pooled.figures]
    counts = ["films", "patients", *([] if measured.pooled.ill is None else ["ill"])]
    columns = [*counts, *(COLUMNS[name] for name in names)]
    table = plain_table("fold", *columns, right=columns)
    rows = [(str(number), fold) for number, fold in measured.by_fold.items()]
    for title, part in (*rows, ("pooled", measured.pooled)):
        table.add_row(title, *_counts(part), *(part.figures[name].cell("-") for name in names))
    return table


def _counts(measured: Measured) -> tuple[str, ...]:
    ill = () if measured.ill is None else (f"{measured.ill:,}",)
    return f"{measured.films:,}", f"{measured.patients:,}", *ill
