"""``pneumoscope leaderboard``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.extras import require
from pneumoscope.cli.options import Json
from pneumoscope.cli.terminal import console, escape, plain_table, print_json, print_table
from pneumoscope.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from pneumoscope.evidence.statistics.intervals import Figure
    from pneumoscope.train.leaderboard import Row

EXAMPLE = "Example: pneumoscope leaderboard runs --out results.md"

Runs = Annotated[
    list[Path],
    typer.Argument(metavar="RUNS", help="Run folders, or folders that contain run folders."),
]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write all figures as a Markdown page.")
]
Blind = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE", help="JSON of predictions for films that were kept apart; repeatable."
    ),
]


def leaderboard(runs: Runs, out: Out = None, blind: Blind = None, json: Json = False) -> None:
    """Compare finished runs, one row per recipe, one table per data set.

    Figures are means over seeds with patient-clustered 95 % intervals.
    """
    require("the leaderboard", "train", "cv2", "sklearn")
    from pneumoscope.train import leaderboard as comparing

    rows = comparing.table(comparing.find(runs), comparing.blind_predictions(blind or []))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, comparing.to_markdown(rows))
    if json:
        print_json(comparing.to_json(rows))
    elif out is not None:
        sys.stdout.write(f"{out}\n")
    else:
        _print(rows)


def _print(rows: Sequence[Row]) -> None:
    from pneumoscope.train.leaderboard import by_data

    out = console()
    reasons: dict[str, None] = {}
    groups = by_data(rows)
    for data, of_data in groups.items():
        if len(groups) > 1:
            out.print(f"\n{escape(data)}", soft_wrap=True)
        print_table(out, _table(of_data, reasons))
    for reason in reasons:
        out.print(f"No figure or interval: {escape(reason)}.", style="dim")
    out.print(
        "Means over seeds, 95 % patient-clustered intervals; worst: balanced accuracy (several findings: "
        "mean AUC) under the worst of the perturbations. --out FILE.md writes all figures.",
        style="dim",
    )
    for row in rows:
        for seed, words in row.learned_nothing.items():
            text = (
                f"{row.recipe}, seed {seed}, learned nothing that can be shown: {'; '.join(words)}"
            )
            out.print(f"warning: {escape(text)}", soft_wrap=True)
        if row.repeated:
            text = f"{row.recipe}: runs with the seed of a newer one, not counted: {row.repeated}"
            out.print(f"warning: {escape(text)}", soft_wrap=True)


def _table(rows: Sequence[Row], reasons: dict[str, None]) -> Table:
    """The rows of one data set; adds to the reasons why a figure or its interval is missing."""
    figures = ("seeds", "AUC", "accuracy", "sensitivity", "specificity")
    table = plain_table("recipe", *figures, "worst", right=figures)

    def text(figure: Figure | None) -> str:
        if figure is None:
            return ""
        if figure.value is None:
            reasons.setdefault(figure.note)
            return "not defined"
        if figure.low is None or figure.high is None:
            reasons.setdefault(figure.note)
            return f"{figure.value:.3f}\n[dim]no interval[/]"
        return f"{figure.value:.3f}\n[dim]{figure.low:.3f} - {figure.high:.3f}[/]"

    for row in rows:
        condition, worst = row.worst.get("balanced_accuracy") or row.worst["auc"]
        table.add_row(
            escape(row.recipe),
            str(len(row.seeds)),
            *(
                text(row.plain.get(key))
                for key in ("auc", "accuracy", "sensitivity", "specificity")
            ),
            f"{text(worst)} {condition}",
        )
    return table
