from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from command_line import run
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.profile import read_profile
from pneumoscope.evidence.site import points
from pneumoscope.evidence.statistics.calls import threshold_samples
from pneumoscope.evidence.statistics.intervals import Bootstrap, figure_of
from pneumoscope.records import OperatingPoint
from tiny import tiny_files, tiny_meta


def test_thresholds_that_keep_what_the_old_ones_did() -> None:
    positive = np.array([True] * 5 + [False] * 5)
    p = np.array([0.9, 0.8, 0.6, 0.4, 0.2, 0.7, 0.5, 0.3, 0.1, 0.05])
    called = np.array([1, 1, 1, 0, 0, 1, 0, 0, 0, 0], bool)  # 3 of 5 hits, 1 of 5 false
    keep = points.matching
    assert keep(positive, p, called, "sensitivity") == 0.6
    assert keep(positive, p, called, "specificity") == pytest.approx(0.5)
    assert keep(positive, p, called, "specificity") > 0.5
    # Only at 0.6 neither side loses: 3 hits, 1 false.
    assert keep(positive, p, called, "both") == 0.6
    assert keep(positive, p, np.zeros(10, bool), "sensitivity") == 0.999
    assert keep(positive, p, np.ones(10, bool), "specificity") == pytest.approx(0.001)


def test_the_rule_of_a_point_says_what_it_keeps() -> None:
    rules = ("sensitivity >= 0.97 on", "specificity >= 0.95", "best balanced accuracy", "by hand")
    kept = [points.kept_by(OperatingPoint("a", 0.5, rule)) for rule in rules]
    assert kept == ["sensitivity", "specificity", "both", "both"]
    carried = OperatingPoint("a", 0.5, "keeps the sensitivity of tiny 1 at screen")
    assert points.kept_by(carried) == "sensitivity"


