"""Validation films with scores that can be checked by hand."""

from __future__ import annotations

import numpy as np

from pneumoscope.train.validation.predictions import Validation


def validation(**conditions: list[float]) -> Validation:
    """Four films, two of them ill, from P(pneumonia) by condition."""
    probabilities = {
        name: np.array([[1 - p, 0.7 * p, 0.3 * p] for p in ps]) for name, ps in conditions.items()
    }
    return Validation(np.array([0, 0, 1, 2]), ("a", "b", "c", "d"), probabilities)


def overlapping(shift: float) -> Validation:
    """600 films whose scores overlap, and the same films scored higher by a shift."""
    rng = np.random.default_rng(0)
    truth = (np.arange(600) % 3).astype(np.intp)
    p = np.clip(rng.normal(np.where(truth > 0, 0.6, 0.3), 0.15), 0.01, 0.9)
    probabilities = {
        name: np.stack([1 - q, 0.6 * q, 0.4 * q], axis=1)
        for name, q in {"plain": p, "bright": p + shift}.items()
    }
    return Validation(truth, tuple(map(str, range(600))), probabilities)
