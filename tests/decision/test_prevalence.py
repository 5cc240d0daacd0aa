"""Probabilities at another prevalence."""

from __future__ import annotations

import pytest

from pneumoscope.decision.prevalence import at_prevalence


def test_prevalence_by_hand() -> None:
    # Odds 4 at even odds of the prior; at 1 in 5 the prior odds are a quarter: odds 1.
    assert at_prevalence(0.8, 0.5, 0.2) == pytest.approx(0.5)
    assert at_prevalence(0.8, 0.2, 0.2) == pytest.approx(0.8)
    assert (at_prevalence(0.0, 0.5, 0.9), at_prevalence(1.0, 0.5, 0.1)) == (0.0, 1.0)
