"""What `info` and the page say of a bundle."""

from __future__ import annotations

import json

import numpy as np

from pneumoscope import __version__
from pneumoscope.bundle import Bundle, open_bundle
from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.render import bundle_facts as module
from pneumoscope.render.bundle_facts import bundle_facts
from pneumoscope.runtime import load


def test_facts_of_the_tiny_bundle(tiny_bundle: Bundle) -> None:
    facts = bundle_facts(load(tiny_bundle))
    assert json.loads(json.dumps(facts))["labels"] == ["normal", "bacterial", "viral"]
    assert (facts["pneumoscope"], facts["bundle"]) == (__version__, "tiny 1")
    assert (facts["bundle_sha256"], facts["input_px"]) == (tiny_bundle.sha256, 32)
    assert [point["name"] for point in facts["operating_points"]] == ["balanced", "screen"]
    assert facts["default_operating_point"] == "balanced"
    assert facts["population"]["age_years"] == (1.0, 5.0)
    assert facts["smallest_error"] is None
    assert facts["undetermined"].startswith("never")
    assert facts["gate"].startswith("none of its own")


def test_nothing_of_the_machine_is_told(tiny_bundle: Bundle) -> None:
    text = json.dumps(bundle_facts(load(tiny_bundle)))
    assert str(tiny_bundle.path) not in text
    assert "/" not in text.replace("n/a", "")


def test_facts_of_the_shipped_bundle() -> None:
    facts = bundle_facts(load(open_bundle()))
    meta = open_bundle().meta
    assert facts["task"] == meta.task
    assert 0 < facts["smallest_error"] <= 0.05
    refused = meta.gate["measured"]["plain"]["refused"] if meta.gate else 0
    assert f"wrongly {100 * refused:.3g} %" in facts["gate"]


def test_which_prevalence_the_probabilities_have() -> None:
    assert "at a prevalence of 27 %" in module._probabilities(Calibration(prevalence=0.27))
    assert module._probabilities(Calibration()).endswith("--prevalence cannot be served")


def test_the_smallest_error_is_rounded_up() -> None:
    # 98 films on a side serve errors from 1 / 99 = 1.0101 %.
    side = tuple(np.linspace(0.1, 0.9, 98))
    text = module._undetermined(Scores({"PNEUMONIA": Sides(side, side)}))
    assert "at error 5 %, or at --error, of 1.1 % or more" in text
    assert text.endswith(" or more")


def test_what_sets_the_upper_limit_is_said() -> None:
    side = tuple(np.linspace(0.1, 0.9, 98))
    scores = Scores({"ABNORMAL": Sides(side, side)}, left_out={"nih": 0.004, "rsna": 0.001})
    text = module._undetermined(scores)
    assert "the upper limit also holds for healthy films of nih, rsna, as judged by" in text
