"""What a network for several findings on one film is worth; see `validate` for classes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.thresholds import RULE_IN, SCREEN
from pneumoscope.metrics import patient_bootstrap, roc_auc, share
from pneumoscope.records import OperatingPoint
from pneumoscope.train.validation.validate import PLAIN, Scores, Validation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.metrics import Weighted

_HALF = 0.5
_LEAST = 1e-7
"""Thresholds stay so far within (0, 1): what is rare in training has small probabilities."""
_UNKNOWN = "0.5 by convention: no validation films are known with and without it"


def probabilities_of(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Sigmoid of logits (n, findings)."""
    return np.asarray(1 / (1 + np.exp(-np.clip(np.asarray(logits, np.float64), -60, 60))))


def measurable(targets: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Findings that some films are known to have and some not to have; targets (n, findings)."""
    return np.flatnonzero((targets == 1).any(axis=0) & (targets == 0).any(axis=0))


def scores(p: NDArray[np.floating[Any]], targets: NDArray[np.floating[Any]]) -> Scores:
    """What an epoch is worth: mean AUC over the findings; accuracy and loss over known labels.

    Args:
        p: Probabilities (n, findings).
        targets: (n, findings) in {0, 1}, NaN where unknown.
    """
    ones = np.ones((1, len(p)))
    aucs = [_auc(p[:, i], targets[:, i])(ones)[0] for i in measurable(targets)]
    known = ~np.isnan(targets)
    q, t = np.clip(p[known], 1e-7, 1 - 1e-7), targets[known]
    return Scores(
        float(np.mean(aucs)) if aucs else _HALF,
        float(((q >= _HALF) == (t == 1)).mean()),
        float(-np.mean(t * np.log(q) + (1 - t) * np.log(1 - q))),
    )


def choose_operating_points(
    validation: Validation, names: Sequence[str]
) -> tuple[OperatingPoint, ...]:
    """``balanced``, ``screen`` and ``rule-in`` of every finding, on the films as they are.

    ``balanced`` has the largest sensitivity + specificity (Youden 1950), in the middle of the gap
    between two films; ``screen`` never passes it, ``rule-in`` never falls below it. A finding that
    the validation films cannot tell about gets 0.5, and its rule says so.
    """
    told = set(measurable(validation.truth).tolist())
    points = []
    for i, name in enumerate(names):
        if i not in told:
            points += [
                OperatingPoint(n, _HALF, _UNKNOWN, name) for n in ("balanced", "screen", "rule-in")
            ]
            continue
        known = ~np.isnan(validation.truth[:, i])
        p, ill = validation.probabilities[PLAIN][known, i], validation.truth[known, i] == 1
        screen = float(np.quantile(p[ill], 1 - SCREEN, method="lower"))
        rule_in = float(np.nextafter(np.quantile(p[~ill], RULE_IN, method="higher"), 2.0))
        balanced = _youden(p, ill)
        for point, threshold, rule in (
            ("balanced", balanced, "largest sensitivity + specificity"),
            ("screen", min(screen, balanced), f"sensitivity >= {SCREEN}"),
            ("rule-in", max(rule_in, balanced), f"specificity >= {RULE_IN}"),
        ):
            inside = float(np.clip(threshold, _LEAST, 1 - _LEAST))
            points.append(OperatingPoint(point, inside, f"{rule} on validation films", name))
    # All thresholds of one name together, as a bundle lists them.
    return tuple(points[i] for k in range(3) for i in range(k, len(points), 3))


def macro_auc(validation: Validation, condition: str = PLAIN) -> Weighted:
    """Mean AUC over the findings that can be measured, as a function of weights (draws, n).

    A draw that has no film with a rare finding is the mean over the others: of a dozen rare ones
    hardly any draw has them all. NaN where a draw can measure none.
    """
    p, targets = validation.probabilities[condition], validation.truth
    each = [_auc(p[:, i], targets[:, i]) for i in measurable(targets)]

    def mean(w: NDArray[np.float64]) -> NDArray[np.float64]:
        aucs = np.array([auc(w) for auc in each])
        there = np.isfinite(aucs)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(there, aucs, 0.0).sum(axis=0) / there.sum(axis=0))

    return mean


def figures(
    validation: Validation,
    names: Sequence[str],
    points: Sequence[OperatingPoint],
    draws: int = 2000,
) -> dict[str, Any]:
    """The figures of the model card, each with a patient-clustered 95 % interval.

    Args:
        validation: Of the calibrated network.
        names: Of the findings.
        points: One per finding, those that make the labels.
        draws: Of the bootstrap.

    Returns:
        ``findings``: name to the numbers of films with, without and unknown and, where there are
        films of both kinds, to auc, sensitivity and specificity; ``macro_auc`` over these findings,
        ``worst``, the same under the worst perturbation, with its name, and ``stress``, its value under
        each; the last three None where no finding can be measured.
    """
    targets, told = validation.truth, set(measurable(validation.truth).tolist())
    found: dict[str, dict[str, Any]] = {}
    for i, (name, point) in enumerate(zip(names, points, strict=True)):
        column = targets[:, i]
        found[name] = {
            "with": int((column == 1).sum()),
            "without": int((column == 0).sum()),
            "unknown": int(np.isnan(column).sum()),
            "threshold": point.threshold,
        }
        if i in told:
            p = validation.probabilities[PLAIN][:, i]
            called = p >= point.threshold
            each: dict[str, Weighted] = {
                "auc": _auc(p, column),
                "sensitivity": _share(called, column == 1),
                "specificity": _share(~called, column == 0),
            }
            found[name] |= {
                key: asdict(patient_bootstrap(figure, validation.patients, draws))
                for key, figure in each.items()
            }
    ones = np.ones((1, len(targets)))
    stress = {
        name: float(macro_auc(validation, name)(ones)[0]) if told else None
        for name in validation.probabilities
        if name != PLAIN
    }
    worst = min(stress, key=lambda name: stress[name] or 0.0)
    return {
        "draws": draws,
        "films": len(targets),
        "patients": len(set(validation.patients)),
        "operating_point": points[0].name,
        "findings": found,
        "macro_auc": _interval(validation, PLAIN, draws) if told else None,
        "worst": {"condition": worst, **_interval(validation, worst, draws)} if told else None,
        "stress": stress,
    }


def _interval(validation: Validation, condition: str, draws: int) -> dict[str, float]:
    return asdict(patient_bootstrap(macro_auc(validation, condition), validation.patients, draws))


def _auc(p: NDArray[np.floating[Any]], targets: NDArray[np.floating[Any]]) -> Weighted:
    known = ~np.isnan(targets)
    return lambda w: roc_auc(targets[known] == 1, p[known], w[:, known])


def _share(hit: NDArray[np.bool_], among: NDArray[np.bool_]) -> Weighted:
    return lambda w: share(hit, among, w)


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
