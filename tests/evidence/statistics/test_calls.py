from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from sklearn import metrics as reference

from patients import film_each
from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics import calls
from pneumoscope.evidence.statistics.intervals import Bootstrap

# 2 hits, 1 miss; 3 right rejections, 1 false alarm.
POSITIVE = np.array([True, True, True, False, False, False, False])
SCORE = np.array([0.9, 0.6, 0.2, 0.7, 0.3, 0.2, 0.1])


def test_figures_by_hand() -> None:
    figures = calls.at_threshold(POSITIVE, SCORE, 0.6, film_each(7))
    expected = {
        "accuracy": 5 / 7,
        "balanced_accuracy": (2 / 3 + 3 / 4) / 2,
        "sensitivity": 2 / 3,
        "specificity": 3 / 4,
        "ppv": 2 / 3,
        "npv": 3 / 4,
        "f1": 4 / 6,
        "mcc": (2 * 3 - 1 * 1) / np.sqrt(3 * 3 * 4 * 4),
        # chance: (3 * 3 + 4 * 4) / 49 = 25 / 49
        "kappa": (35 / 49 - 25 / 49) / (1 - 25 / 49),
        "lr_positive": (2 / 3) / (1 / 4),
        "lr_negative": (1 / 3) / (3 / 4),
        "prevalence": 3 / 7,
    }
    for name, value in expected.items():
        assert getattr(figures, name).value == pytest.approx(value), name


@pytest.mark.slow
def test_every_draw_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    positive, called = rng.random(120) < 0.5, rng.random(120) < 0.5
    called |= positive & (rng.random(120) < 0.6)
    boot = Bootstrap.of([str(k) for k in rng.integers(0, 50, 120)], draws=25)
    samples = calls.threshold_samples(positive, called, boot)
    scores = {
        "accuracy": reference.accuracy_score,
        "balanced_accuracy": reference.balanced_accuracy_score,
        "sensitivity": reference.recall_score,
        "ppv": reference.precision_score,
        "f1": reference.f1_score,
        "mcc": reference.matthews_corrcoef,
        "kappa": reference.cohen_kappa_score,
    }
    for k, counts in enumerate(boot.counts):
        weight = counts[boot.group]
        for name, score in scores.items():
            expected = score(positive, called, sample_weight=weight)
            assert samples[name][k] == pytest.approx(expected), name
        ratios = reference.class_likelihood_ratios(positive, called, sample_weight=weight)
        assert (samples["lr_positive"][k], samples["lr_negative"][k]) == pytest.approx(ratios)


def test_figures_that_do_not_exist_say_why() -> None:
    no_calls = calls.at_threshold(np.arange(30) < 10, np.linspace(0, 0.4, 30), 0.5, film_each(30))
    assert no_calls.ppv.note == "no film is called positive"
    assert no_calls.sensitivity.value == 0.0
    assert no_calls.sensitivity.high == pytest.approx(1 - 0.025**0.1)
    assert no_calls.lr_positive.value is no_calls.mcc.value is None
    one_class = calls.at_threshold(np.ones(30, bool), np.linspace(0, 1, 30), 0.5, film_each(30))
    assert one_class.specificity.note == "no film is negative"
    assert one_class.balanced_accuracy.note == "all films are of one class"
    assert one_class.sensitivity.low is not None


def test_predictive_values_move_with_the_prevalence() -> None:
    positive = np.repeat([True, False], 50)
    score = np.r_[np.ones(45), np.zeros(5), np.ones(10), np.zeros(40)]
    values = calls.at_prevalence(positive, score, 0.5, 0.1, film_each(100))
    # Sensitivity 0.9, specificity 0.8: 0.09 / (0.09 + 0.18) and 0.72 / (0.72 + 0.01).
    assert values.ppv.value == pytest.approx(1 / 3)
    assert values.npv.value == pytest.approx(0.72 / 0.73)
    measured = calls.at_threshold(positive, score, 0.5, film_each(100))
    same = calls.at_prevalence(positive, score, 0.5, 0.5, film_each(100))
    assert same.ppv.value == pytest.approx(measured.ppv.value)
    with pytest.raises(UsageError, match="between 0 and 1"):
        calls.at_prevalence(positive, score, 0.5, 1.0, film_each(100))


def test_no_false_alarm_among_few_films_proves_little_where_disease_is_rare() -> None:
    positive = np.repeat([True, False], 30)
    values = calls.at_prevalence(positive, positive * 1.0, 0.5, 0.01, film_each(60))
    # Specificity may be as low as 0.88430: 0.01 / (0.01 + 0.11570 * 0.99).
    assert values.ppv.value == 1.0
    assert values.ppv.low == pytest.approx(0.08029, abs=1e-4)
    assert values.npv.low == pytest.approx(0.99 / (0.99 + 0.1157 * 0.01), abs=1e-4)
