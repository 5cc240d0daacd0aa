"""Figures of one question, of classes and of findings, by hand."""

from __future__ import annotations

import numpy as np
import pytest

for module in ("scipy", "sklearn"):
    pytest.importorskip(module)

from evaluated import evaluated_film, question, settings
from pneumoscope.evidence.evaluation.settings import CALIBRATION, CONFORMAL, DECISION, SUBGROUPS
from pneumoscope.evidence.evaluation.target_figures import (
    class_result,
    findings_result,
    target_result,
)
from pneumoscope.evidence.evaluation.target_results import TargetResult
from pneumoscope.evidence.evaluation.truth import UNKNOWN, Truth
from reported import outcomes_of
from tiny import findings_meta, scored_meta, tiny_meta

# Threshold 0.5. Ill: 0.9, 0.8 and 0.3; healthy: 0.7, 0.2, 0.1 and 0.4.
P = [0.9, 0.8, 0.3, 0.7, 0.2, 0.1, 0.4]
ILL = [True, True, True, False, False, False, False]


def measured(
    *sections: str, refused: int = 0, limits: bool = False, prevalences: tuple[float, ...] = ()
) -> TargetResult:
    """The seven films above, of which the first ones are refused."""
    share = np.array(P)
    rows = np.stack([1 - share, share, 0 * share], axis=1)
    meta = scored_meta() if limits else tiny_meta()
    return target_result(
        question(P, ILL),
        [evaluated_film(i) for i in range(len(P))],
        rows,
        outcomes_of(rows, meta, refused),
        meta,
        settings(sections=sections, prevalences=prevalences),
    )


def test_calls_of_seven_films_are_counted_on_fingers() -> None:
    result = measured()
    (point,) = result.points
    # Two of three ill films are found; one of four healthy ones is called ill.
    assert point.confusion.counts == ((3, 1), (1, 2))
    assert point.confusion.labels == ("normal", "PNEUMONIA")
    assert point.figures.sensitivity.value == pytest.approx(2 / 3)
    assert point.figures.specificity.value == pytest.approx(3 / 4)
    assert point.figures.ppv.value == pytest.approx(2 / 3)
    assert point.figures.npv.value == pytest.approx(3 / 4)
    assert point.figures.accuracy.value == pytest.approx(5 / 7)
    assert (result.films, result.patients, result.positives) == (7, 7, 3)
    # Of 12 pairs of an ill and a healthy film two are in the wrong order: 0.3 is below 0.7 and 0.4.
    assert result.ranking.roc_auc.value == pytest.approx(10 / 12)


def test_the_roc_curve_goes_through_the_operating_point() -> None:
    curve = measured().roc
    assert curve is not None
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    # Between 0 and two of four healthy films called ill, two of three ill ones are found.
    points = list(zip(curve.x, curve.y, strict=True))
    assert (0.0, pytest.approx(2 / 3)) in points
    assert (0.5, pytest.approx(2 / 3)) in points
    # The first threshold is above all scores, but a number: JSON knows no infinity.
    assert 0.9 < curve.thresholds[0] < 1
    assert sorted(curve.thresholds, reverse=True) == list(curve.thresholds)


def test_precision_and_recall_begin_with_the_surest_film() -> None:
    curve = measured().precision_recall
    assert curve is not None
    points = list(zip(curve.thresholds, curve.x, curve.y, strict=True))
    assert points[0] == (0.9, pytest.approx(1 / 3), 1.0)
    assert points[2] == (0.7, pytest.approx(2 / 3), pytest.approx(2 / 3))
    # Everything is called ill at the lowest score.
    assert points[-1] == (0.1, 1.0, pytest.approx(3 / 7))


def test_films_of_one_class_have_no_curve_but_their_rate() -> None:
    share = np.array([0.9, 0.2])
    rows = np.stack([1 - share, share, 0 * share], axis=1)
    meta = tiny_meta()
    result = target_result(
        question([0.9, 0.2], [True, True]), [evaluated_film(i) for i in range(2)], rows,
        outcomes_of(rows, meta), meta, settings(),
    )  # fmt: skip
    assert (result.roc, result.precision_recall) == (None, None)
    assert result.default.figures.sensitivity.value == 0.5
    assert result.default.figures.specificity.value is None
    assert result.ranking.roc_auc.note == "all films are of one class"


def test_refused_films_count_for_the_question_but_not_for_the_verdict() -> None:
    result = measured(refused=1)
    assert result.films == 7
    # Without the film at 0.9 one of two ill films is found.
    assert result.with_verdict.films == 6
    assert result.with_verdict.positives == 2
    assert result.with_verdict.figures is not None
    assert result.with_verdict.figures.sensitivity.value == 0.5
    assert result.default.figures.sensitivity.value == pytest.approx(2 / 3)


def test_undetermined_films_have_no_verdict() -> None:
    # NORMAL up to 0.2 and PNEUMONIA from 0.7 on: 0.3 and 0.4 are undetermined.
    result = measured(limits=True)
    assert (result.with_verdict.films, result.with_verdict.positives) == (5, 2)
    assert result.with_verdict.figures is not None
    assert result.with_verdict.figures.sensitivity.value == 1.0
    assert result.with_verdict.figures.specificity.value == pytest.approx(2 / 3)


def test_no_film_with_a_verdict_has_no_figures() -> None:
    result = measured(refused=7)
    assert (result.with_verdict.films, result.with_verdict.ranking) == (0, None)
    assert result.with_verdict.figures is None


