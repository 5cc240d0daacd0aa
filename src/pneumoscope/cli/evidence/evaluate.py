"""``pneumoscope evaluate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.completion import bundles_and_paths
from pneumoscope.cli.extras import require
from pneumoscope.cli.one_bundle import bundle_or_first
from pneumoscope.cli.options import Cache, Json, Threads, masks_option
from pneumoscope.cli.progress import progress_bar
from pneumoscope.cli.terminal import console, plain_table, print_json, print_table, report_films
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import SourceResult
    from pneumoscope.evidence.report.words import Footnotes

EXAMPLE = "Example: pneumoscope evaluate runs/mine chest_xray --masks lungs --prevalence 0.05"

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="[BUNDLE]... DATA",
        help="Names or folders of bundles, or run folders; the first shipped one by default; then labelled films: a folder "
        "or ZIP in any layout, or a CSV manifest.",
        autocompletion=bundles_and_paths,
    ),
]
Out = Annotated[
    Path,
    typer.Option(metavar="DIR", help="Folder of the evaluation; an interrupted one is continued."),
]
Split = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Films to use: auto, validation, test, train or all. auto takes the films held out in "
        "the bundle's training if the data are that set, else the test films of the data, else the "
        "validation films of a table, else all.",
    ),
]
Prevalences = Annotated[
    list[float] | None,
    typer.Option(metavar="SHARE", help="Add PPV and NPV at this prevalence; repeatable."),
]
By = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="Add subgroups by this column of the manifest, such as source; repeatable.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SECTION",
        help="Measure only this section: calibration, decision, conformal, subgroups, pairs, "
        "shortcuts, gallery, robustness, anatomy, localisation or sanity; repeatable.",
    ),
]
Skip = Annotated[
    list[str] | None, typer.Option(metavar="SECTION", help="Leave this section out; repeatable.")
]
Draws = Annotated[
    int, typer.Option(min=2, metavar="N", help="Bootstrap draws of patients for the intervals.")
]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the draws.")]
WithReport = Annotated[
    bool,
    typer.Option("--report/--no-report", help="Also write report.html, report.pdf and plots."),
]

Masks = Annotated[list[Path] | None, masks_option(" for the section localisation")]
Boxes = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Readers' boxes for the section localisation, in the layout of RSNA's "
        "stage_2_train_labels.csv, VinDr's train.csv or NIH's BBox_List_2017.csv.",
    ),
]

WORK = "work"
"""Folder of intermediate results below the evaluation's own."""
BROKEN = 1
"""Exit code if a film could not be read; the others are evaluated."""


def evaluate(
    paths: Paths,
    out: Out = Path("evidence"),
    split: Split = "auto",
    prevalence: Prevalences = None,
    by: By = None,
    only: Only = None,
    skip: Skip = None,
    masks: Masks = None,
    boxes: Boxes = None,
    draws: Draws = 2000,
    seed: Seed = 0,
    threads: Threads = None,
    cache: Cache = None,
    report: WithReport = True,
    json: Json = False,
) -> None:
    """Measure bundles on labelled films: everything that a reviewer asks for.

    Every figure has a 95 % interval by patient-clustered bootstrap. Writes
    report.html, report.pdf, plots, metrics.json and predictions.parquet. A film
    that cannot be read is reported; the others are evaluated, and the exit code
    is 1.
    """
    parts = ("cv2", "scipy", "sklearn", "matplotlib", "pyarrow", "reportlab")
    require("the evaluation", "evidence", *parts)
    bundles, data = _bundles_and_data(paths)
    _check_paths(out, data)
    from pneumoscope.data.packed import data_folder
    from pneumoscope.evidence.evaluation import evaluate as evaluating
    from pneumoscope.evidence.evaluation import record
    from pneumoscope.evidence.evaluation.annotations import Annotations
    from pneumoscope.evidence.evaluation.context import Context
    from pneumoscope.evidence.evaluation.settings import Settings
    from pneumoscope.evidence.evaluation.work import Work
    from pneumoscope.evidence.report import evaluation as evaluation_report
    from pneumoscope.runtime import usable_cores

    settings = Settings(
        sections=_sections(only or (), skip or ()),
        split=split,
        prevalences=tuple(prevalence or ()),
        by=tuple(by or ()),
        draws=draws,
        seed=seed,
        threads=threads or usable_cores(),
    )
    bundles = bundles or [bundle_or_first(None)]
    with data_folder(data) as folder, progress_bar("choosing films") as count:
        context = Context(settings, Work(out / WORK), count)
        drawn = Annotations(tuple(masks or ()), boxes)
        result = evaluating.evaluate(folder, bundles, context, cache, drawn)
        out.mkdir(parents=True, exist_ok=True)
        written = []
        if report:
            count(0, 1, "writing the report")
            written = evaluation_report.write(result, out)
        # Last, so that metrics.json exists only when all other files do.
        written = [*record.write(result, out), *written]
    _finish(result, written, as_json=json)


def _finish(result: Evaluation, written: Sequence[Path], *, as_json: bool) -> None:
    """Prints the result and ends the command."""
    from pneumoscope.evidence.evaluation import record

    report_films(result.films.broken)
    if as_json:
        print_json(record.to_json(result))
    else:
        _print(result, written)
    sys.exit(BROKEN if result.films.broken else 0)


