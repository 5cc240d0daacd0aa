"""Calibration: log odds are scaled and shifted so that probabilities match frequencies.

A network that knows several kinds of disease answers two questions: ill or not, and which kind. One
temperature for both (Guo et al. 2017) would be too high for one and too low for the other. So the log
odds of "ill" have a scale and an offset (Platt 1999), and the kinds have a temperature and an offset
each among themselves. With several findings, each has a scale and an offset. Everything is fitted on
held-out films. numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.probability import logistic, logit
from pneumoscope.metrics import softmax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

FLOOR = 1e-12
"""Smaller probabilities are raised to it, here and inside the network: logarithms stay finite."""
SCALES = (0.1, 10.0)
"""Limits of a scale: perfectly separated films would make it infinite."""
KIND_TEMPERATURES = (0.135, 7.4)
"""Limits of the temperature of the kinds, e^-2 to e^2."""
FEWEST = 10
"""With fewer films on either side nothing is fitted, and the probabilities stay unchanged."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How logits become calibrated probabilities; already part of ``model.onnx``.

    Attributes:
        scale: Factor of the log odds of "ill", > 0; with several findings, one for each.
        offset: Added after scaling; as many as ``scale``.
        kinds_temperature: Divisor of the logits of the kinds among themselves; 1 if there is one kind.
        prevalence: Share of ill films at which the probabilities hold; see `at_prevalence`. None for
            several findings, and if it is unknown.
        kinds_offsets: Added to the logits of the kinds after the temperature, one for each kind, the
            first one 0. They correct for the class weights of the training, which raise rare kinds. Empty
            for none.
    """

    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    kinds_temperature: float = 1.0
    prevalence: float | None = None
    kinds_offsets: tuple[float, ...] = ()

    @property
    def text(self) -> str:
        """The calibration in words."""
        if self == Calibration(prevalence=self.prevalence):
            return "not at all"
        if len(self.scale) > 1:
            return "the log odds of each finding by a scale and an offset of its own"
        line = f"log odds times {self.scale[0]:.3f} {self.offset[0]:+.3f}"
        shifts = " ".join(f"{shift:+.3f}" for shift in self.kinds_offsets[1:])
        line = f"{line}, kinds at temperature {self.kinds_temperature:.3f}"
        return f"{line} {shifts}" if shifts else line

    def changes(self, question: int = 0) -> bool:
        """Whether it changes the network's probability for that question."""
        return (self.scale[question], self.offset[question]) != (1.0, 0.0)

    def apply(self, p: NDArray[np.floating[Any]], negative: int | None) -> Array:
        """Calibrated probabilities.

        Args:
            p: Uncalibrated probabilities, (n, classes or findings).
            negative: Column of the class that means "nothing found"; None for several findings.
        """
        return _moved(p, negative, self)

    def undo(self, p: NDArray[np.floating[Any]], negative: int | None) -> Array:
        """Uncalibrated probabilities; the inverse of `apply`."""
        scale = tuple(1 / a for a in self.scale)
        offset = tuple(-b / a for a, b in zip(self.scale, self.offset, strict=True))
        t = self.kinds_temperature
        inverse = Calibration(
            scale, offset, 1 / t, self.prevalence, tuple(-b * t for b in self.kinds_offsets)
        )
        return _moved(p, negative, inverse)

    def at_prevalence(self, prevalence: float) -> Calibration:
        """The same calibration for another share of ill films, by Bayes' rule.

        Args:
            prevalence: In (0, 1). The calibration must know the share at which it holds now.
        """
        known = self.prevalence
        if known is None:
            raise ValueError("the share of ill films is unknown")
        shift = float(logit(prevalence) - logit(known))
        return replace(self, offset=(self.offset[0] + shift,), prevalence=prevalence)


def log_odds(p: NDArray[np.floating[Any]], negative: int | None) -> Array:
    """Log odds of "ill" (n, 1), or of each finding (n, findings); see `Calibration.apply`."""
    q = np.asarray(p, np.float64)
    if negative is None:
        return np.asarray(_log(q) - _log(1 - q))
    others = np.delete(q, negative, axis=1).sum(axis=1, keepdims=True)
    return np.asarray(_log(others) - _log(q[:, [negative]]))


def fit(
    probabilities: Mapping[str, NDArray[np.floating[Any]]],
    truth: NDArray[Any],
    negative: int | None,
) -> Calibration:
    """The calibration of maximum likelihood over all conditions.

    Perturbed films count as much as plain ones, because films of other hospitals resemble perturbed
    ones.

    Args:
        probabilities: Name of the condition to uncalibrated probabilities of the same films, each
            (n, classes or findings).
        truth: Class of each film (n,); with several findings 1, 0 or NaN, (n, findings).
        negative: As in `Calibration.apply`.
    """
    conditions = [np.asarray(p, np.float64) for p in probabilities.values()]
    odds = [log_odds(p, negative) for p in conditions]
    targets = truth if negative is None else (truth != negative).astype(np.float64)[:, None]
    fitted = [
        fit_line([z[:, k] for z in odds], np.asarray(targets[:, k], np.float64))
        for k in range(targets.shape[1])
    ]
    scale, offset = (tuple(side) for side in zip(*fitted, strict=True))
    if negative is None:
        return Calibration(scale, offset)
    ill = truth != negative
    kinds = np.delete(np.arange(conditions[0].shape[1]), negative)
    position = np.searchsorted(kinds, truth[ill])
    temperature, shifts = fit_kinds([_log(p[np.ix_(ill, kinds)]) for p in conditions], position)
    return Calibration(scale, offset, temperature, float(ill.mean()), shifts)


