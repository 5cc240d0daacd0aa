"""Figures and operating points of a network for several findings on one film."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.thresholds import RULE_IN, SCREEN, inside
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.evidence.statistics.named_figures import named_figure
from pneumoscope.metrics import roc_auc, share
from pneumoscope.records import OperatingPoint
from pneumoscope.train.validation.predictions import PLAIN, Validation
from pneumoscope.train.validation.scores import auc_of_finding, measurable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.metrics import Weighted

_HALF = 0.5
_UNKNOWN = "0.5 by convention: no validation films are known with and without it"


def choose_operating_points(
    validation: Validation, names: Sequence[str]
) -> tuple[OperatingPoint, ...]:
    """``balanced``, ``screen`` and ``rule-in`` of every finding, on the unperturbed films.

    ``balanced`` has the largest sensitivity + specificity (Youden 1950), in the middle of the gap
    between two films; ``screen`` never exceeds it, ``rule-in`` never falls below it. A finding that
    cannot be measured on the validation films gets 0.5, and its rule says so.
    """
    known_on_both_sides = set(measurable(validation.truth).tolist())
    points = []
    for i, name in enumerate(names):
        if i in known_on_both_sides:
            points += _points_of(
                name, validation.probabilities[PLAIN][:, i], validation.truth[:, i]
            )
        else:
            points += [
                OperatingPoint(n, _HALF, _UNKNOWN, name) for n in ("balanced", "screen", "rule-in")
            ]
    # All thresholds of one name together, as a bundle lists them.
    return tuple(points[i] for k in range(3) for i in range(k, len(points), 3))


def _points_of(
    finding: str, probabilities: NDArray[np.float64], targets: NDArray[np.floating[Any]]
) -> list[OperatingPoint]:
    known = ~np.isnan(targets)
    p, ill = probabilities[known], targets[known] == 1
    screen = float(np.quantile(p[ill], 1 - SCREEN, method="lower"))
    rule_in = float(np.nextafter(np.quantile(p[~ill], RULE_IN, method="higher"), 2.0))
    balanced = _youden(p, ill)
    return [
        OperatingPoint(
            name,
            inside(threshold),
            f"{rule} on validation films",
            finding,
        )
        for name, threshold, rule in (
            ("balanced", balanced, "largest sensitivity + specificity"),
            ("screen", min(screen, balanced), f"sensitivity >= {SCREEN}"),
            ("rule-in", max(rule_in, balanced), f"specificity >= {RULE_IN}"),
        )
    ]


def macro_auc(validation: Validation, condition: str = PLAIN) -> Weighted:
    """Mean AUC over the findings that can be measured, as a function of weights (draws, n).

    A bootstrap draw without any film of a rare finding takes the mean over the others: with a
    dozen rare findings hardly any draw has them all. NaN where a draw can measure none.
    """
    p, targets = validation.probabilities[condition], validation.truth
    auc_of_each = [auc_of_finding(p[:, i], targets[:, i]) for i in measurable(targets)]

    def mean(w: NDArray[np.float64]) -> NDArray[np.float64]:
        aucs = np.array([auc(w) for auc in auc_of_each])
        measured = np.isfinite(aucs)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(measured, aucs, 0.0).sum(axis=0) / measured.sum(axis=0))

    return mean


def figures(
    validation: Validation,
    names: Sequence[str],
    points: Sequence[OperatingPoint],
    draws: int = 2000,
) -> dict[str, Any]:
    """The figures of the model card, each with a patient-clustered 95 % interval.

    Args:
        validation: Predictions of the calibrated network.
        names: Names of the findings.
        points: One per finding, at which the figures are measured.
        draws: Number of draws of the patient bootstrap.

    Returns:
        ``findings``: name to the numbers of films with, without and unknown and, where there are
        films of both kinds, to auc, sensitivity and specificity; ``macro_auc`` over these findings;
        ``worst``, the same under the worst perturbation, with its name; and ``stress``, its value
        under each perturbation. The last three are None where no finding can be measured.
    """
    targets = validation.truth
    known_on_both_sides = set(measurable(targets).tolist())
    by_finding = {
        name: _figures_of(validation, i, point.threshold, draws, measure=i in known_on_both_sides)
        for i, (name, point) in enumerate(zip(names, points, strict=True))
    }
    any_measurable = bool(known_on_both_sides)
    ones = np.ones((1, len(targets)))
    stress = {
        name: float(macro_auc(validation, name)(ones)[0]) if any_measurable else None
        for name in validation.probabilities
        if name != PLAIN
    }
    worst = min(stress, key=lambda name: stress[name] or 0.0)
    return {
        "draws": draws,
        "films": len(targets),
        "patients": len(set(validation.patients)),
        "operating_point": points[0].name,
        "findings": by_finding,
        "macro_auc": _interval(validation, PLAIN, draws) if any_measurable else None,
        "worst": (
            {"condition": worst, **_interval(validation, worst, draws)} if any_measurable else None
        ),
        "stress": stress,
    }


def _figures_of(
    validation: Validation, column: int, threshold: float, draws: int, *, measure: bool
) -> dict[str, Any]:
    """Counts of one finding and, if it can be measured, its figures."""
    targets = validation.truth[:, column]
    counts = {
        "with": int((targets == 1).sum()),
        "without": int((targets == 0).sum()),
        "unknown": int(np.isnan(targets).sum()),
        "threshold": threshold,
    }
    if not measure:
        return counts
    boot = Bootstrap.of(validation.patients, draws)
    p, ill, part = known_films(validation, column, boot)
    called = p >= threshold
    measures: dict[str, Weighted] = {
        "auc": lambda w: roc_auc(ill, p, w),
        "sensitivity": lambda w: share(called, ill, w),
        "specificity": lambda w: share(~called, ~ill, w),
    }
    return counts | {
        key: asdict(named_figure(key, figure, ill, part)) for key, figure in measures.items()
    }


def known_films(
    validation: Validation, column: int, boot: Bootstrap
) -> tuple[NDArray[np.floating[Any]], NDArray[np.bool_], Bootstrap]:
    """The films on which a finding is known: its probabilities, whether they have it, and their draws.

    Args:
        validation: Predictions.
        column: Of the finding.
        boot: Draws of all films' patients.
    """
    targets = validation.truth[:, column]
    known = ~np.isnan(targets)
    part = Bootstrap(boot.group[known], boot.counts)
    return validation.probabilities[PLAIN][known, column], targets[known] == 1, part


def _interval(validation: Validation, condition: str, draws: int) -> dict[str, Any]:
    boot = Bootstrap.of(validation.patients, draws)
    return asdict(mean_auc_figure(macro_auc(validation, condition), boot, validation.truth))


def mean_auc_figure(
    mean_auc: Weighted, boot: Bootstrap, targets: NDArray[np.floating[Any]]
) -> Figure:
    """A mean AUC over findings with its interval.

    Args:
        mean_auc: Takes weights (draws, n), see `macro_auc`.
        boot: Draws of the films' patients.
        targets: (n, findings) in {0, 1}, NaN where unknown.

    Returns:
        Without a value if no finding can be measured.
    """
    if not len(measurable(targets)):
        return Figure(None, note="no finding has films both with and without it")
    return figure_of(boot.over(mean_auc), boot, bias="log odds")


def _youden(p: NDArray[np.floating[Any]], ill: NDArray[np.bool_]) -> float:
    values, place = np.unique(p, return_inverse=True)
    cuts = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2])
    # Films from each value on, counted: a table of cuts by films would be too large for CheXpert.
    hit, false = (
        np.cumsum(np.bincount(place[side], minlength=len(values))[::-1])[::-1]
        for side in (ill, ~ill)
    )
    merits = hit / ill.sum() - false / (~ill).sum()
    return float(cuts[int(merits.argmax())])
