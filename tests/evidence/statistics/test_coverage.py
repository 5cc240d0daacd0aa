from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from pneumoscope.decision.conformal import Limits, Scores, Sides
from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.coverage import recalibrated_coverage, set_coverage, sets_of
from pneumoscope.evidence.statistics.intervals import Bootstrap

LABELS = ("NORMAL", "PNEUMONIA")


def films(number: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.arange(number) % 2
    ill = np.clip(rng.normal(0.3 + 0.4 * truth, spread), 0, 1)
    return truth, np.stack([1 - ill, ill], axis=1)


def test_each_class_is_covered_on_other_patients() -> None:
    truth, p = films(2000, 0.25)
    boot = Bootstrap.of([str(k // 2) for k in range(2000)], draws=2)
    coverage = recalibrated_coverage(truth == 1, p[:, 1], LABELS, boot, error=0.1)
    for share in coverage.by_class.values():
        # 500 films measured 20 times; the halves overlap, so allow for one study's 2 %.
        assert share.mean == pytest.approx(0.9, abs=0.03)
        assert share.lowest is not None
        assert share.highest is not None
        assert share.lowest < share.mean < share.highest
    total = coverage.undetermined.mean + coverage.empty.mean + coverage.single.mean
    assert total == pytest.approx(1.0)
    assert coverage.undetermined.mean > 0.02
    assert coverage.splits == 20


def test_patients_are_never_on_both_sides() -> None:
    # Every patient's films are copies with one probability; if calibration had seen them, each
    # would be in its set. 40 patients with 50 films each are 40 films' worth.
    truth, p = films(40, 0.25)
    boot = Bootstrap.of([str(k) for k in np.repeat(np.arange(40), 50)], draws=2)
    coverage = recalibrated_coverage(
        np.repeat(truth, 50) == 1, np.repeat(p[:, 1], 50), LABELS, boot, 0.2
    )
    lowest = [share.lowest for share in coverage.by_class.values()]
    # Split by film, all splits would cover 0.8 to within 0.03 or so.
    assert min(lowest) < 0.72


def test_sure_models_need_no_second_class() -> None:
    truth, p = films(400, 0.02)
    boot = Bootstrap.of([str(k) for k in range(400)], draws=2)
    coverage = recalibrated_coverage(truth == 1, p[:, 1], LABELS, boot, error=0.05)
    assert coverage.undetermined.mean == 0.0
    assert coverage.error_of_single.mean == 0.0
    assert coverage.empty.mean == pytest.approx(0.05, abs=0.03)


def test_few_films_and_missing_classes_are_named() -> None:
    truth, p = films(20, 0.25)
    boot = Bootstrap.of([str(k) for k in range(20)], draws=2)
    coverage = recalibrated_coverage(truth == 1, p[:, 1], LABELS, boot, error=0.05)
    assert (
        coverage.by_class["NORMAL"].note == "10 films are too few to leave the class out of a set"
    )
    assert coverage.limits == (0.0, 0.0)
    assert coverage.undetermined.mean == 1.0
    assert coverage.error_of_single.note == "no film has just one class in its set"
    one_class = recalibrated_coverage(np.zeros(20, bool), p[:, 1], LABELS, boot, error=0.05)
    assert one_class.by_class["PNEUMONIA"].mean is None
    assert one_class.by_class["PNEUMONIA"].note == "no film of class PNEUMONIA"
    one_patient = Bootstrap.of(["a"] * 20, draws=2)
    with pytest.raises(UsageError, match="two patients"):
        recalibrated_coverage(truth == 1, p[:, 1], LABELS, one_patient)


def test_coverage_with_given_limits_by_hand() -> None:
    # In the set: NORMAL up to P 0.4, PNEUMONIA from P 0.3 on.
    limits = Limits(0.1, {"PNEUMONIA": (0.6, 0.3)}, {})
    p = np.array([0.1, 0.35, 0.5, 0.9, 0.2, 0.35, 0.8, 0.9])
    positive = np.arange(8) >= 4
    boot = Bootstrap.of([str(k) for k in range(8)], draws=100)
    coverage = set_coverage(positive, p, limits, "PNEUMONIA", LABELS, boot)
    assert sets_of(limits, "PNEUMONIA", p[:4]).tolist() == [
        [True, False], [True, True], [False, True], [False, True],
    ]  # fmt: skip
    assert (coverage.error, coverage.limits, coverage.films) == (0.1, (0.6, 0.3), 8)
    # NORMAL: 0.1 and 0.35 are covered; PNEUMONIA: all but 0.2.
    assert coverage.by_class["NORMAL"].value == pytest.approx(2 / 4)
    assert coverage.by_class["PNEUMONIA"].value == pytest.approx(3 / 4)
    assert coverage.undetermined.value == pytest.approx(2 / 8)
    assert coverage.empty.value == 0.0
    assert coverage.single.value == pytest.approx(6 / 8)
    # Of the six, 0.5 and 0.9 are normal films with PNEUMONIA, 0.2 an ill one with NORMAL.
    assert coverage.error_of_single.value == pytest.approx(3 / 6)


def test_recalibration_finds_the_limits_of_the_product() -> None:
    truth, p = films(400, 0.25)
    boot = Bootstrap.of([str(k) for k in range(400)], draws=2)
    recalibrated = recalibrated_coverage(truth == 1, p[:, 1], LABELS, boot, error=0.1)
    limits = Scores({"P": Sides.of(p[:, 1], truth == 1)}).at(0.1)
    assert recalibrated.limits == limits.questions["P"]
