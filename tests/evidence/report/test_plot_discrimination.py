"""ROC, precision and recall, and scores as plots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

import drawings
from drawings import MISSING
from evaluated import evaluated_film, question, settings
from pneumoscope.evidence.evaluation import target_figures
from pneumoscope.evidence.evaluation.target_results import TargetResult
from pneumoscope.evidence.report.plots import discrimination
from reported import outcomes_of
from tiny import tiny_meta


def target(p: list[float], positive: list[bool]) -> TargetResult:
    """One film per patient, at the threshold 0.5."""
    share = np.array(p)
    rows = np.stack([1 - share, share, 0 * share], axis=1)
    films = [evaluated_film(i) for i in range(len(p))]
    meta = tiny_meta()
    return target_figures.target_result(
        question(p, positive), films, rows, outcomes_of(rows, meta), meta, settings()
    )


# Two ill films at 0.9 and 0.7, two healthy ones at 0.8 and 0.1.
FOUR = target([0.9, 0.8, 0.7, 0.1], [True, False, True, False])
RNG = np.random.default_rng(4)
ILL = RNG.random(60) < 0.4
MANY = target(
    np.clip(0.3 * ILL + RNG.random(60) * 0.7, 0, 1).round(2).tolist(), [bool(x) for x in ILL]
)


@pytest.mark.parametrize("drawn", [FOUR, MANY], ids=["four", "many"])
def test_the_area_under_the_drawn_roc_curve_is_the_auc(drawn: TargetResult) -> None:
    patients = [f"p{i}" for i in range(drawn.films)]
    whole, corner = drawings.axes_of(lambda: discrimination.roc("roc", drawn, patients))
    expected = roc_auc_score(drawn.positive, drawn.p)
    curve = drawings.line(whole, "ROC curve")
    assert drawings.area_under(curve) == pytest.approx(expected)
    assert drawings.points(drawings.line(corner, "ROC curve")) == drawings.points(curve)
    assert whole.get_title(loc="left").startswith(f"AUC {expected:.3f}")
    assert drawings.points(drawings.line(whole, "chance")) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("drawn", [FOUR, MANY], ids=["four", "many"])
def test_the_area_under_the_drawn_precision_is_the_average_precision(drawn: TargetResult) -> None:
    (axes,) = drawings.axes_of(lambda: discrimination.precision_recall("pr", drawn))
    expected = average_precision_score(drawn.positive, drawn.p)
    assert drawings.area_under(drawings.line(axes, "precision")) == pytest.approx(expected)
    assert axes.get_title(loc="left").startswith(f"Average precision {expected:.3f}")


def test_precision_of_four_films_by_hand() -> None:
    # Up to half of the ill films precision is 1; the second ill film comes with a healthy one.
    (axes,) = drawings.axes_of(lambda: discrimination.precision_recall("pr", FOUR))
    assert drawings.area_under(drawings.line(axes, "precision")) == pytest.approx(
        0.5 * 1 + 0.5 * 2 / 3
    )
    assert set(drawings.line(axes, "chance, 0.50").get_ydata()) == {0.5}


def test_operating_points_lie_on_the_roc_curve() -> None:
    # At 0.5: both ill films, and one of the four healthy ones.
    p, ill = [0.9, 0.8, 0.7, 0.1, 0.2, 0.3], [True, False, True, False, False, False]
    whole, corner = drawings.axes_of(
        lambda: discrimination.roc("roc", target(p, ill), list("abcdef"))
    )
    for axes in (whole, corner):
        marks = {item.get_label(): item.get_offsets().tolist() for item in axes.collections}
        assert marks["balanced"] == [[0.25, 1.0]]


def test_a_point_without_sensitivity_is_not_drawn() -> None:
    (point,) = FOUR.points
    bare = replace(
        FOUR, points=(replace(point, figures=replace(point.figures, sensitivity=MISSING)),)
    )
    whole, _ = drawings.axes_of(lambda: discrimination.roc("roc", bare, list("abcd")))
    assert "balanced" not in {item.get_label() for item in whole.collections}


def test_the_band_of_one_patient_per_class_is_the_curve_itself() -> None:
    # Every draw with both patients has the same curve: sensitivity 1 from the start.
    grid, low, high = discrimination.roc_band(
        np.array([True, False]), np.array([0.9, 0.1]), ["a", "b"], draws=50
    )
    assert len(grid) == 201
    assert low[1:].tolist() == high[1:].tolist() == [1.0] * 200


def test_copies_of_a_patients_film_do_not_narrow_the_band() -> None:
    rng = np.random.default_rng(0)
    positive = np.arange(20) < 10
    p = np.clip(0.2 * positive + rng.random(20), 0, 1)
    patients = [f"{i:02d}" for i in range(20)]
    _, low, high = discrimination.roc_band(positive, p, patients, draws=100)
    _, low_5, high_5 = discrimination.roc_band(
        np.repeat(positive, 5), np.repeat(p, 5), [key for key in patients for _ in range(5)], 100
    )
    assert low_5 == pytest.approx(low)
    assert high_5 == pytest.approx(high)
    assert (high - low).mean() > 0.1


def test_scores_are_counted_in_bins_of_their_class() -> None:
    positive = discrimination.Scores("PNEUMONIA", np.array([0.51, 0.52, 0.99]))
    negative = discrimination.Scores("normal", np.array([0.01, 0.51]))
    (axes,) = drawings.axes_of(
        lambda: discrimination.scores(
            "s", positive, negative, [("balanced", 0.5), ("screen", 0.1)], question="PNEUMONIA"
        )
    )
    assert axes.get_xlabel() == "P(PNEUMONIA)"
    heights = {}
    for outline in axes.patches:
        corners = outline.get_path().vertices
        # Height of the outline over the bin [0.5, 0.525).
        inside = corners[(corners[:, 0] >= 0.5 - 1e-9) & (corners[:, 0] <= 0.525 + 1e-9)]
        heights[outline.get_label()] = inside[:, 1].max()
    assert heights == {"PNEUMONIA (3)": 2, "normal (2)": 1}
    assert drawings.line(axes, "balanced, 0.500").get_xdata()[0] == 0.5
    assert drawings.line(axes, "screen, 0.100").get_xdata()[0] == 0.1


def test_the_threshold_of_a_rare_finding_is_not_printed_as_zero() -> None:
    scores = discrimination.Scores("Hernia", np.array([0.5]))
    (axes,) = drawings.axes_of(
        lambda: discrimination.scores("s", scores, scores, [("balanced", 2.5e-4)], question="H")
    )
    assert "balanced, 2.5e-04" in drawings.legend(axes)
