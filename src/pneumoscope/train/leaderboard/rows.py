"""One row per recipe and data set: means over seeds with intervals."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.bundle import META
from pneumoscope.errors import DataError, UsageError
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure
from pneumoscope.evidence.statistics.named_figures import named_figure
from pneumoscope.train.recipe.reading import changes
from pneumoscope.train.validation import classes, findings, predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.metrics import Weighted
    from pneumoscope.train.leaderboard.runs import Run
    from pneumoscope.train.validation.predictions import Validation

PLAIN = ("auc", "accuracy", "sensitivity", "specificity", "f1", "class_accuracy")
"""Figures on films as they are."""
_WORST = ("auc", "balanced_accuracy")
BLIND = ("auc", "accuracy", "sensitivity", "specificity", "class_accuracy")
"""Figures from predictions that were made elsewhere."""


@dataclass(frozen=True, slots=True)
class Row:
    """All runs of one recipe, which differ in their seed.

    Attributes:
        recipe: Name and version, and the number of folds of a cross-validation.
        task: Task of its bundles. For several findings ``auc`` is their mean, and there are no figures
            of classes.
        seeds: Seeds of its runs.
        classes: Number of classes.
        parameters: Number of the network's parameters.
        minutes: Duration of the training, or of all folds together, mean over the runs.
        start: Name of the start weights.
        soft_labels_from: Name of the run whose soft labels were learned; None without such a run.
        changed: Settings that differ from the shipped recipe of this name, with their values.
        films: Number of validation films; in a cross-validation all films that are not for testing.
        plain: Name of a figure to its mean over the runs, with interval.
        at_half: Accuracy at the threshold 0.5, as notebooks report it; None for several findings.
        worst: The same as ``plain`` under the perturbation that is worst on average, with its name.
        auc_by_seed: AUC of each run on unperturbed films.
        pointing: Share of heat on the ill half, mean over the runs; None if it was not measured.
        blind: Name of a set of films to figures with intervals, from predictions made elsewhere.
        data: The films of its trainings, in words; rows of other films are not comparable.
        learned_nothing: Seed to why its run is of no use, see `learning.learned_nothing`.
        repeated: Number of runs that do not count because a newer one has their seed.
        folds: Number of folds of a cross-validation; 0 for runs of one training.
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
    data: str
    learned_nothing: dict[int, tuple[str, ...]]
    repeated: int
    folds: int = 0
    soft_labels_from: str | None = None


def table(
    runs: Sequence[Run],
    blind: dict[str, dict[str, Validation]] | None = None,
    draws: int = 2000,
) -> list[Row]:
    """One row per recipe and data set, the best worst-case balanced accuracy (several findings: AUC) first.

    Rows of one data set follow each other. Of several runs with the same seed only the newest counts.

    Raises:
        UsageError: Runs of one recipe differ in more than their seed, or were validated on
            different films.
    """
    unique = list({(run.bundle.sha256, run.title): run for run in runs}.values())
    named = data_of(unique)
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in unique:
        groups.setdefault((named[run.bundle.sha256], run.title), []).append(run)
    for (_, title), group in groups.items():
        if len({_settings(run) for run in group}) > 1:
            raise UsageError(
                f"the runs of {title} differ in more than their seed",
                "Give changed recipes another name, or compare the runs separately.",
            )
    rows = [
        _row(title, group, blind or {}, draws, films) for (films, title), group in groups.items()
    ]
    order = list(dict.fromkeys(named.values()))
    return sorted(
        rows, key=lambda row: (order.index(row.data), -(row.worst[_merit(row)][1].value or 0.0))
    )


def data_of(runs: Sequence[Run]) -> dict[str, str]:
    """SHA-256 of each bundle to its training's films in words, different for different films.

    Films are compared by their pixels; by source and number if a run is too old to know their pixels.
    """
    records = {run.bundle.sha256: run.bundle.meta.data for run in runs}
    hashed = all("films_sha256" in record for record in records.values())
    words: dict[str, str] = {}
    keys: dict[str, dict[str, None]] = {}
    for sha256, record in records.items():
        films = sum(sum(counts.values()) for counts in record.get("films", {}).values())
        words[sha256] = f"{record.get('source', '')} ({films:,} films)" if record else ""
        key = str(record["films_sha256"]) if hashed else words[sha256]
        keys.setdefault(words[sha256], {})[key] = None
        if len(keys[words[sha256]]) > 1:  # other films under the same words
            number = list(keys[words[sha256]]).index(key) + 1
            words[sha256] += f", set {number}" if number > 1 else ""
    return words


def _newest_of_each_seed(runs: Sequence[Run]) -> list[Run]:
    newest: dict[int, Run] = {}
    for run in sorted(runs, key=lambda run: (run.bundle.path / META).stat().st_mtime):
        newest[int(run.bundle.meta.recipe["seed"])] = run
    return sorted(newest.values(), key=lambda run: int(run.bundle.meta.recipe["seed"]))


