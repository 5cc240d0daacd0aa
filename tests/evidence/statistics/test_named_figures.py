"""Figures by name have the intervals that `pneumoscope evaluate` gives them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from patients import film_each
from pneumoscope.evidence.statistics.calls import at_threshold
from pneumoscope.evidence.statistics.named_figures import named_figure
from pneumoscope.evidence.statistics.ranking import ranking
from pneumoscope.metrics import interval_text, roc_auc, share

POSITIVE = np.arange(60) < 25


def test_they_equal_the_figures_of_an_evaluation() -> None:
    score = np.where(POSITIVE, 0.7, 0.4) + np.random.default_rng(0).normal(0, 0.2, 60)
    boot, called = film_each(60), score >= 0.5
    at = at_threshold(POSITIVE, score, 0.5, boot)
    auc = named_figure("auc", lambda w: roc_auc(POSITIVE, score, w), POSITIVE, boot)
    assert auc == ranking(POSITIVE, score, boot).roc_auc
    hit = named_figure("sensitivity", lambda w: share(called, POSITIVE, w), POSITIVE, boot)
    assert (hit.value, hit.low, hit.high) == pytest.approx(
        (at.sensitivity.value, at.sensitivity.low, at.sensitivity.high)
    )


@pytest.mark.parametrize(
    ("name", "patients"),
    [
        ("auc", 25),
        ("sensitivity", 25),
        ("specificity", 35),
        ("accuracy", 60),
        ("class_accuracy", 60),
    ],
)
def test_at_1_the_interval_is_exact(name: str, patients: int) -> None:
    figure = named_figure(name, lambda w: np.ones(len(w)), POSITIVE, film_each(60))
    assert (figure.low, figure.high) == pytest.approx((0.025 ** (1 / patients), 1.0))


def test_at_1_without_an_exact_interval_the_text_says_why() -> None:
    figure = named_figure("f1", lambda w: np.ones(len(w)), POSITIVE, film_each(60))
    text = interval_text({"value": 1.0, "low": None, "high": None, "note": figure.note})
    assert text == "1.000 (no interval: every draw of patients gives the same value)"
