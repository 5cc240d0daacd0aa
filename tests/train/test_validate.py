from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")
pytest.importorskip("sklearn", reason="needs the [train] extra")

from pneumoscope.decision import thresholds
from pneumoscope.decision.calibration import Calibration
from pneumoscope.metrics import expected_calibration_error
from pneumoscope.records import OperatingPoint
from pneumoscope.train.validation import calibrate, classes, predictions
from pneumoscope.train.validation.baseline import statistics_baseline
from pneumoscope.train.validation.predictions import Validation


def validation(**conditions: list[float]) -> Validation:
    """Four films, two of them ill, from P(pneumonia) by condition."""
    probabilities = {
        name: np.array([[1 - p, 0.7 * p, 0.3 * p] for p in ps]) for name, ps in conditions.items()
    }
    return Validation(np.array([0, 0, 1, 2]), ("a", "b", "c", "d"), probabilities)


def worst(v: Validation, threshold: float) -> tuple[float, str]:
    scores = {name: v.p_positive(name) for name in v.probabilities}
    return thresholds.worst_balanced_accuracy(v.ill, scores, threshold)


def test_the_worst_condition_counts() -> None:
    v = validation(
        plain=[0.1, 0.2, 0.8, 0.9], blur=[0.1, 0.6, 0.7, 0.9], noise=[0.1, 0.2, 0.3, 0.9]
    )
    assert worst(v, 0.65) == (0.75, "noise")
    assert worst(v, 0.25) == (0.75, "blur")


def test_the_balanced_point_lies_in_the_middle_of_the_best() -> None:
    v = validation(plain=[0.1, 0.2, 0.8, 0.9], blur=[0.1, 0.4, 0.7, 0.9])
    points = {p.name: p for p in classes.choose_operating_points(v)}
    assert points["balanced"].threshold == pytest.approx(0.55, abs=0.02)


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


def test_screen_and_rule_in_keep_their_promise_under_every_condition() -> None:
    v = overlapping(shift=0.05)
    points = {q.name: q.threshold for q in classes.choose_operating_points(v)}
    sensitivity = [(v.p_positive(c)[v.ill] >= points["screen"]).mean() for c in v.probabilities]
    specificity = [(v.p_positive(c)[~v.ill] < points["rule-in"]).mean() for c in v.probabilities]
    assert 0.97 <= min(sensitivity) < 0.98
    assert 0.95 <= min(specificity) < 0.96
    assert points["screen"] < points["balanced"] < points["rule-in"]


def test_points_never_cross_where_the_classes_lie_far_apart() -> None:
    v = validation(plain=[0.1, 0.2, 0.8, 0.9], blur=[0.1, 0.4, 0.7, 0.9])
    points = {q.name: q.threshold for q in classes.choose_operating_points(v)}
    assert points["screen"] <= points["balanced"] <= points["rule-in"]


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
    found = calibrate.conformal_scores(v, ("normal", "bacterial", "viral"), "PNEUMONIA")
    assert found is not None
    sides = found.questions["PNEUMONIA"]
    p = v.p_positive()
    assert sides.negative == pytest.approx(np.sort(1 - p[~v.ill]), abs=1e-5)
    assert sides.positive == pytest.approx(np.sort(p[v.ill]), abs=1e-5)
    # Every film's kinds have shares of 0.6 and 0.4.
    assert found.kinds["bacterial"] == pytest.approx((0.6,) * 200, abs=1e-5)
    assert found.kinds["viral"] == pytest.approx((0.4,) * 200, abs=1e-5)


def test_too_few_films_give_no_scores() -> None:
    v = validation(plain=[0.1, 0.2, 0.8, 0.9])
    assert calibrate.conformal_scores(v, ("normal", "bacterial", "viral"), "PNEUMONIA") is None


def test_findings_with_too_few_films_have_no_scores() -> None:
    truth = np.zeros((60, 2), np.float32)
    truth[:30, 0], truth[:18, 1] = 1, 1
    truth[50:, 0] = np.nan
    p = np.linspace(0.1, 0.9, 120).reshape(60, 2)
    found = calibrate.conformal_scores(
        Validation(truth, ("a",) * 60, {"plain": p}), ("Mass", "Nodule"), "ABNORMAL"
    )
    assert found is not None
    assert list(found.questions) == ["Mass"]
    assert (len(found.questions["Mass"].negative), len(found.questions["Mass"].positive)) == (
        20,
        30,
    )
    assert found.kinds == {}


def test_figures_by_hand() -> None:
    v = validation(plain=[0.1, 0.6, 0.8, 0.9], blur=[0.1, 0.2, 0.3, 0.9])
    point = OperatingPoint("x", 0.5, "")
    found = classes.figures(v, point, draws=50)
    assert found["films"] == found["patients"] == 4
    plain = found["plain"]
    assert plain["auc"]["value"] == 1.0
    assert plain["sensitivity"]["value"] == 1.0
    assert plain["specificity"]["value"] == 0.5
    assert plain["accuracy"]["value"] == 0.75
    assert plain["balanced_accuracy"]["value"] == 0.75
    # argmax: normal, bacterial (p .6: .4 .42 .18), bacterial, bacterial; truth 0 0 1 2.
    assert plain["class_accuracy"]["value"] == 0.5
    assert found["stress"]["blur"]["sensitivity"]["value"] == 0.5
    assert found["worst"]["balanced_accuracy"]["condition"] == "blur"


def test_the_run_gives_every_condition(films_folder, tmp_path) -> None:  # type: ignore[no-untyped-def]
    from pneumoscope import data
    from pneumoscope.data.stress import stress_suite

    films = data.load(
        films_folder, 224, task="multiclass", share=0.25, seed=0, cache=tmp_path / "cache"
    )

    def predict(x: np.ndarray) -> np.ndarray:
        p = x.mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - p, p / 2, p / 2], axis=1)

    seen = []
    v = predictions.predict_all(predict, films, 96, lambda done, total: seen.append((done, total)))
    assert set(v.probabilities) == {"plain", *stress_suite()}
    assert seen[-1] == (len(v.probabilities), len(v.probabilities))
    assert v.p_positive("brightness-up").mean() > v.p_positive().mean()
    baseline = statistics_baseline(films, draws=20)
    assert 0 <= baseline["positive"]["value"] <= 1
