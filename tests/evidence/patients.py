"""Draws of patients for tests."""

from __future__ import annotations

import numpy as np
from scipy import special

from pneumoscope.evidence.statistics.intervals import Bootstrap


def film_each(films: int, draws: int = 200) -> Bootstrap:
    """Every film is of another patient."""
    return Bootstrap.of([str(k) for k in range(films)], draws=draws)


def calibrated(films: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from their probabilities, and those."""
    rng = np.random.default_rng(seed)
    p = special.expit(rng.normal(0, 1.5, films))
    return rng.random(films) < p, p


def three_classes() -> tuple[np.ndarray, np.ndarray, Bootstrap]:
    """Classes of 150 films of about 60 patients, probabilities and draws."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 150)
    p = rng.dirichlet(np.ones(3), 150) + 0.4 * np.eye(3)[truth]
    return truth, p, Bootstrap.of([str(k) for k in rng.integers(0, 60, 150)], draws=25)
