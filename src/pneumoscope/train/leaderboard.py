"""Runs side by side, compared by the same figures."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.bundle import META, Bundle, open_bundle
from pneumoscope.errors import DataError, UsageError
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure
from pneumoscope.evidence.statistics.named_figures import named_figure
from pneumoscope.metrics import interval_text
from pneumoscope.train.recipe.reading import changes
from pneumoscope.train.validation import classes, findings, predictions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from pneumoscope.metrics import Weighted
    from pneumoscope.train.validation.predictions import Validation

_PLAIN = ("auc", "accuracy", "sensitivity", "specificity", "f1", "class_accuracy")
_WORST = ("auc", "balanced_accuracy")
_BLIND = ("auc", "accuracy", "sensitivity", "specificity", "class_accuracy")


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One finished run: its bundle and its predictions of the validation films."""

    bundle: Bundle
    validation: Validation

    def measures(self, condition: str = predictions.PLAIN) -> dict[str, Weighted]:
        """Its figures at its default operating point; for several findings, their mean AUC."""
        return self.measures_of(self.validation, condition)

    def measures_of(
        self, films: Validation, condition: str = predictions.PLAIN
    ) -> dict[str, Weighted]:
        """The same figures on other films."""
        if self.bundle.meta.task == "multilabel":
            return {"auc": findings.macro_auc(films, condition)}
        threshold = self.bundle.meta.operating_point().threshold
        return classes.measures(films, threshold, condition)


@dataclass(frozen=True, slots=True)
class Row:
    """All runs of one recipe, which differ in their seed.

    Attributes:
        recipe: Name and version.
        task: Task of its bundles. For several findings ``auc`` is their mean, and there are no figures
            of classes.
        seeds: Seeds of its runs.
        classes: Number of classes.
        parameters: Number of the network's parameters.
        minutes: Duration of the training, mean over the runs.
        start: Name of the start weights.
        changed: Settings that differ from the shipped recipe of this name, with their values.
        films: Number of validation films.
        plain: Name of a figure to its mean over the runs, with interval.
        at_half: Accuracy at the threshold 0.5, as notebooks report it; None for several findings.
        worst: The same as ``plain`` under the perturbation that is worst on average, with its name.
        auc_by_seed: AUC of each run on unperturbed films.
        pointing: Share of heat on the ill half, mean over the runs; None if it was not measured.
        blind: Name of a set of films to figures with intervals, from predictions made elsewhere.
    """

    recipe: str
    task: str
    seeds: tuple[int, ...]
    classes: int
    parameters: int
    minutes: float
    start: str
    changed: dict[str, Any]
    films: int
    plain: dict[str, Figure]
    at_half: Figure | None
    worst: dict[str, tuple[str, Figure]]
    auc_by_seed: tuple[float, ...]
    pointing: float | None
    blind: dict[str, dict[str, Figure]]


def find(folders: Iterable[Path]) -> list[Run]:
    """The finished runs in or below some folders.

    Raises:
        DataError: No folder contains a run, or a run cannot be read.
    """
    folders = list(folders)
    runs = []
    for folder in folders:
        for meta in sorted({*folder.glob(f"bundle/{META}"), *folder.glob(f"*/bundle/{META}")}):
            bundle = open_bundle(meta.parent)
            runs.append(Run(bundle, predictions.load(meta.parents[1] / predictions.FILE)))
    if not runs:
        names = ", ".join(map(str, folders))
        raise DataError(
            f"{names}: no finished run there", "Name the folder that contains your runs."
        )
    return runs


def blind_predictions(files: Iterable[Path]) -> dict[str, dict[str, Validation]]:
    """Predictions per film that were made elsewhere: name of a set to SHA-256 of a bundle to films.

    Args:
        files: JSON, one record or a list of them: ``set`` (its name), ``bundle_sha256``, ``labels``
            (class names in the bundle's order), ``negative`` (the first of them) and ``films``, each
            with ``label`` (a class name), ``patient`` and ``probabilities`` (class name to
            probability).

    Raises:
        DataError: A file is missing or has other content.
    """
    by_set: dict[str, dict[str, Validation]] = {}
    for file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            for record in content if isinstance(content, list) else [content]:
                by_bundle = by_set.setdefault(str(record["set"]), {})
                by_bundle[str(record["bundle_sha256"])] = _recorded(record)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{file}: not a record of predictions ({error!r})",
                "It needs set, bundle_sha256, labels, negative and films.",
            ) from error
    return by_set


def _recorded(record: dict[str, Any]) -> Validation:
    names, films = record["labels"], record["films"]
    if len(names) < 2 or names[0] != record["negative"]:
        raise ValueError("labels must be those of the bundle, the negative one first")
    return predictions.Validation(
        np.array([names.index(f["label"]) for f in films], np.intp),
        tuple(str(f["patient"]) for f in films),
        {predictions.PLAIN: np.array([[f["probabilities"][n] for n in names] for f in films])},
    )


def table(
    runs: Sequence[Run],
    blind: dict[str, dict[str, Validation]] | None = None,
    draws: int = 2000,
) -> list[Row]:
    """One row per recipe, the best worst-case balanced accuracy (several findings: AUC) first.

    Raises:
        UsageError: Runs of one recipe differ in more than their seed, or were validated on
            different films.
    """
    groups: dict[str, list[Run]] = {}
    for run in {run.bundle.sha256: run for run in runs}.values():
        groups.setdefault(run.bundle.title, []).append(run)
    for title, group in groups.items():
        if len({_settings(run) for run in group}) > 1:
            raise UsageError(
                f"the runs of {title} differ in more than their seed",
                "Give changed recipes another name, or compare the runs separately.",
            )
    rows = [_row(title, group, blind or {}, draws) for title, group in groups.items()]
    return sorted(rows, key=lambda row: -(row.worst[_merit(row)][1].value or 0.0))


