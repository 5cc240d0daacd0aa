"""The record of a bundle, and what it offers to decide by."""

from __future__ import annotations

import pytest

from pneumoscope.bundle.meta import GATE, Bundle
from pneumoscope.errors import UnknownOperatingPoint
from tiny import findings_meta, scored_meta, tiny_meta


def test_thresholds_by_name() -> None:
    meta = tiny_meta()
    assert meta.operating_point().name == "balanced"
    assert meta.operating_point("screen").threshold == 0.1
    assert [point.name for point in meta.points()] == ["balanced"]
    with pytest.raises(UnknownOperatingPoint) as error:
        meta.operating_point("rule-in")
    assert "balanced, screen" in error.value.hint


def test_findings_have_a_threshold_each() -> None:
    points = findings_meta().points("screen")
    assert [(point.finding, point.threshold) for point in points] == [
        ("Device", 0.6), ("Mass", 0.1), ("Nodule", 0.01),
    ]  # fmt: skip


def test_the_rules_hold_all_that_decides() -> None:
    meta = scored_meta(gate={"limits": {"distance": 1.5}, "measured": {}}, warnings=("Mind it.",))
    rules = meta.rules
    assert (rules.bundle, rules.labels.negative) == ("tiny", "normal")
    assert rules.labels.kinds == ("bacterial", "viral")
    assert rules.calibration is meta.calibration
    assert rules.conformal is meta.conformal
    assert rules.operating_points is meta.operating_points
    assert (rules.gate_limits, rules.warnings) == ({"distance": 1.5}, ("Mind it.",))
    # Of no site.
    assert (rules.site_calibration, rules.profile, rules.prevalence) == (None, None, None)
    assert tiny_meta().rules.gate_limits is None


def test_a_bundle_names_itself_and_its_files(tiny_bundle: Bundle) -> None:
    assert tiny_bundle.title == "tiny 1"
    assert tiny_bundle.model == tiny_bundle.path / "model.onnx"
    assert tiny_bundle.gate is None
    gated = tiny_meta(gate={"limits": {}, "measured": {}})
    assert Bundle(tiny_bundle.path, gated, "0" * 64).gate == tiny_bundle.path / GATE
