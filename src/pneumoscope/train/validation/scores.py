"""Scores of an epoch of a training, from the logits of the validation films."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import metrics
from pneumoscope.decision.probability import logistic, p_positive

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HALF = 0.5
_FLOOR = 1e-7
"""Probabilities are cut here before their logarithm is taken."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of an epoch on the validation films.

    Attributes:
        auc: Area under the ROC curve of P(ill) = 1 - P(first class); for several findings the mean
            over those that can be measured.
        accuracy: Share of films whose most probable class is the right one; for several findings
            the share of known labels on the right side of 0.5.
        loss: Cross-entropy per film; for several findings per known label.
    """

    auc: float
    accuracy: float
    loss: float


def softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Probabilities of classes from logits (n, classes); one logit is the second of two classes."""
    z = np.asarray(logits, np.float64)
    return metrics.softmax(np.concatenate([np.zeros_like(z), z], axis=1) if z.shape[1] == 1 else z)


def sigmoid(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Probabilities of findings from logits (n, findings)."""
    return logistic(np.asarray(logits, np.float64))


def of_classes(p: NDArray[np.floating[Any]], truth: NDArray[np.intp]) -> Scores:
    """Scores from probabilities (n, classes) and classes (n,)."""
    auc = float(metrics.roc_auc(truth > 0, p_positive(p, 0), np.ones((1, len(truth))))[0])
    p_truth = p[np.arange(len(truth)), truth]
    return Scores(
        auc,
        float((p.argmax(1) == truth).mean()),
        float(-np.log(np.clip(p_truth, _FLOOR, 1)).mean()),
    )


def of_findings(p: NDArray[np.floating[Any]], targets: NDArray[np.floating[Any]]) -> Scores:
    """Scores from probabilities and targets.

    Args:
        p: Probabilities (n, findings).
        targets: (n, findings) in {0, 1}, NaN where unknown.
    """
    ones = np.ones((1, len(p)))
    aucs = [auc_of_finding(p[:, i], targets[:, i])(ones)[0] for i in measurable(targets)]
    known = ~np.isnan(targets)
    q, t = np.clip(p[known], _FLOOR, 1 - _FLOOR), targets[known]
    return Scores(
        float(np.mean(aucs)) if aucs else _HALF,
        float(((q >= _HALF) == (t == 1)).mean()),
        float(-np.mean(t * np.log(q) + (1 - t) * np.log(1 - q))),
    )


def measurable(targets: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Findings that some films are known to have and others not to have; targets (n, findings)."""
    return np.flatnonzero((targets == 1).any(axis=0) & (targets == 0).any(axis=0))


def auc_of_finding(
    p: NDArray[np.floating[Any]], targets: NDArray[np.floating[Any]]
) -> metrics.Weighted:
    """AUC of one finding over the films where it is known, as a function of weights (draws, n).

    Args:
        p: Probabilities (n,).
        targets: (n,) in {0, 1}, NaN where unknown.
    """
    known = ~np.isnan(targets)
    return lambda w: metrics.roc_auc(targets[known] == 1, p[known], w[:, known])
