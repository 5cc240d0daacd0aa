"""How well scores rank films, over all thresholds: ROC AUC and average precision.

``tests/evidence/statistics/test_ranking.py`` compares both, weighted, with scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.metrics import as_bools, average_precision, roc_auc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array

ONE_CLASS = "all films are of one class"
CONSTANT = "all scores are equal, they rank nothing"


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well a score ranks positive above negative films, over all thresholds.

    Attributes:
        roc_auc: Probability that a positive film scores higher than a negative one; ties count half.
        average_precision: Step-wise area under precision and recall; chance is the prevalence.
        films: Number of films with a label; None for means over classes.
        positives: Number of positive films; None for means over classes.
    """

    roc_auc: Figure
    average_precision: Figure
    films: int | None = None
    positives: int | None = None


@dataclass(frozen=True, slots=True)
class ByClass:
    """`Ranking` of every class or finding by name, and the unweighted mean over them."""

    classes: Mapping[str, Ranking]
    macro: Ranking


def ranking(
    positive: NDArray[np.bool_],
    score: NDArray[np.floating],
    boot: Bootstrap,
    known: NDArray[np.bool_] | None = None,
) -> Ranking:
    """ROC AUC and average precision.

    Args:
        positive: bool (films,).
        score: float (films,), higher for positive.
        boot: Draws of the films' patients.
        known: bool (films,), False for films without a label; None if all have one.

    Raises:
        UsageError: Lengths differ, a score is NaN, or no film has a label.
    """
    known = np.ones(boot.films, bool) if known is None else known
    positive = as_bools(positive)
    return _ranking(ranking_samples(positive, score, boot, known), positive, score, boot, known)


def ranking_samples(
    positive: NDArray[np.bool_],
    score: NDArray[np.floating],
    boot: Bootstrap,
    known: NDArray[np.bool_] | None = None,
) -> dict[str, Array]:
    """``roc_auc`` and ``average_precision`` on all films and all draws, (draws + 1,) each.

    NaN if one class is missing. Args as in `ranking`.
    """
    known = np.ones(boot.films, bool) if known is None else known
    boot.check(known=known, positive=positive)
    if len(score) != boot.films:
        raise UsageError(f"score: {len(score)} values for {boot.films} films")
    if not known.any():
        raise UsageError("no film has a label")
    if not np.isfinite(score[known]).all():
        raise UsageError("a score is not a number", "Leave films without it out.")
    truth, values = as_bools(positive)[known], np.asarray(score, np.float64)[known]

    def both(weights: Array) -> Array:
        kept = weights if known.all() else weights[:, known]
        auc = roc_auc(truth, values, kept)
        # Without negative films AP is 1 for any scores, which means nothing.
        ap = np.where(np.isfinite(auc), average_precision(truth, values, kept), np.nan)
        return np.stack([auc, ap], axis=1)

    sample = boot.over(both)
    return {"roc_auc": sample[:, 0], "average_precision": sample[:, 1]}


def one_against_rest(
    truth: NDArray[np.intp], p: NDArray[np.floating], labels: Sequence[str], boot: Bootstrap
) -> ByClass:
    """Each class against all others, ranked by its own probability.

    Args:
        truth: Class of each film, (films,), in [0, classes).
        p: Probabilities (films, classes).
        labels: Class names.
        boot: Draws of the films' patients.

    Raises:
        UsageError: Shapes do not fit.
    """
    check_classes(truth, p, labels, boot)
    positive = truth[:, None] == np.arange(len(labels))
    return _by_class(positive, p, labels, boot, np.ones(positive.shape, bool))


def findings(
    label: NDArray[np.floating], score: NDArray[np.floating], names: Sequence[str], boot: Bootstrap
) -> ByClass:
    """Each finding of films that may have several.

    Args:
        label: float (films, findings): 1 present, 0 absent, NaN not known. Films whose label is
            not known are used for the other findings only.
        score: float (films, findings), higher for present.
        names: Names of the findings.
        boot: Draws of the films' patients.

    Raises:
        UsageError: Shapes do not fit, or a label is something else.
    """
    if label.shape != score.shape or label.shape != (boot.films, len(names)):
        raise UsageError(
            f"labels {label.shape} and scores {score.shape} for {boot.films} films and "
            f"{len(names)} findings"
        )
    known = ~np.isnan(label)
    if not np.isin(label[known], (0.0, 1.0)).all():
        raise UsageError("labels of findings are 0, 1 or NaN (not known)")
    return _by_class(label == 1, score, names, boot, known)


