"""Calibration and conformal scores of validation films."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pneumoscope.decision.calibration import Calibration
from pneumoscope.metrics import expected_calibration_error
from pneumoscope.records import OperatingPoint
from pneumoscope.train.validation import calibrate
from pneumoscope.train.validation.predictions import Validation
from validations import overlapping, validation

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAN = np.nan


def test_calibration_makes_plain_and_perturbed_films_honest() -> None:
    rng = np.random.default_rng(0)
    honest = rng.dirichlet([0.6, 0.6, 0.6], 3000)
    truth = np.array([rng.choice(3, p=p) for p in honest])
    before = Calibration((0.6,), (-0.4,), 1.8)  # what the network is to have done to them
    said = before.apply(honest, 0)
    v = Validation(truth, tuple(map(str, range(3000))), {"plain": said, "blur": said.copy()})
    fitted = calibrate.fit_calibration(v)
    after = calibrate.calibrated(v, fitted)
    assert set(after.probabilities) == {"plain", "blur"}
    assert after.probabilities["plain"] == pytest.approx(honest, abs=0.05)
    assert expected_calibration_error(v.ill, v.p_positive()) > 0.1
    assert expected_calibration_error(after.ill, after.p_positive()) < 0.03


def test_conformal_scores_are_of_plain_films() -> None:
    v = overlapping(shift=0.05)
    scores = calibrate.conformal_scores(v, ("normal", "bacterial", "viral"), "PNEUMONIA")
    assert scores is not None
    sides = scores.questions["PNEUMONIA"]
    p = v.p_positive()
    assert sides.negative == pytest.approx(np.sort(1 - p[~v.ill]), abs=1e-5)
    assert sides.positive == pytest.approx(np.sort(p[v.ill]), abs=1e-5)
    # Every film's kinds have shares of 0.6 and 0.4.
    assert scores.kinds["bacterial"] == pytest.approx((0.6,) * 200, abs=1e-5)
    assert scores.kinds["viral"] == pytest.approx((0.4,) * 200, abs=1e-5)


def of_two_hospitals(small: int = 40) -> tuple[Validation, NDArray[np.bool_]]:
    """Healthy films of a large and a small hospital, and ill ones; which films are of the small one."""
    rng = np.random.default_rng(1)
    p_ill = np.r_[rng.beta(1, 9, 400), rng.beta(3, 5, small), rng.beta(9, 1, 400)]
    said = np.stack([1 - p_ill, p_ill], axis=1)
    truth = np.repeat([0, 1], [400 + small, 400])
    sources = ("north",) * 400 + ("south",) * small + ("north",) * 400
    v = Validation(truth, tuple(map(str, range(len(truth)))), {"plain": said}, sources)
    return v, np.array(sources) == "south"


def called_ill(v: Validation) -> NDArray[np.bool_]:
    scores = calibrate.conformal_scores(v, ("well", "ill"), "ILL")
    assert scores is not None
    return 1 - v.p_positive() < scores.at(0.05).questions["ILL"][0]


def test_healthy_films_of_each_source_keep_their_limit() -> None:
    v, south = of_two_hospitals()
    assert called_ill(replace(v, sources=()))[south].mean() > 0.2
    assert called_ill(v)[south].mean() <= 0.05
    assert called_ill(v)[v.ill].mean() > 0.5
    scores = calibrate.conformal_scores(v, ("well", "ill"), "ILL")
    assert scores is not None
    assert scores.sources == pytest.approx({"north": 1 / 401, "south": 1 / 41})


def test_one_source_with_enough_healthy_films_has_the_limits_of_all() -> None:
    v, _ = of_two_hospitals(small=18)
    labels = ("well", "ill")
    assert calibrate.conformal_scores(v, labels, "ILL") == calibrate.conformal_scores(
        replace(v, sources=()), labels, "ILL"
    )


def test_the_limit_holds_in_a_source_that_a_training_left_out() -> None:
    v, _ = of_two_hospitals()
    unseen = np.random.default_rng(2).beta(4, 4, 99)
    scores = calibrate.conformal_scores(v, ("well", "ill"), "ILL", {"east": unseen})
    assert scores is not None
    limit = scores.at(0.05).questions["ILL"][0]
    # The 22nd of the 440 scores of both hospitals stands for an error just below 5 %: the 4th of 99 here.
    assert limit == pytest.approx(np.sort(1 - unseen)[3], abs=1e-5)
    assert scores.left_out == {"east": 1 / 100}
    # Nothing else changes.
    plain = calibrate.conformal_scores(v, ("well", "ill"), "ILL")
    assert plain is not None
    assert scores.questions["ILL"].positive == plain.questions["ILL"].positive
    assert (scores.sources, plain.left_out) == (plain.sources, {})


def test_the_share_of_ill_films_with_the_positive_verdict() -> None:
    v, _ = of_two_hospitals()
    scores = calibrate.conformal_scores(v, ("well", "ill"), "ILL")
    assert scores is not None
    p = v.p_positive()
    sure = called_ill(v) & (p >= scores.at(0.05).questions["ILL"][1])
    share = calibrate.positive_share(scores, v, OperatingPoint("balanced", 0.01, ""), "ILL")
    assert share == pytest.approx(sure[v.ill].mean())
    assert 0.5 < share < 1
    # Between the limit and the threshold of the operating point, both contradict each other: UNDETERMINED.
    high = float(np.median(p[v.ill & sure]))
    share = calibrate.positive_share(scores, v, OperatingPoint("balanced", high, ""), "ILL")
    assert share == pytest.approx((sure & (p >= high))[v.ill].mean())
    assert share < 0.6 * sure[v.ill].mean()


def test_findings_hold_in_each_source_too() -> None:
    v, _ = of_two_hospitals()
    truth = v.ill.astype(np.float32)[:, None]
    findings = Validation(
        truth, v.patients, {n: p[:, 1:] for n, p in v.probabilities.items()}, v.sources
    )
    scores = calibrate.conformal_scores(findings, ("Mass",), "ABNORMAL")
    of_classes = calibrate.conformal_scores(v, ("well", "ill"), "ILL")
    assert scores is not None
    assert of_classes is not None
    assert scores.questions["Mass"] == of_classes.questions["ILL"]
    assert scores.sources == of_classes.sources


def test_too_few_films_give_no_scores() -> None:
    v = validation(plain=[0.1, 0.2, 0.8, 0.9])
    assert calibrate.conformal_scores(v, ("normal", "bacterial", "viral"), "PNEUMONIA") is None


def test_findings_with_too_few_films_have_no_scores() -> None:
    truth = np.zeros((60, 2), np.float32)
    truth[:30, 0], truth[:18, 1] = 1, 1
    truth[50:, 0] = np.nan
    p = np.linspace(0.1, 0.9, 120).reshape(60, 2)
    scores = calibrate.conformal_scores(
        Validation(truth, ("a",) * 60, {"plain": p}), ("Mass", "Nodule"), "ABNORMAL"
    )
    assert scores is not None
    assert list(scores.questions) == ["Mass"]
    assert (len(scores.questions["Mass"].negative), len(scores.questions["Mass"].positive)) == (
        20,
        30,
    )
    assert scores.kinds == {}


def test_calibration_makes_each_finding_honest() -> None:
    rng = np.random.default_rng(0)
    honest = rng.uniform(0.02, 0.98, (4000, 2))
    targets = (rng.random(honest.shape) < honest).astype(np.float32)
    targets[rng.random(honest.shape) < 0.2] = NAN
    logits = np.log(honest / (1 - honest)) * [2.5, 1.0] + [0.0, 2.0]
    given = Validation(targets, ("p",) * 4000, {"plain": 1 / (1 + np.exp(-logits))})
    fitted = calibrate.fit_calibration(given)
    assert fitted.scale == pytest.approx((0.4, 1.0), rel=0.1)
    assert calibrate.calibrated(given, fitted).probabilities["plain"] == pytest.approx(
        honest, abs=0.03
    )


def test_probabilities_hold_at_the_prevalence_that_is_asked_for() -> None:
    rng = np.random.default_rng(1)
    p_ill = rng.beta(2, 1, 4000)  # two in three are ill
    truth = np.where(rng.random(4000) < p_ill, 1, 0)
    said = np.stack([1 - p_ill, p_ill], axis=1)
    v = Validation(truth, tuple(map(str, range(4000))), {"plain": said})
    natural = calibrate.calibrate(v, ("normal", "ill"), "ILL")
    even = calibrate.calibrate(v, ("normal", "ill"), "ILL", prevalence=0.5)
    assert natural.calibration.prevalence == truth.mean()
    assert even.calibration.prevalence == 0.5
    odds = (p / (1 - p) for p in (natural.validation.p_positive(), even.validation.p_positive()))
    share = truth.mean()
    assert next(odds) / next(odds) == pytest.approx(share / (1 - share), rel=1e-6)
    # Thresholds and sets are on the new scale.
    before, after = natural.points[0].threshold, even.points[0].threshold
    assert before / (1 - before) == pytest.approx(
        after / (1 - after) * share / (1 - share), rel=0.05
    )
    assert even.conformal is not None
    assert natural.conformal is not None
    assert even.conformal.questions["ILL"].positive < natural.conformal.questions["ILL"].positive