def _bundles_and_data(paths: Sequence[Path]) -> tuple[list[Path | None], Path]:
    """The bundles that are named, perhaps none, and the data: the last path."""
    *bundles, data = paths
    if (data / "bundle.json").is_file():
        raise UsageError(
            f"{data}: is a bundle; the last path is that of the films",
            "Write: pneumoscope evaluate BUNDLE DATA.",
        )
    # A run folder of `pneumoscope train` contains its bundle.
    folders: list[Path | None] = [
        path / "bundle" if (path / "bundle" / "bundle.json").is_file() else path for path in bundles
    ]
    return folders, data


def _check_paths(out: Path, data: Path) -> None:
    """Refuses a folder with other content and missing films, before anything else is loaded."""
    from pneumoscope.data.packed import check_root

    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is not a folder", "Name a folder with --out.")
    if out.is_dir() and data.is_dir() and out.resolve() == data.resolve():
        raise UsageError(f"{out}: holds the films", "Name another folder with --out.")
    ours = (out / "metrics.json").is_file() or (out / WORK).is_dir()
    if out.is_dir() and any(out.iterdir()) and not ours:
        raise UsageError(f"{out}: is not empty and no evaluation", "Name a new folder with --out.")
    check_root(data)


def _sections(only: Sequence[str], skip: Sequence[str]) -> tuple[str, ...]:
    from pneumoscope.evidence.evaluation.settings import SECTIONS

    for option, names in (("--only", only), ("--skip", skip)):
        if strange := [name for name in names if name not in SECTIONS]:
            raise UsageError(
                f"{option} {strange[0]}: no such section", f"One of {', '.join(SECTIONS)}."
            )
    return tuple(s for s in SECTIONS if (not only or s in only) and s not in skip)


def _print(result: Evaluation, written: Sequence[Path]) -> None:
    from pneumoscope.cli.terminal import escape
    from pneumoscope.evidence.report.words import Footnotes

    shown = console()
    films = result.films
    patients = counted(films.patients, "patient") if films.keyed else "patients unknown"
    shown.print(
        escape(f"{films.source}: {counted(len(films.films), 'film')}, {patients}; {films.chosen}."),
        soft_wrap=True,
    )
    # Reasons why figures may be too good belong beside them, not only in the report.
    doubts = [f"{b.title}: {b.overlap.words}" for b in result.bundles if b.overlap.doubtful]
    warnings = (w for b in result.bundles for w in b.warnings)
    for words in (*films.warnings, *films.limits, *doubts, *warnings):
        shown.print(f"[yellow]note[/]: {escape(words)}", soft_wrap=True)
    figures = ("ROC AUC", "sensitivity", "specificity", "ECE")
    table = plain_table("bundle", "question", *figures, right=figures)
    notes = Footnotes()
    for bundle in result.bundles:
        for row in _rows(bundle, notes):
            table.add_row(*map(escape, row))
    print_table(shown, table)
    for bundle in result.bundles:
        print_table(shown, _verdicts(bundle, notes))
        for target in bundle.targets:
            if target.sources is not None:
                print_table(shown, _sources(bundle.title, target.name, target.sources, notes))
                shown.print(escape(target.sources.words), soft_wrap=True)
    if notes.text:
        shown.print(escape(notes.text), soft_wrap=True)
    for pair in result.pairs:
        difference = pair.differences["roc_auc"]
        shown.print(
            escape(f"{pair.first} and {pair.second}, {pair.target}, ROC AUC: {difference.verdict}"),
            soft_wrap=True,
        )
    for path in written:
        shown.print(escape(str(path)), soft_wrap=True)


def _rows(bundle: BundleResult, notes: Footnotes) -> list[tuple[str, ...]]:
    rows = []
    for target in bundle.targets:
        point = target.default.figures
        error = target.calibration.after.error.ece if target.calibration else None
        figures = (target.ranking.roc_auc, point.sensitivity, point.specificity, error)
        texts = ("" if figure is None else notes.cell(figure) for figure in figures)
        rows.append((bundle.title, target.name, *texts))
    return rows


def _verdicts(bundle: BundleResult, notes: Footnotes) -> Table:
    """The shares of the labels that readers see, and the errors among the verdicts."""
    labels = bundle.verdicts.labels
    columns = (*(label.label for label in labels), "wrong verdicts")
    table = plain_table("verdicts as shown", *columns, right=columns)
    figures = (*(label.share for label in labels), bundle.verdicts.shown.error)
    table.add_row(bundle.title, *map(notes.cell, figures))
    return table


def _sources(title: str, question: str, result: SourceResult, notes: Footnotes) -> Table:
    """Figures by source; a dash where a source has one class only."""
    from pneumoscope.cli.terminal import escape

    columns = ("films", "positive", "ROC AUC", "sensitivity", "specificity")
    table = plain_table(escape(f"{title}, {question}: source"), *columns, right=columns)
    for s in result.sources:
        texts = map(notes.cell, (s.roc_auc, s.sensitivity, s.specificity))
        table.add_row(*map(escape, (s.source, f"{s.films:,}", f"{s.positives:,}", *texts)))
    return table
