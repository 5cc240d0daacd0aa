from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from command_line import run
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.decision.profile import read_profile
from pneumoscope.evidence.site import points
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
