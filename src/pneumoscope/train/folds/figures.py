"""Figures of a cross-validation: pooled, by fold, and how they spread over the folds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure
from pneumoscope.evidence.statistics.named_figures import AUC, named_figure
from pneumoscope.metrics import roc_auc
from pneumoscope.train.folds.results import pooled, thresholds
from pneumoscope.train.validation import classes, findings
from pneumoscope.train.validation.scores import measurable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.train.folds.results import FoldResult
    from pneumoscope.train.validation.predictions import Validation

DRAWS = 2000
CLASS_FIGURES = (AUC, "accuracy", "sensitivity", "specificity", "balanced_accuracy", "f1")
MOST_PROBABLE = "class_accuracy"
"""Share of films whose most probable class is the right one; only with three classes or more."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures on some films.

    Attributes:
        films: Number of films.
        patients: Number of patients.
        ill: Number of films of any class but the negative one; None for several findings.
        figures: Name to figure; for several findings ``auc`` is their mean.
        findings: For several findings, AUC of each that the films can tell about.
    """

    films: int
    patients: int
    ill: int | None
    figures: dict[str, Figure]
    findings: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the folds.

    Attributes:
        mean: Mean over the folds.
        sd: Standard deviation over the folds.
        lowest: The lowest value.
        highest: The highest value.
    """

    mean: float
    sd: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """What is measured in a cross-validation.

    Attributes:
        folds: Number of folds of the recipe; fewer are measured while it is not finished.
        pooled: All films that are predicted, each by the network that has not seen it.
        by_fold: Number of a fold to its films alone.
        spread: Name of a figure to its spread over the folds, where every fold has it.
        broken: Number of films that were left out of all folds because they cannot be read.
    """

    folds: int
    pooled: Measured
    by_fold: dict[int, Measured]
    spread: dict[str, Spread]
    broken: int


def measure(results: Sequence[FoldResult], folds: int, draws: int = DRAWS) -> CrossValidation:
    """Measures the folds that are finished.

    Args:
        results: These folds.
        folds: Number of all folds.
        draws: Number of draws of the patient bootstrap.
    """
    names = results[0].bundle.meta.labels
    by_fold = {
        result.number: _measured(result.validation, thresholds([result]), names, draws)
        for result in results
    }
    return CrossValidation(
        folds=folds,
        pooled=_measured(pooled(results), thresholds(results), names, draws),
        by_fold=by_fold,
        spread=_spreads([measured.figures for measured in by_fold.values()]),
        # Every training reads all films, so each has left out the same.
        broken=int(results[0].bundle.meta.data.get("broken", 0)),
    )


def _measured(
    validation: Validation, points: NDArray[np.float64], names: Sequence[str], draws: int
) -> Measured:
    boot = Bootstrap.of(validation.patients, draws)
    several = validation.negative is None
    return Measured(
        films=len(validation.truth),
        patients=boot.patients,
        ill=None if several else int(validation.ill.sum()),
        figures=_mean_auc(validation, boot)
        if several
        else _of_classes(validation, points, names, boot),
        findings=_of_findings(validation, names, boot) if several else {},
    )


def _of_classes(
    validation: Validation, points: NDArray[np.float64], names: Sequence[str], boot: Bootstrap
) -> dict[str, Figure]:
    measures = classes.measures(validation, points)
    keys = (*CLASS_FIGURES, *((MOST_PROBABLE,) if len(names) > 2 else ()))
    return {key: named_figure(key, measures[key], validation.ill, boot) for key in keys}


def _mean_auc(validation: Validation, boot: Bootstrap) -> dict[str, Figure]:
    mean = findings.macro_auc(validation)
    return {AUC: findings.mean_auc_figure(mean, boot, validation.truth)}


def _of_findings(
    validation: Validation, names: Sequence[str], boot: Bootstrap
) -> dict[str, Figure]:
    figures = {}
    for i in measurable(validation.truth):
        p, ill, part = findings.known_films(validation, int(i), boot)
        figures[names[i]] = named_figure(AUC, partial(roc_auc, ill, p), ill, part)
    return figures


def _spreads(each: Sequence[dict[str, Any]]) -> dict[str, Spread]:
    spreads = {}
    for name in each[0]:
        values = [figures[name].value for figures in each]
        if len(values) > 1 and None not in values:
            spreads[name] = Spread(
                mean=float(np.mean(values)),
                sd=float(np.std(values, ddof=1)),
                lowest=min(values),
                highest=max(values),
            )
    return spreads
