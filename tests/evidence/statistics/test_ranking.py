from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from sklearn import metrics as reference

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics import ranking
from pneumoscope.evidence.statistics.intervals import Bootstrap


def films(decimals: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, Bootstrap]:
    """150 films of 60 patients, scores rounded so that they tie."""
    rng = np.random.default_rng(seed)
    positive = rng.random(150) < 0.4
    score = np.round(np.clip(rng.normal(0.4 + 0.2 * positive, 0.2), 0, 1), decimals)
    patients = [f"p{k}" for k in np.sort(rng.integers(0, 60, 150))]
    return positive, score, Bootstrap.of(patients, draws=25, seed=seed)


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_every_draw_agrees_with_scikit_learn(decimals: int) -> None:
    positive, score, boot = films(decimals)
    samples = ranking.ranking_samples(positive, score, boot)
    for k, counts in enumerate(boot.counts):
        weight = counts[boot.group]
        auc = reference.roc_auc_score(positive, score, sample_weight=weight)
        ap = reference.average_precision_score(positive, score, sample_weight=weight)
        assert samples["roc_auc"][k] == pytest.approx(auc)
        assert samples["average_precision"][k] == pytest.approx(ap)


def test_average_precision_by_hand() -> None:
    # From the top: hit (1/1), two films tied with one hit (2/3), miss. AP = (1 + 2/3) / 2.
    positive = np.array([True, True, False, False])
    score = np.array([0.9, 0.5, 0.5, 0.1])
    result = ranking.ranking(positive, score, Bootstrap.of(["a", "b", "c", "d"], draws=5))
    assert result.average_precision.value == pytest.approx(5 / 6)
    assert (result.films, result.positives) == (4, 2)


def test_one_against_rest_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 90)
    p = rng.dirichlet(np.ones(3), 90) + 0.3 * np.eye(3)[truth]
    p /= p.sum(axis=1, keepdims=True)
    boot = Bootstrap.of([str(k // 2) for k in range(90)], draws=300)
    result = ranking.one_against_rest(truth, p, ("a", "b", "c"), boot)
    expected = reference.roc_auc_score(truth, p, multi_class="ovr", average="macro")
    assert result.macro.roc_auc.value == pytest.approx(expected)
    each = reference.average_precision_score(np.eye(3)[truth], p, average=None)
    assert [r.average_precision.value for r in result.classes.values()] == pytest.approx(each)
    assert result.macro.roc_auc.low is not None
    assert result.macro.roc_auc.low < expected < result.macro.roc_auc.high


def test_films_without_a_label_count_for_the_other_findings_only() -> None:
    rng = np.random.default_rng(2)
    label = (rng.random((80, 3)) < 0.5).astype(float)
    score = rng.random((80, 3)) + 0.4 * label
    label[rng.random((80, 3)) < 0.3] = np.nan
    label[:, 2] = np.nan
    boot = Bootstrap.of([str(k) for k in range(80)], draws=100)
    result = ranking.findings(label, score, ("mass", "nodule", "hernia"), boot)
    known = ~np.isnan(label[:, 0])
    assert result.classes["mass"].roc_auc.value == pytest.approx(
        reference.roc_auc_score(label[known, 0], score[known, 0])
    )
    assert result.classes["mass"].films == known.sum()
    assert result.classes["hernia"].roc_auc.value is None
    assert result.classes["hernia"].roc_auc.note == "no film has a label"
    known_aucs = [result.classes[name].roc_auc.value for name in ("mass", "nodule")]
    assert result.macro.roc_auc.value == pytest.approx(np.mean(known_aucs))
    assert result.macro.roc_auc.note == "mean over 2 of 3, without hernia"


def test_complete_separation_has_the_bound_of_disjoint_pairs() -> None:
    positive = np.arange(60) >= 20
    result = ranking.ranking(positive, np.arange(60.0), Bootstrap.of([str(k) for k in range(60)]))
    # 20 healthy patients: 0.025 ** (1 / 20)
    assert (result.roc_auc.low, result.roc_auc.high) == pytest.approx((0.83157, 1.0), abs=1e-5)
    assert result.average_precision.low is None


def test_scores_that_rank_nothing_say_so() -> None:
    boot = Bootstrap.of([str(k) for k in range(40)], draws=20)
    half = np.arange(40) < 20
    assert ranking.ranking(half, np.full(40, 0.5), boot).roc_auc.note == ranking.CONSTANT
    one_class = ranking.ranking(np.ones(40, bool), np.arange(40.0), boot)
    assert one_class.roc_auc.note == one_class.average_precision.note == ranking.ONE_CLASS
    assert one_class.roc_auc.value is one_class.average_precision.value is None


def test_arrays_that_do_not_fit_are_refused() -> None:
    boot = Bootstrap.of(["a", "b"], draws=5)
    both = np.array([True, False])
    with pytest.raises(UsageError, match="3 values for 2 films"):
        ranking.ranking(both, np.zeros(3), boot)
    with pytest.raises(UsageError, match="not a number"):
        ranking.ranking(both, np.array([np.nan, 0.5]), boot)
    with pytest.raises(UsageError, match="no film has a label"):
        ranking.ranking(both, np.zeros(2), boot, np.zeros(2, bool))
    with pytest.raises(UsageError, match="0, 1 or NaN"):
        ranking.findings(np.array([[2.0], [0.0]]), np.zeros((2, 1)), ("mass",), boot)
    with pytest.raises(UsageError, match="outside 0 to 1"):
        ranking.one_against_rest(np.array([0, 2]), np.full((2, 2), 0.5), ("a", "b"), boot)
    with pytest.raises(UsageError, match="for 3 classes"):
        ranking.one_against_rest(np.array([0, 1]), np.full((2, 2), 0.5), ("a", "b", "c"), boot)