def _merit(row: Row) -> str:
    return "auc" if row.task == "multilabel" else "balanced_accuracy"


def to_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as JSON-ready values."""
    return [asdict(row) for row in rows]


def to_markdown(rows: Sequence[Row]) -> str:
    """The rows as the page docs/results.md."""
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
            "",
            "## Validation films as they are",
            "",
            "| recipe | seeds | films | parameters | minutes | AUC | by seed | accuracy | sensitivity "
            "| specificity | F1 | class accuracy | accuracy at 0.5 |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
            *map(_plain_line, rows),
            "",
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
            "These figures come from predictions for each film that were made elsewhere (`--blind FILE.json`).",
            "",
            "| recipe | set | AUC | accuracy | sensitivity | specificity | class accuracy |",
            "|---|---|---|---|---|---|---|",
            *(_blind_line(row, name) for row in rows for name in sets),
            "",
        ]
    )


def _settings(run: Run) -> str:
    meta = run.bundle.meta
    recipe = {key: value for key, value in meta.recipe.items() if key != "seed"}
    return json.dumps([recipe, meta.validation["start_weights"]], sort_keys=True)


def _row(title: str, runs: list[Run], blind: dict[str, dict[str, Validation]], draws: int) -> Row:
    first = runs[0].validation
    if any(run.validation.patients != first.patients for run in runs):
        raise UsageError(
            f"the runs of {title} were validated on different films",
            "Compare runs on the same data folder only, or give the recipes different names.",
        )

    def mean(key: str, figures: Sequence[Weighted], films: Validation) -> Figure:
        def average(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.mean([figure(weights) for figure in figures], axis=0)

        boot = Bootstrap.of(films.patients, draws)
        if films.negative is None:
            return findings.mean_auc_figure(average, boot)
        return named_figure(key, average, films.ill, boot)

    def measured(condition: str, keys: Sequence[str]) -> dict[str, Figure]:
        each = [run.measures(condition) for run in runs]
        known = [key for key in keys if key in each[0]]
        return {key: mean(key, [figures[key] for figures in each], first) for key in known}

    def worst(key: str) -> tuple[str, Figure]:
        ones = np.ones((1, len(first.truth)))
        conditions = [c for c in first.probabilities if c != predictions.PLAIN]
        values = [np.mean([run.measures(c)[key](ones) for run in runs]) for c in conditions]
        name = conditions[int(np.argmin(values))]
        return name, measured(name, [key])[key]

    metas = [run.bundle.meta for run in runs]
    ones = np.ones((1, len(first.truth)))
    one_class_a_film = metas[0].task != "multilabel"
    halves = (
        [classes.measures(r.validation, 0.5)["accuracy"] for r in runs] if one_class_a_film else []
    )
    heats = [meta.validation["heatmaps"] for meta in metas]
    return Row(
        recipe=title,
        task=metas[0].task,
        seeds=tuple(int(meta.recipe["seed"]) for meta in metas),
        classes=len(metas[0].labels),
        parameters=int(metas[0].validation["parameters"]),
        minutes=float(np.mean([meta.validation["training_minutes"] for meta in metas])),
        start=str(metas[0].validation["start_weights"]["name"]),
        changed=changes(metas[0].recipe),
        films=len(first.truth),
        plain=measured(predictions.PLAIN, _PLAIN),
        at_half=mean("accuracy", halves, first) if one_class_a_film else None,
        worst={key: worst(key) for key in _WORST if key in runs[0].measures()},
        auc_by_seed=tuple(float(run.measures()["auc"](ones)[0]) for run in runs),
        pointing=float(np.mean([heat["pointing"]["value"] for heat in heats]))
        if all(heats)
        else None,
        blind=_blind(runs, blind, mean),
    )


def _blind(runs: list[Run], blind: dict[str, dict[str, Validation]], mean: Any) -> Any:
    figures = {}
    for name, by_bundle in blind.items():
        tested = [(r, by_bundle[r.bundle.sha256]) for r in runs if r.bundle.sha256 in by_bundle]
        if not tested:
            continue
        films = tested[0][1]
        if any(v.patients != films.patients or (v.truth != films.truth).any() for _, v in tested):
            raise DataError(f"{name}: the runs were tried on different films", "Use the same list.")
        each = [run.measures_of(v) for run, v in tested]
        figures[name] = {key: mean(key, [f[key] for f in each], films) for key in _BLIND}
    return figures


def _text(figure: Figure | None) -> str:
    return interval_text(asdict(figure)) if figure is not None else ""


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
    figures = [_text(row.plain[key]) for key in _PLAIN[1:-1]]
    classes = _text(row.plain["class_accuracy"]) if row.classes > 2 else ""
    apart = ["random start"] if row.start == "none" else []
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
    cells = [_text(figures[key]) for key in _BLIND[:-1]]
    classes = _text(figures["class_accuracy"]) if row.classes > 2 else ""
    return f"| {row.recipe} | {name} | {' | '.join(cells)} | {classes} |"