def by_data(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The films of trainings, in words, to their rows, in the order of the rows."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.data, []).append(row)
    return groups


def _merit(row: Row) -> str:
    return "auc" if row.task == "multilabel" else "balanced_accuracy"


def to_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as JSON-ready values."""
    return [asdict(row) for row in rows]


def _settings(run: Run) -> str:
    recipe = {key: value for key, value in run.recipe.items() if key != "seed"}
    validation = run.bundle.meta.validation
    # The name of the other run changes if its folder does.
    began = validation["start_weights"], validation.get("soft_labels_from", {}).get("sha256")
    return json.dumps([recipe, *began], sort_keys=True)


# The figures of a row share their runs, and each is one expression.
@dataclass(frozen=True, slots=True)
class _Seeds:
    """Runs of one recipe that differ in their seed, all validated on the same films."""

    runs: list[Run]
    draws: int

    @property
    def films(self) -> Validation:
        """The validation of the first run; the films are those of all."""
        return self.runs[0].validation

    def mean(self, key: str, figures: Sequence[Weighted], films: Validation) -> Figure:
        """The mean of a figure over the runs, with its interval."""

        def average(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.mean([figure(weights) for figure in figures], axis=0)

        boot = Bootstrap.of(films.patients, self.draws)
        if films.negative is None:
            return findings.mean_auc_figure(average, boot, films.truth)
        return named_figure(key, average, films.ill, boot)

    def measured(self, condition: str, keys: Sequence[str]) -> dict[str, Figure]:
        """Means of those figures that a condition has."""
        each = [run.measures(condition) for run in self.runs]
        known = [key for key in keys if key in each[0]]
        return {
            key: self.mean(key, [figures[key] for figures in each], self.films) for key in known
        }

    def worst(self, key: str) -> tuple[str, Figure]:
        """The perturbation under which a figure is lowest, and the figure."""
        conditions = [c for c in self.films.probabilities if c != predictions.PLAIN]
        every_film = np.ones((1, len(self.films.truth)))
        values = [
            np.mean([run.measures(c)[key](every_film) for run in self.runs]) for c in conditions
        ]
        name = conditions[int(np.argmin(values))]
        return name, self.measured(name, [key])[key]

    def at_half(self) -> Figure | None:
        """Accuracy at the threshold 0.5; None for several findings."""
        if self.runs[0].bundle.meta.task == "multilabel":
            return None
        each = [classes.measures(run.validation, 0.5)["accuracy"] for run in self.runs]
        return self.mean("accuracy", each, self.films)

    def auc_by_seed(self) -> tuple[float, ...]:
        """AUC of each run on unperturbed films."""
        every_film = np.ones((1, len(self.films.truth)))
        return tuple(float(run.measures()["auc"](every_film)[0]) for run in self.runs)

    def pointing(self) -> float | None:
        """Share of heat on the ill half; None if it was not measured."""
        heats = [training["heatmaps"] for run in self.runs for training in run.trainings]
        return float(np.mean([heat["pointing"]["value"] for heat in heats])) if all(heats) else None

    def minutes(self) -> float:
        """Duration of a run."""
        return float(
            np.mean([sum(t["training_minutes"] for t in run.trainings) for run in self.runs])
        )


def _row(
    title: str,
    runs: list[Run],
    blind: dict[str, dict[str, Validation]],
    draws: int,
    films: str,
) -> Row:
    seeds = _Seeds(_newest_of_each_seed(runs), draws)
    counted, first = seeds.runs, seeds.films
    if any(run.validation.patients != first.patients for run in counted):
        raise UsageError(
            f"the runs of {title} were validated on different films",
            "Compare runs on the same data folder only, or give the recipes different names.",
        )
    metas = [run.bundle.meta for run in counted]
    return Row(
        recipe=title,
        task=metas[0].task,
        seeds=tuple(int(meta.recipe["seed"]) for meta in metas),
        classes=len(metas[0].labels),
        parameters=int(metas[0].validation["parameters"]),
        minutes=seeds.minutes(),
        start=str(metas[0].validation["start_weights"]["name"]),
        changed=changes(counted[0].recipe),
        films=len(first.truth),
        plain=seeds.measured(predictions.PLAIN, PLAIN),
        at_half=seeds.at_half(),
        worst={key: seeds.worst(key) for key in _WORST if key in counted[0].measures()},
        auc_by_seed=seeds.auc_by_seed(),
        pointing=seeds.pointing(),
        blind=_blind(seeds, blind),
        data=films,
        learned_nothing={
            int(run.bundle.meta.recipe["seed"]): reasons
            for run in counted
            if (reasons := run.learned_nothing(draws))
        },
        repeated=len(runs) - len(counted),
        folds=len(counted[0].folds),
        soft_labels_from=metas[0].validation.get("soft_labels_from", {}).get("name"),
    )


def _blind(seeds: _Seeds, blind: dict[str, dict[str, Validation]]) -> dict[str, dict[str, Figure]]:
    figures = {}
    for name, by_bundle in blind.items():
        tested = [
            (r, by_bundle[r.bundle.sha256])
            for r in seeds.runs
            if r.bundle.sha256 in by_bundle and not r.folds
        ]
        if not tested:
            continue
        for run, v in tested:
            _check_labels(name, run, v)
        films = tested[0][1]
        if any(
            v.patients != films.patients or not np.array_equal(v.truth, films.truth, equal_nan=True)
            for _, v in tested
        ):
            raise DataError(f"{name}: the runs were tried on different films", "Use the same list.")
        each = [run.measures_of(v) for run, v in tested]
        known = [key for key in BLIND if key in each[0]]
        figures[name] = {key: seeds.mean(key, [f[key] for f in each], films) for key in known}
    return figures


def _check_labels(name: str, run: Run, films: Validation) -> None:
    """Refuses predictions that cannot be those of the run's bundle."""
    meta = run.bundle.meta
    is_of_findings = films.negative is None
    count = films.probabilities[predictions.PLAIN].shape[-1]
    if is_of_findings != (meta.task == "multilabel") or count != len(meta.labels):
        raise DataError(
            f"{name}: the predictions have other labels than the bundle {run.title}",
            "`pneumoscope evaluate` writes them as the bundle needs them.",
        )