def fit_line(odds: list[Array], positive: Array) -> tuple[float, float]:
    """Scale and offset of log odds by maximum likelihood (Platt 1999).

    Platt's targets, (N + 1) / (N + 2) in place of 1 with N over all conditions, keep the result finite
    for perfectly separated films. Returns (1, 0) with fewer than `FEWEST` films on either side.

    Args:
        odds: Log odds under each condition, (n,).
        positive: 1, 0 or NaN where unknown, (n,).
    """
    known = np.isfinite(positive)
    labels = positive[known]
    ill, well = int((labels == 1).sum()), int((labels == 0).sum())
    if min(ill, well) < FEWEST:
        return 1.0, 0.0
    ill, well = ill * len(odds), well * len(odds)
    target = np.where(labels == 1, (ill + 1) / (ill + 2), 1 / (well + 2))
    z = np.concatenate([part[known] for part in odds])
    t = np.tile(target, len(odds))
    line = _newton(np.stack([z, np.ones_like(z)], axis=1), t, np.zeros(len(z)))
    scale = float(np.clip(line[0], *SCALES))
    if scale != line[0]:  # the offset that goes with the bound
        line = np.array([scale, _newton(np.ones((len(z), 1)), t, scale * z)[0]])
    return scale, float(line[1])


def fit_kinds(logs: list[Array], truth: NDArray[np.intp]) -> tuple[float, tuple[float, ...]]:
    """Temperature and offsets of maximum likelihood.

    The temperature is a divisor of logits (Guo et al. 2017); the offsets give each class the share
    that it has.

    Args:
        logs: Logits up to a constant under each condition, (n, classes).
        truth: Class of each film, (n,).

    Returns:
        The temperature, and an offset for each class, the first one 0; 1 and none for one class, or
        if a class has fewer than `FEWEST` films.
    """
    classes = logs[0].shape[1]
    counts = np.bincount(truth, minlength=classes)
    if classes < 2 or counts.min() < FEWEST:
        return 1.0, ()
    x = np.concatenate(logs)
    every = np.tile(truth, len(logs))
    wanted = counts / counts.sum()
    of_truth = x[np.arange(len(every)), every]
    factor, shifts = 1.0, np.zeros(classes)
    # The loss is convex in 1 / T and the offsets together, so each may be improved in turn.
    for _ in range(200):
        before = np.append(shifts, factor)
        shifts = shifts + np.log(wanted) - _log(softmax(factor * x + shifts).mean(axis=0))
        factor = _factor(x, of_truth, shifts)
        if np.abs(np.append(shifts, factor) - before).max() < 1e-6:
            break
    return float(1 / factor), tuple(float(shift) for shift in shifts - shifts[0])


def _factor(x: Array, of_truth: Array, shifts: Array) -> float:
    """1 / T of maximum likelihood: the slope of the loss is bisected."""
    low, high = (1 / t for t in reversed(KIND_TEMPERATURES))
    for _ in range(40):
        middle = 0.5 * (low + high)
        if float(np.mean((softmax(middle * x + shifts) * x).sum(axis=1) - of_truth)) > 0:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


def _newton(x: Array, target: Array, offset: Array) -> Array:
    """Coefficients of a logistic regression with an offset, by damped Newton steps."""
    w = np.zeros(x.shape[1])

    def loss(w: Array) -> float:
        z = x @ w + offset
        return float(np.mean(np.logaddexp(0, z) - target * z))

    for _ in range(100):
        p = logistic(x @ w + offset)
        slope = x.T @ (p - target) / len(x)
        # The ridge keeps the matrix regular if all log odds are equal.
        bend = (x * (p * (1 - p))[:, None]).T @ x / len(x) + 1e-9 * np.eye(len(w))
        step, now = np.linalg.solve(bend, slope), loss(w)
        for _ in range(40):
            if loss(w - step) <= now:
                break
            step = step / 2
        w = w - step
        if np.abs(step).max() < 1e-9:
            break
    return w


def _moved(p: NDArray[np.floating[Any]], negative: int | None, by: Calibration) -> Array:
    ill = logistic(log_odds(p, negative) * np.array(by.scale) + np.array(by.offset))
    if negative is None:
        return ill
    moved = np.empty(p.shape, np.float64)
    kinds = np.delete(np.arange(p.shape[1]), negative)
    logits = _log(np.asarray(p, np.float64)[:, kinds]) / by.kinds_temperature
    moved[:, [negative]] = 1 - ill
    moved[:, kinds] = ill * softmax(logits + np.array(by.kinds_offsets or 0.0))
    return moved


def _log(p: Array) -> Array:
    return np.asarray(np.log(np.maximum(p, FLOOR)))