def test_the_limits_that_ship_are_measured_on_films_that_the_gate_lets_pass() -> None:
    result = measured(CONFORMAL, limits=True, refused=1)
    assert result.conformal is not None
    shipped = result.conformal.shipped
    assert shipped is not None
    assert (shipped.error, shipped.films) == (0.05, 6)
    # Ill: 0.8 and 0.3 are covered? From 0.2 on PNEUMONIA is in the set; NORMAL up to 0.7.
    covered = {"normal": 4, "PNEUMONIA": 2}
    inside = {
        "normal": sum(1 - p >= shipped.limits[0] for p in (0.7, 0.2, 0.1, 0.4)),
        "PNEUMONIA": sum(p >= shipped.limits[1] for p in (0.8, 0.3)),
    }
    for name, number in covered.items():
        assert shipped.by_class[name].value == pytest.approx(inside[name] / number)


def test_a_bundle_without_limits_ships_none() -> None:
    result = measured(CONFORMAL)
    assert result.conformal is not None
    assert result.conformal.shipped is None
    assert result.conformal.recalibrated is not None
    assert measured(CONFORMAL, refused=7).conformal is None


def test_sections_that_were_not_asked_for_are_missing() -> None:
    bare = measured()
    assert (bare.calibration, bare.decision, bare.risk_coverage, bare.conformal) == (None,) * 4
    assert bare.subgroups == ()
    full = measured(CALIBRATION, DECISION, CONFORMAL, SUBGROUPS)
    assert None not in (full.calibration, full.decision, full.risk_coverage, full.conformal)
    # No film has a value in the column.
    assert [(g.column, g.films, g.positives) for g in full.subgroups] == [("place", 7, 3)]


def test_the_surest_calls_are_those_farthest_from_the_threshold() -> None:
    curve = measured(DECISION).risk_coverage
    assert curve is not None
    # By distance of the log odds from 0: 0.9 and 0.1, 0.8 and 0.2, then 0.7 and 0.3 (both wrong), 0.4.
    at = dict(zip(curve.coverages, curve.risks, strict=True))
    assert at[0.55].value == 0.0  # the first four of seven films
    assert at[0.85].value == pytest.approx(2 / 6)
    assert curve.full.value == pytest.approx(2 / 7)


def test_net_benefit_at_the_prevalence_of_the_films() -> None:
    curve = measured(DECISION).decision
    assert curve is not None
    at = dict(zip(curve.thresholds, zip(curve.model, curve.treat_all, strict=True), strict=True))
    # At 0.5: two hits, one false alarm; all: three hits, four false alarms.
    assert at[0.5][0].value == pytest.approx((2 - 1) / 7)
    assert at[0.5][1].value == pytest.approx((3 - 4) / 7)


def test_predictive_values_at_another_prevalence() -> None:
    (point,) = measured(prevalences=(0.1,)).points
    (at,) = point.at_prevalence
    # Sensitivity 2/3, specificity 3/4: of 1000 films 66.7 hits and 225 false alarms.
    assert at.ppv.value == pytest.approx((100 * 2 / 3) / (100 * 2 / 3 + 225))
    assert at.npv.value == pytest.approx(675 / (675 + 100 / 3))


CLASSES = np.array([0, 1, 2, 0, UNKNOWN])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.4, 0.3, 0.3], [0.9, 0.05, 0.05]]
)


def truth(classes: np.ndarray) -> Truth:
    return Truth((classes > 0).astype(float)[:, None], classes, {})


def test_a_film_whose_class_is_not_known_is_left_out() -> None:
    result = class_result(
        PROBABILITIES, truth(CLASSES), tiny_meta(), [str(i) for i in range(5)], settings()
    )
    assert result is not None
    assert result.films == 4
    # 0.5 is bacterial as labelled, 0.6 is viral but most probably bacterial.
    assert result.most_probable.confusion.counts == ((2, 0, 0), (0, 1, 0), (0, 1, 0))
    assert result.most_probable.accuracy.value == pytest.approx(3 / 4)


@pytest.mark.parametrize("classes", [[1, 1, 1, 1, 1], [UNKNOWN] * 5, [2, UNKNOWN, 2, 2, 2]])
def test_one_class_cannot_be_told_from_another(classes: list[int]) -> None:
    patients = [str(i) for i in range(5)]
    given = truth(np.array(classes))
    assert class_result(PROBABILITIES, given, tiny_meta(), patients, settings()) is None


def test_findings_have_no_classes_and_classes_no_findings() -> None:
    patients = [str(i) for i in range(4)]
    targets = np.array([[1, 0, np.nan], [0, 1, np.nan], [1, 0, np.nan], [0, 1, np.nan]])
    given = Truth(targets, None, {})
    p = np.array([[0.9, 0.9, 0.5], [0.1, 0.2, 0.5], [0.8, 0.1, 0.5], [0.3, 0.7, 0.5]])
    assert class_result(p, given, findings_meta(), patients, settings()) is None
    result = findings_result(p, given, findings_meta(), patients, settings())
    assert result is not None
    # Device is ranked perfectly; of Mass 0.9 and 0.1 against 0.2 and 0.7: two of four pairs.
    assert result.classes["Device"].roc_auc.value == 1.0
    assert result.classes["Mass"].roc_auc.value == pytest.approx(0.5)
    assert result.classes["Nodule"].roc_auc.value is None
    assert result.macro.roc_auc.value == pytest.approx(0.75)
    assert result.macro.roc_auc.note.startswith("mean over 2 of 3, without Nodule")
    assert findings_result(p, given, tiny_meta(), patients, settings()) is None