def _by_class(
    positive: NDArray[np.bool_],
    score: NDArray[np.floating],
    names: Sequence[str],
    boot: Bootstrap,
    known: NDArray[np.bool_],
) -> ByClass:
    """Rankings by column, and their mean over the columns where the figure exists."""
    rankings: dict[str, Ranking] = {}
    samples, fewest = [], []
    for k, name in enumerate(names):
        column = positive[:, k], score[:, k], boot, known[:, k]
        if not known[:, k].any():
            nothing = Figure(None, note="no film has a label")
            rankings[name] = Ranking(nothing, nothing, 0, 0)
            continue
        sample = ranking_samples(*column)
        rankings[name] = _ranking(sample, *column)
        if rankings[name].roc_auc.value is not None:
            samples.append(sample)
            fewest.append(smaller_class(positive[:, k], boot, known[:, k]))
    without = [name for name in names if rankings[name].roc_auc.value is None]
    if not samples:
        nothing = Figure(None, note="no class has films with and without it")
        return ByClass(rankings, Ranking(nothing, nothing))
    means = []
    for figure in ("roc_auc", "average_precision"):
        mean = figure_of(
            np.mean([s[figure] for s in samples], axis=0),
            boot,
            patients=min(fewest),
            bias="log odds" if figure == "roc_auc" else "none",
        )
        if without:
            left_out = f"mean over {len(samples)} of {len(names)}, without {', '.join(without)}"
            note = f"{left_out}; {mean.note}" if mean.note else left_out
            mean = Figure(mean.value, mean.low, mean.high, note)
        means.append(mean)
    return ByClass(rankings, Ranking(means[0], means[1]))


def _ranking(
    samples: dict[str, Array],
    positive: NDArray[np.bool_],
    score: NDArray[np.floating],
    boot: Bootstrap,
    known: NDArray[np.bool_],
) -> Ranking:
    ill, healthy = positive & known, ~positive & known
    one_class = not ill.any() or not healthy.any()
    reason = ONE_CLASS if one_class else CONSTANT
    if np.ptp(score[known]) == 0:
        samples = {name: np.full_like(sample, np.nan) for name, sample in samples.items()}
    return Ranking(
        auc_figure(samples["roc_auc"], positive, boot, reason, known),
        figure_of(
            samples["average_precision"],
            boot,
            "unit",
            reason,
            patients=smaller_class(positive, boot, known),
        ),
        int(known.sum()),
        int(ill.sum()),
    )


def auc_figure(
    sample: Array,
    positive: NDArray[np.bool_],
    boot: Bootstrap,
    missing: str = ONE_CLASS,
    known: NDArray[np.bool_] | None = None,
) -> Figure:
    """An AUC with its interval, from its values on all films and on the draws.

    Args:
        sample: (draws + 1,), see `ranking_samples`.
        positive: bool (films,).
        boot: Draws of the films' patients.
        missing: Why the AUC does not exist, for that case.
        known: bool (films,), False for films that are not ranked; None if all are.
    """
    # AUC is 1 only if that many disjoint pairs of patients are all ranked correctly.
    least = smaller_class(positive, boot, known)
    return figure_of(sample, boot, "unit", missing, trials=least, bias="log odds")


def smaller_class(
    positive: NDArray[np.bool_], boot: Bootstrap, known: NDArray[np.bool_] | None = None
) -> int:
    """Number of patients of the class that has fewer; args as in `auc_figure`."""
    known = np.ones(boot.films, bool) if known is None else known
    return min(boot.patients_with(positive & known), boot.patients_with(~positive & known))


def check_classes(
    truth: NDArray[np.intp], p: NDArray[np.floating], labels: Sequence[str], boot: Bootstrap
) -> None:
    """Rejects classes and probabilities that do not fit, see `one_against_rest`."""
    boot.check(truth=truth, probabilities=p)
    if p.ndim != 2 or p.shape[1] != len(labels):
        raise UsageError(f"probabilities {p.shape} for {len(labels)} classes")
    if truth.min() < 0 or truth.max() >= len(labels):
        raise UsageError(f"a class outside 0 to {len(labels) - 1}")
