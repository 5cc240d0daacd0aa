"""The leaderboard as a Markdown page."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from pneumoscope.metrics import interval_text
from pneumoscope.train.leaderboard.rows import BLIND, PLAIN, by_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.evidence.statistics.intervals import Figure
    from pneumoscope.train.leaderboard.rows import Row


_FOLDS = """A row with folds is a cross-validation: every film counts once, predicted by the network that has not
seen it, at the operating point of that network. Its minutes are those of all folds."""

_ELSEWHERE = "These figures come from predictions for each film that were made elsewhere (`--blind FILE.json`)."


def to_markdown(rows: Sequence[Row]) -> str:
    """The rows as the page docs/results.md; one part for each data set if there are several."""
    groups = by_data(rows)
    if len(groups) < 2:
        return _part(rows)
    return "\n".join(
        _part(of_data).replace("# Results\n", f"# Results: {films}\n", 1)
        for films, of_data in groups.items()
    )


def _doubts(rows: Sequence[Row]) -> list[str]:
    """Paragraphs on runs of no use, and on runs that do not count."""
    useless = [
        f"{row.recipe}, seed {seed}: {'; '.join(reasons)}."
        for row in rows
        for seed, reasons in row.learned_nothing.items()
    ]
    repeated = [f"{row.recipe}: {row.repeated}." for row in rows if row.repeated]
    doubts = ["**Learned nothing that can be shown**", "", *(f"- {line}" for line in useless), ""]
    again = [
        "Runs with the seed of a newer one, not counted:",
        "",
        *(f"- {r}" for r in repeated),
        "",
    ]
    return (doubts if useless else []) + (again if repeated else [])


def _part(rows: Sequence[Row]) -> str:
    """The rows of one data set."""
    several = [row for row in rows if row.task == "multilabel"]
    rows = [row for row in rows if row not in several]
    page = _classes_to_markdown(rows) if rows or not several else "# Results\n"
    if several:
        page += "\n".join(
            [
                "",
                "## Several findings on one film",
                "",
                "AUC is the mean over the findings that the validation films can tell about.",
                "",
                "| recipe | seeds | films | parameters | minutes | mean AUC | under the worst perturbation |",
                "|---|---|---|---|---|---|---|",
                *map(_findings_line, several),
                "",
                *_doubts(several),
                *_blind_findings(several),
            ]
        )
    return page


def _classes_to_markdown(rows: Sequence[Row]) -> str:
    sets = sorted({name for row in rows for name in row.blind}) or ["official test"]
    return "\n".join(
        [
            "# Results",
            "",
            "Written by `pneumoscope leaderboard RUNS --out FILE`. Every figure is the mean over",
            "the seeds of a recipe, with the 95 % interval of that mean by patient-clustered bootstrap, at",
            "the operating point `balanced`, which was chosen on the same films. *Worst* is the worst of 21",
            "perturbations of the validation films at the same threshold. `balanced` is chosen to limit it, so a recipe",
            "that is not robust loses accuracy on films as they are. Recipes hold out different shares",
            "of the patients, so rows with different numbers of films are based on different films. Minutes are",
            "elapsed time, with any other work on the machine. Random start weights, and settings that differ from the",
            "shipped recipe's, are in brackets.",
            *([_FOLDS] if any(row.folds for row in rows) else []),
            "",
            "## Validation films as they are",
            "",
            "| recipe | seeds | films | parameters | minutes | AUC | by seed | accuracy | sensitivity "
            "| specificity | F1 | class accuracy | accuracy at 0.5 |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
            *map(_plain_line, rows),
            "",
            *_doubts(rows),
            "## Under the worst perturbation",
            "",
            "| recipe | AUC | balanced accuracy | heat on the ill half |",
            "|---|---|---|---|",
            *map(_worst_line, rows),
            "",
            "Class accuracy is that of the most probable class, if a recipe has more than two. *Heat",
            "on the ill half* is measured on films composed of a healthy and an ill half (0.5 is chance).",
            "",
            "## Blind",
            "",
            _ELSEWHERE,
            "",
            "| recipe | set | AUC | accuracy | sensitivity | specificity | class accuracy |",
            "|---|---|---|---|---|---|---|",
            *(_blind_line(row, name) for row in rows for name in sets),
            "",
        ]
    )


def _text(figure: Figure | None) -> str:
    return interval_text(asdict(figure)) if figure is not None else ""


def _blind_findings(rows: Sequence[Row]) -> list[str]:
    """The part of figures on films that no run has seen; empty if there are none."""
    measured = [(row, name, figures) for row in rows for name, figures in row.blind.items()]
    if not measured:
        return []
    lines = [f"| {row.recipe} | {name} | {_text(f['auc'])} |" for row, name, f in measured]
    head = ["| recipe | set | mean AUC |", "|---|---|---|"]
    return ["### Blind", "", _ELSEWHERE, "", *head, *lines, ""]


def _findings_line(row: Row) -> str:
    name, worst = row.worst["auc"]
    return (
        f"| {row.recipe} | {len(row.seeds)} | {row.films} | {row.parameters:,} | {row.minutes:.0f} "
        f"| {_text(row.plain['auc'])} | {_text(worst)} ({name}) |"
    )


def _plain_line(row: Row) -> str:
    by_seed = ", ".join(
        f"{seed}: {auc:.4f}" for seed, auc in zip(row.seeds, row.auc_by_seed, strict=True)
    )
    figures = [_text(row.plain[key]) for key in PLAIN[1:-1]]
    classes = _text(row.plain["class_accuracy"]) if row.classes > 2 else ""
    apart = ["random start"] if row.start == "none" else []
    apart += [f"soft labels of {row.soft_labels_from}"] if row.soft_labels_from else []
    apart += [f"`{key} = {json.dumps(value)}`" for key, value in row.changed.items()]
    name = f"{row.recipe} ({', '.join(apart)})" if apart else row.recipe
    return (
        f"| {name} | {len(row.seeds)} | {row.films} | {row.parameters:,} | {row.minutes:.0f} "
        f"| {_text(row.plain['auc'])} | {by_seed} | {' | '.join(figures)} | {classes} | {_text(row.at_half)} |"
    )


def _worst_line(row: Row) -> str:
    cells = [f"{_text(figure)} ({name})" for name, figure in row.worst.values()]
    pointing = "" if row.pointing is None else f"{row.pointing:.2f}"
    return f"| {row.recipe} | {' | '.join(cells)} | {pointing} |"


def _blind_line(row: Row, name: str) -> str:
    if name not in row.blind:
        return f"| {row.recipe} | {name} | not measured | | | | |"
    figures = row.blind[name]
    cells = [_text(figures[key]) for key in BLIND[:-1]]
    classes = _text(figures["class_accuracy"]) if row.classes > 2 else ""
    return f"| {row.recipe} | {name} | {' | '.join(cells)} | {classes} |"
