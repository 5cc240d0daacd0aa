from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pneumoscope.decision import explain
from pneumoscope.decision.explain import CHECKED, FAST, HeatmapLimits, Subject
from pneumoscope.decision.reader_settings import EXPLAIN
from pneumoscope.decision.rules import Labels
from pneumoscope.decision.verdict_maps import maps_of
from pneumoscope.errors import UsageError

SIZE, CELLS = 64, 8
SPOT = slice(16, 24), slice(40, 48)  # pixels of the cell (2, 5)


def film() -> np.ndarray:
    """Grey with a bright spot, that fills the cell (2, 5)."""
    pixels = np.full((SIZE, SIZE), 80, np.uint8)
    pixels[SPOT] = 220
    return pixels


def heat_at(row: int, column: int) -> np.ndarray:
    heat = np.zeros((CELLS, CELLS))
    heat[row, column] = 1
    return heat


def subject(heatmap: np.ndarray, label: int = 1, negative: int | None = 0) -> Subject:
    return Subject(film(), heatmap, label, negative, "PNEUMONIA")


def limits(mode: str, limit: float) -> HeatmapLimits:
    return HeatmapLimits(positive={mode: limit}, negative={})


def spotted(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log odds of pneumonia: (mean of the brightest cell - 150) / 35; its heat is where that is."""
    cells = x[..., 0].reshape(-1, CELLS, 8, CELLS, 8).mean(axis=(2, 4))
    odds = np.exp((cells.max(axis=(1, 2)) - 150) / 35)
    p = odds / (1 + odds)
    heat = np.maximum(cells - 85, 0)
    return np.stack([1 - p, p], axis=1), np.stack([heat * 0, heat], axis=1)


def constant(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Says 0.7 of any film, with its heat at one place."""
    heat = np.tile(heat_at(2, 5), (len(x), 2, 1, 1))
    return np.tile([0.3, 0.7], (len(x), 1)), heat


def forbidden(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    raise AssertionError("fast runs nothing")


def test_covering_what_drives_the_network_changes_its_odds() -> None:
    p, maps = spotted(film()[None, ..., None])
    assert p[0, 1] == pytest.approx(1 / (1 + np.exp(-2)))
    right = explain.dependence(subject(maps[0, 1]), p[0], spotted)
    # The cover of one cell is a tent, 0.56 to 0.94 along either side, in the mean 0.75: of the
    # 140 grey levels above the rest 0.75^2 go; what fills it is 80.
    assert right["odds_hot"] == pytest.approx(np.exp(0.75**2 * 140 / 35), rel=0.01)
    assert right["odds_cold"] == pytest.approx(1.0, abs=0.1)  # the edge of a neighbour reaches in
    assert right["depends"] > 0.98
    wrong = explain.dependence(subject(heat_at(6, 1)), p[0], spotted)
    assert wrong["odds_hot"] == pytest.approx(1.0)
    assert wrong["depends"] <= 0.5


def test_a_network_that_does_not_look_depends_on_nothing() -> None:
    p, maps = constant(film()[None, ..., None])
    checks = explain.dependence(subject(maps[0, 1]), p[0], constant)
    assert checks == pytest.approx({"depends": 0.5, "odds_hot": 1.0, "odds_cold": 1.0})


def test_maps_that_follow_the_film_are_steady() -> None:
    _, maps = spotted(film()[None, ..., None])
    follows = explain.steadiness(subject(maps[0, 1]), spotted)

    def jumping(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, _ = constant(x)
        return p, np.tile(heat_at(6, 1), (len(x), 2, 1, 1))

    assert follows > 0.85
    assert explain.steadiness(subject(heat_at(2, 5)), jumping) == 0.0


def test_heat_in_the_air_is_outside_the_body() -> None:
    x = np.full((SIZE, SIZE), 5, np.uint8)
    x[8:, 16:48] = 120
    x[24:40, 24:40] = 10  # dark lungs behind the chest wall
    inside = explain.quick_checks(Subject(x, heat_at(4, 4), 1, 0, "PNEUMONIA"))
    outside = explain.quick_checks(Subject(x, heat_at(4, 0), 1, 0, "PNEUMONIA"))
    assert inside["inside"] > 0.95
    assert outside["inside"] < 0.05
    assert inside["focus"] == outside["focus"] == pytest.approx(1 - 2 / 64)


def with_lungs(heatmap: np.ndarray, field: np.ndarray) -> Subject:
    return replace(subject(heatmap), lungs=field)


def test_heat_beside_the_lungs_is_outside_where_the_lungs_are_known() -> None:
    field = np.zeros((CELLS, CELLS))
    field[:, :4] = 1
    half = np.zeros((CELLS, CELLS))
    half[:, [1, 6]] = [3, 1]  # far enough from the edge, three quarters on the lungs
    assert explain.quick_checks(with_lungs(half, field))["inside"] == pytest.approx(0.75)
    noise = np.random.default_rng(0).integers(80, 160, (SIZE, SIZE)).astype(np.uint8)
    on_body = Subject(noise, half, 1, 0, "PNEUMONIA")  # a film without air or a frame
    assert explain.quick_checks(on_body)["inside"] == pytest.approx(1.0)


def test_the_sentence_names_the_lungs_where_they_are_known() -> None:
    field = np.zeros((CELLS, CELLS))
    field[:, :4] = 1
    half = np.zeros((CELLS, CELLS))
    half[:, [1, 6]] = [3, 1]
    p = np.array([0.1, 0.9])
    shown = explain.explain(with_lungs(half, field), FAST, limits(FAST, 0.1), p, forbidden)
    assert shown.sentence.startswith("75 % of the heat lies on the lungs; ")
    nowhere = explain.explain(with_lungs(half, field * 0), FAST, limits(FAST, 0.1), p, forbidden)
    assert (nowhere.reliable, nowhere.score) == (False, 0.0)
    assert "much of the heat lies outside the lungs; 0 % of the heat lies on" in nowhere.sentence


def test_a_map_that_marks_everything_marks_nothing() -> None:
    assert explain.quick_checks(subject(np.ones((CELLS, CELLS))))["focus"] == pytest.approx(0)
    assert explain.score_of({"inside": 1.0, "focus": 0.0}) == 0


def test_score_by_hand() -> None:
    assert explain.score_of({"inside": 0.9, "focus": 0.4}) == pytest.approx(0.6)
    four = {"inside": 1.0, "focus": 0.5, "steady": 0.5, "depends": 0.25, "odds_hot": 7.0}
    assert explain.score_of(four) == pytest.approx(0.5)


def test_the_hot_region_holds_half_of_the_heat() -> None:
    heat = np.zeros((4, 4))
    heat[0] = [4, 3, 2, 1]
    np.testing.assert_array_equal(explain.hot_region(heat)[0], [1, 1, 0, 0])
    assert explain.hot_region(np.ones((4, 4))).sum() == 4  # a quarter at most
    assert explain.hot_region(np.ones((1, 1))).sum() == 1


@pytest.mark.parametrize(
    ("label", "negative", "expected"), [(0, 0, 0.2), (1, 0, 0.8), (2, 0, 0.8), (2, None, 0.3)]
)
def test_the_odds_are_those_of_the_verdict(
    label: int, negative: int | None, expected: float
) -> None:
    log_odds = subject(heat_at(0, 0), label, negative).log_odds(np.array([[0.2, 0.5, 0.3]]))
    assert log_odds == pytest.approx([np.log(expected / (1 - expected))])


def test_fast_runs_nothing_and_says_what_it_does_not_know() -> None:
    explanation = explain.explain(
        subject(heat_at(2, 5)), FAST, None, np.array([0.1, 0.9]), forbidden
    )
    assert set(explanation.checks) == {"inside", "focus"}
    assert (explanation.reliable, explanation.limit, explanation.mode) == (True, None, "fast")
    assert "was not tested" in explanation.sentence
    assert "never set on films" in explanation.sentence


def test_a_map_is_compared_with_the_limit_of_its_verdict() -> None:
    recorded = HeatmapLimits.recorded({"limits": {FAST: 0.9}, "negative": {"limits": {FAST: 0.7}}})
    assert recorded is not None
    heat = heat_at(2, 5)
    assert recorded.of(subject(heat, label=1), FAST) == 0.9
    assert recorded.of(subject(heat, label=0), FAST) == 0.7
    assert recorded.of(subject(heat, label=0), CHECKED) is None
    finding = subject(heat, label=0, negative=None)
    assert recorded.of(finding, FAST) == 0.9


def test_earlier_bundles_have_one_limit_for_all_maps() -> None:
    recorded = HeatmapLimits.recorded({"limits": {FAST: 0.4}})
    assert recorded is not None
    assert [recorded.of(subject(heat_at(2, 5), label), FAST) for label in (0, 1)] == [0.4, 0.4]
    assert HeatmapLimits.recorded(None) is None


@pytest.mark.parametrize(("heatmap", "reliable"), [(heat_at(2, 5), True), (heat_at(6, 1), False)])
def test_checked_shows_what_holds_and_hides_what_does_not(
    heatmap: np.ndarray, reliable: bool
) -> None:
    p, _ = spotted(film()[None, ..., None])
    explanation = explain.explain(subject(heatmap), CHECKED, limits(CHECKED, 0.6), p[0], spotted)
    assert explanation.reliable == reliable == (explanation.score >= 0.6)
    assert explanation.sentence.startswith("no reliable explanation") != reliable
    assert "odds of PNEUMONIA" in explanation.sentence


@pytest.mark.parametrize("mode", [FAST, CHECKED])
def test_a_blank_map_explains_nothing(mode: str) -> None:
    blank = np.zeros((CELLS, CELLS))
    explanation = explain.explain(subject(blank), mode, None, np.array([0.1, 0.9]), spotted)
    assert (explanation.reliable, explanation.score) == (False, 0.0)
    assert "blank" in explanation.sentence


@pytest.mark.parametrize("cells", [(1, 1), (2, 2), (4, 4), (7, 7), (14, 14)])
def test_maps_of_any_size(cells: tuple[int, int]) -> None:
    heat = np.random.default_rng(0).random(cells)

    def run(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return constant(x)[0], np.tile(heat, (len(x), 2, 1, 1))

    explanation = explain.explain(subject(heat), CHECKED, None, np.array([0.3, 0.7]), run)
    assert 0 <= explanation.score <= 1
    assert explanation.checks["depends"] == pytest.approx(0.5)


def test_a_mode_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="explain 'deep'") as error:
        EXPLAIN.check("deep")
    assert "none, fast, checked" in error.value.hint


def test_occlusion_finds_what_supports_and_what_speaks_against() -> None:
    def signed(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bright in the spot speaks for pneumonia, bright below it against."""
        cells = x[..., 0].reshape(-1, CELLS, 8, CELLS, 8).mean(axis=(2, 4))
        odds = np.exp((cells[:, 2, 5] - cells[:, 6, 1]) / 70)
        p = odds / (1 + odds)
        return np.stack([1 - p, p], axis=1), np.zeros((len(x), 2, CELLS, CELLS))

    both = film()
    both[48:56, 8:16] = 220
    steps: list[tuple[int, int]] = []
    progress: Callable[[int, int], None] = lambda i, n: steps.append((i, n))  # noqa: E731
    occluded = explain.occlusion(
        Subject(both, heat_at(0, 0), 1, 0, "PNEUMONIA"), np.array([0.5, 0.5]), signed, progress
    )
    assert (occluded.shape, occluded.dtype) == ((16, 16), np.float32)
    # Covered whole, the spot falls by 140 grey levels: two units of log odds, less what the edge leaves.
    assert 1.0 < occluded[4:6, 10:12].max() <= 2.01
    assert -2.01 <= occluded[12:14, 2:4].min() < -1.0
    assert np.abs(occluded[:3, :8]).max() < 0.05
    assert steps[-1] == (256, 256)


def test_checked_hides_a_map_on_which_nothing_depends() -> None:
    p, _ = constant(film()[None, ..., None])
    explanation = explain.explain(
        subject(heat_at(2, 5)), CHECKED, limits(CHECKED, 0.1), p[0], constant
    )
    assert explanation.checks["depends"] == pytest.approx(0.5)
    assert explanation.score > 0.1
    assert not explanation.reliable
    assert "does not depend on the marked region" in explanation.sentence


def test_the_map_of_the_positive_verdict_is_that_of_all_kinds() -> None:
    maps = np.stack([heat_at(7, 7), heat_at(1, 1), heat_at(2, 2)])
    p = np.array([0.2, 0.6, 0.2])
    labels = Labels(("normal", "bacterial", "viral"), "normal", "PNEUMONIA", ("bacterial", "viral"))
    by_gradient = explain.subject_of(film(), maps, p, "PNEUMONIA", labels)
    # log sum exp of the logits: each gradient by the kind's share of P(PNEUMONIA), 3 : 1.
    assert by_gradient.heatmap == pytest.approx(0.75 * maps[1] + 0.25 * maps[2])
    assert (by_gradient.name, by_gradient.label) == ("PNEUMONIA", 1)
    assert maps_of(maps[None], 1, by_gradient.weights)[0] == pytest.approx(by_gradient.heatmap)
    # A head that reads the lungs divides one map of evidence: the whole is the sum.
    by_evidence = explain.subject_of(film(), maps, p, "PNEUMONIA", labels, np.ones((8, 8)))
    assert by_evidence.heatmap == pytest.approx(maps[1] + maps[2])
    viral = explain.subject_of(film(), maps, p, "viral", labels)
    assert (viral.heatmap == maps[2]).all()
    assert (maps_of(maps[None], viral.label, viral.weights)[0] == maps[2]).all()