@pytest.mark.slow
def test_points_of_an_older_bundle_are_carried_over(
    data: Path, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    parts = tiny_files(tmp_path / "parts")
    newer = write_bundle(tmp_path / "newer", tiny_meta(version="2"), parts)
    out, first = tmp_path / "site.json", tmp_path / "first.json"
    arguments = ("calibrate", data, "--bundle", newer.path, "--from", tiny_bundle.path)
    done = run(*arguments, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    balanced, screen = json.loads(done.stdout)["carried"]
    assert (balanced["old_threshold"], screen["old_threshold"]) == (0.5, 0.1)
    # Both bundles are one network: what changes is where thresholds of other patients fall.
    assert balanced["changed"]["value"] <= 0.1
    assert abs(balanced["sensitivity_change"]["value"]) <= 0.1
    profile = read_profile(out)
    assert [at.point.name for at in profile.points] == ["balanced", "screen"]
    assert "tiny 1 at balanced" in profile.points[0].point.rule
    run("calibrate", data, "--bundle", tiny_bundle.path, "--out", first)
    done = run(*arguments, "--from-profile", first, "--out", out)
    assert done.returncode == 0, done.stderr
    assert len(read_profile(out).points) == 3
    assert "from the older bundle" in done.stdout
    done = run(*arguments, "--from-profile", out, "--out", out)
    assert (done.returncode, "made for the bundle tiny 2" in done.stderr) == (1, True)
    done = run("calibrate", data, "--bundle", newer.path, "--from", newer.path, "--out", out)
    assert (done.returncode, "--from" in done.stderr) == (1, True)


TIED = np.array([0.9, 0.5, 0.5, 0.5, 0.1, 0.5, 0.2, 0.5, 0.1, 0.3])


@pytest.mark.parametrize("keeps", ["sensitivity", "specificity", "both"])
@pytest.mark.parametrize("seed", range(6))
def test_a_carried_threshold_keeps_its_promise_with_ties(keeps: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    positive = np.arange(40) < 20
    p = np.round(np.clip(0.3 * positive + 0.7 * rng.random(40), 0.01, 0.99), 1)
    called = rng.random(40) < np.where(positive, 0.7, 0.2)
    hits, false = called[positive].sum(), called[~positive].sum()

    def counts(threshold: float) -> tuple[int, int]:
        now = p >= threshold
        return int(now[positive].sum()), int(now[~positive].sum())

    threshold = points.matching(positive, p, called, keeps)
    new_hits, new_false = counts(threshold)
    grid = np.unique(np.r_[p, p + 1e-9])
    if keeps == "sensitivity":
        assert new_hits >= hits
        assert all(counts(t)[0] < hits for t in grid if t > threshold)
    elif keeps == "specificity":
        assert new_false <= false
        assert all(counts(t)[1] > false for t in grid if t < threshold)
    else:
        best = max(min(h - hits, false - f) for h, f in map(counts, np.unique(p)))
        assert min(new_hits - hits, false - new_false) == best


def test_the_order_of_films_does_not_move_a_carried_threshold() -> None:
    positive = np.arange(10) < 5
    called = TIED >= 0.5
    turn = np.random.default_rng(0).permutation(10)
    for keeps in ("sensitivity", "specificity", "both"):
        assert points.matching(positive[turn], TIED[turn], called[turn], keeps) == (
            points.matching(positive, TIED, called, keeps)
        )


def test_calls_of_the_older_bundle_are_made_on_its_calibrated_probability() -> None:
    point = OperatingPoint("balanced", 0.5, "by hand")
    plain = points.Older("old 1", (point,))
    p = np.array([0.4, 0.6])
    assert points.older_calls(plain, p).called["balanced"].tolist() == [False, True]
    # Log odds of 0.4 are -0.41; with an offset of 1 they are above 0.
    moved = points.Older("old 1, ward", (point,), Calibration((1.0,), (1.0,)))
    assert points.older_calls(moved, p).called["balanced"].tolist() == [True, True]


def test_old_and_new_calls_are_compared_on_fingers() -> None:
    # Five ill and five healthy films; the old bundle finds 3 and is wrong on 1, the new one 4 and 2.
    positive = np.arange(10) < 5
    was = np.array([1, 1, 1, 0, 0, 1, 0, 0, 0, 0], bool)
    now = np.array([1, 1, 0, 1, 1, 1, 1, 0, 0, 0], bool)
    old = OperatingPoint("balanced", 0.5, "best balanced accuracy")
    new = OperatingPoint("balanced", 0.3, "as before")
    calls = points.OlderCalls((old,), {"balanced": was})
    boot = Bootstrap.of([str(i) for i in range(10)], draws=50)
    (carried,) = points.compared((new,), calls, {"balanced": now}, positive, boot)
    assert (carried.name, carried.keeps) == ("balanced", "both")
    assert (carried.old_threshold, carried.new_threshold) == (0.5, 0.3)
    assert carried.old_sensitivity.value == pytest.approx(3 / 5)
    assert carried.old_specificity.value == pytest.approx(4 / 5)
    assert carried.sensitivity_change.value == pytest.approx(1 / 5)
    assert carried.specificity_change.value == pytest.approx(-1 / 5)
    assert carried.changed.value == pytest.approx(4 / 10)


def test_points_name_the_bundle_whose_promise_they_keep() -> None:
    positive = np.arange(10) < 5
    rules = ("sensitivity >= 0.97 on validation films", "by hand")
    older = points.Older("old 1", tuple(OperatingPoint(r[:4], 0.5, r) for r in rules))
    calls = points.older_calls(older, TIED)
    first, second = points.carrying(calls, older, positive)(np.arange(10), TIED)
    assert first.rule == "keeps the sensitivity of old 1 at sens on the site's films"
    assert second.rule == "as sensitive and specific as old 1 at by h on the site's films"


def test_the_interval_of_a_change_rests_on_the_patients_of_its_class() -> None:
    """With the degrees of freedom of all patients it was too narrow where few are ill."""
    rng = np.random.default_rng(0)
    positive = np.arange(400) < 12
    was, now = rng.random((2, 400)) < np.where(positive, 0.6, 0.3)
    old = OperatingPoint("balanced", 0.5, "best balanced accuracy")
    calls = points.OlderCalls((old,), {"balanced": was})
    boot = Bootstrap.of([str(i) for i in range(400)])
    (carried,) = points.compared((old,), calls, {"balanced": now}, positive, boot)
    before, after = (threshold_samples(positive, c, boot)["sensitivity"] for c in (was, now))
    expected = figure_of(after - before, boot, "correlation", patients=12)
    assert carried.sensitivity_change == expected
    assert expected.low is not None
    wrong = figure_of(after - before, boot, "correlation")
    assert wrong.low is not None
    assert expected.low < wrong.low
