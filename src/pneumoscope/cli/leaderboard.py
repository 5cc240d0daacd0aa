"""``pneumoscope leaderboard``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from pneumoscope.cli import console, require
from pneumoscope.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.metrics import Interval
    from pneumoscope.train.leaderboard import Row


def run(runs: Sequence[Path], blind: Sequence[Path], out: Path | None, *, as_json: bool) -> None:
    """Prints the table of finished runs, or writes it as a page."""
    require("the leaderboard", "train", "cv2", "sklearn")
    from pneumoscope.train import leaderboard

    rows = leaderboard.table(leaderboard.find(runs), leaderboard.blind_predictions(blind))
    if out is not None:
        write_text(out, leaderboard.to_markdown(rows))
    if as_json:
        sys.stdout.write(json.dumps(leaderboard.to_json(rows)) + "\n")
    elif out is not None:
        sys.stdout.write(f"{out}\n")
    else:
        _print(rows)


def _print(rows: Sequence[Row]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("recipe", "seeds", "AUC", "accuracy", "sensitivity", "specificity", "worst"):
        table.add_column(column, justify="left" if column in ("recipe", "worst") else "right")

    def text(figure: Interval | None) -> str:
        if figure is None:
            return ""
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
    out = console()
    out.print(table)
    out.print(
        "Means over seeds, 95 % patient-clustered intervals; worst: balanced accuracy (several findings: "
        "mean AUC) under the worst of the perturbations. --out FILE.md writes all figures.",
        style="dim",
    )
