"""Films of a site are judged by fits that they had no part in."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from pneumoscope.decision.calibration import Calibration
from pneumoscope.evidence.site import fit
from pneumoscope.records import OperatingPoint

RNG = np.random.default_rng(11)
N = 80
POSITIVE = np.arange(N) % 2 == 0
ODDS = np.where(POSITIVE, 1.0, -1.0) + RNG.normal(0, 1.2, N)
P_ILL = 1 / (1 + np.exp(-ODDS))
P = np.stack([1 - P_ILL, 0.7 * P_ILL, 0.3 * P_ILL], axis=1)
PATIENTS = [str(i // 2) for i in range(N)]  # an ill and a healthy film each


def at_half(rows: np.ndarray, p: np.ndarray) -> list[OperatingPoint]:
    return [OperatingPoint("balanced", 0.5, "by hand")]


def crossed(positive: np.ndarray = POSITIVE, patients: list[str] = PATIENTS) -> fit.CrossFit:
    return fit.cross_fit(P, 0, positive, patients, at_half)


def test_the_labels_of_a_patient_do_not_change_the_patients_own_probabilities() -> None:
    # Patient 7 has films 14 and 15; with exchanged labels each class keeps its patients.
    changed = POSITIVE.copy()
    changed[14], changed[15] = changed[15], changed[14]
    before, after = crossed(), crossed(changed)
    assert after.p[14:16] == pytest.approx(before.p[14:16])
    part = fit.parts_of(POSITIVE, PATIENTS)
    others = part != part[14]
    assert not np.isclose(after.p[others], before.p[others], atol=1e-12).any()


def test_each_film_has_the_probability_of_the_fit_without_its_part() -> None:
    result = crossed()
    part = fit.parts_of(POSITIVE, PATIENTS)
    for k in (0, part.max()):
        rest, held_out = np.flatnonzero(part != k), np.flatnonzero(part == k)
        calibration = fit.fit(ODDS[rest], POSITIVE[rest], [PATIENTS[i] for i in rest])
        odds = calibration.scale[0] * ODDS[held_out] + calibration.offset[0]
        assert result.p[held_out] == pytest.approx(1 / (1 + np.exp(-odds)))


def test_calls_are_made_on_the_probabilities_of_the_site() -> None:
    result = crossed()
    assert list(result.called) == ["balanced"]
    assert (result.called["balanced"] == (result.p >= 0.5)).all()


def test_thresholds_are_chosen_without_the_film() -> None:
    rows_seen: list[np.ndarray] = []

    def choose(rows: np.ndarray, p: np.ndarray) -> list[OperatingPoint]:
        assert len(rows) == len(p)
        rows_seen.append(rows)
        return at_half(rows, p)

    fit.cross_fit(P, 0, POSITIVE, PATIENTS, choose)
    part = fit.parts_of(POSITIVE, PATIENTS)
    left_out = [set(range(N)) - set(rows.tolist()) for rows in rows_seen]
    assert left_out == [set(np.flatnonzero(part == k).tolist()) for k in range(part.max() + 1)]


def test_few_films_keep_both_classes_in_every_set() -> None:
    # At 5 % 19 films of a class are needed; nine tenths of 16 are fewer.
    few = np.arange(32)
    result = fit.cross_fit(P[few], 0, POSITIVE[few], [PATIENTS[i] for i in few], at_half)
    assert result.holds.all()
    assert not crossed().holds.all()


def test_sets_of_the_site_hold_the_class_as_often_as_promised() -> None:
    rng = np.random.default_rng(1)
    positive = np.arange(600) % 2 == 0
    odds = np.where(positive, 1.0, -1.0) + rng.normal(0, 1.0, 600)
    ill = 1 / (1 + np.exp(-odds))
    patients = [str(i) for i in range(600)]
    result = fit.cross_fit(
        np.stack([1 - ill, ill], axis=1), 0, positive, patients, at_half, error=0.1
    )
    held = np.where(positive, result.holds[:, 1], result.holds[:, 0])
    # Binomial error of 300 films: 0.017; three of them.
    assert held[positive].mean() == pytest.approx(0.9, abs=0.052)
    assert held[~positive].mean() == pytest.approx(0.9, abs=0.052)


@pytest.mark.parametrize(("ill", "well", "parts"), [(3, 50, 3), (50, 4, 4), (30, 30, 10)])
def test_there_are_as_many_parts_as_the_rarer_class_has_patients(
    ill: int, well: int, parts: int
) -> None:
    positive = np.arange(ill + well) < ill
    part = fit.parts_of(positive, [str(i) for i in range(ill + well)])
    assert part.max() + 1 == parts
    for k in range(parts):
        assert positive[part == k].any()
        assert not positive[part == k].all()


def test_the_same_seed_gives_the_same_parts() -> None:
    first, again, other = (fit.parts_of(POSITIVE, PATIENTS, seed) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_rules_of_points_say_whose_films_they_were_chosen_on() -> None:
    points = fit.own_points(POSITIVE)(np.arange(N), P_ILL)
    assert points
    assert all(point.rule.endswith(" on the site's films") for point in points)
    assert not any("validation" in point.rule for point in points)


def test_kinds_are_scored_by_their_share_of_the_films_that_have_them() -> None:
    p = np.array([[0.5, 0.4, 0.1], [0.2, 0.2, 0.6], [0.9, 0.1, 0.0]])
    scores = fit.kind_scores(p, np.array([1, 2, 0]), ("normal", "bacterial", "viral"), 0)
    assert scores.questions == {}
    assert scores.kinds == {
        "bacterial": pytest.approx((0.8,), abs=1e-5), "viral": pytest.approx((0.75,), abs=1e-5),
    }  # fmt: skip
    assert fit.kind_scores(p[:, :2], np.array([0, 1, 0]), ("normal", "ill"), 0).kinds == {}


def test_a_calibration_of_rows_is_that_of_those_films_alone() -> None:
    rows = np.arange(0, N, 3)
    chosen = fit.fit_rows(P, 0, POSITIVE, PATIENTS, rows)
    alone = fit.fit(ODDS[rows], POSITIVE[rows], [PATIENTS[i] for i in rows])
    assert isinstance(chosen, Calibration)
    assert chosen.scale == pytest.approx(alone.scale)
    assert chosen.offset == pytest.approx(alone.offset)
    assert chosen.prevalence == POSITIVE[rows].mean()
