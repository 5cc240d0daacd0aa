"""What the card says of the gate and of the scores of heatmaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pneumoscope.bundle import open_bundle
from pneumoscope.render.card.safety import explanation_section, gate_section
from tiny import tiny_meta

MEASURED: dict[str, Any] = {
    "plain": {"films": 200, "refused": 0.015},
    "changed": {
        "inverted": {"refused": 0.99, "recognised": 0.97},
        "rotated-90": {"recognised": 0.5},
    },
    "stress": {"blur": 0.01, "jpeg": 0.05},
    "learned": {"photograph": 40, "text page": 3},
    "augmented": 0.02,
}


def figure(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


def test_a_bundle_without_a_gate_says_what_that_means() -> None:
    text = gate_section(tiny_meta())
    assert "none of its own" in text
    assert "a\ncat" in text


def test_shares_of_the_gate() -> None:
    text = gate_section(tiny_meta(gate={"limits": {}, "measured": MEASURED}))
    assert "Of 200 validation films as they are it refuses 1.5%" in text
    assert "3.0% on average, at worst 5.0% (jpeg); augmented 2.0%" in text
    assert "| inverted | 99.0% | 97.0% |" in text
    assert "| rotated 90 | a note only | 50.0% |" in text
    assert "It learned from: photograph 40, text page 3." in text


def test_without_a_record_every_heatmap_is_shown() -> None:
    assert "Always." in explanation_section(tiny_meta())


def explained(more: Mapping[str, Any] = {}, **changes: Any) -> str:
    mode = {"misplaced": figure(0.8), "mirrored": figure(0.7), "hidden_mirrored": 0.25}
    record = {
        "limits": {"fast": 0.4},
        "rule": "the fifth percentile",
        "modes": {"fast": mode | changes, "checked": mode | {"hidden_mirrored": None}},
    }
    return explanation_section(tiny_meta(explanation=record | more))


def test_what_a_score_is_worth() -> None:
    text = explained()
    row = "| any verdict | fast | 0.400 | 0.800 [0.700, 0.900] | 0.700 [0.600, 0.800] | 25% |"
    assert row in text
    assert "| any verdict | checked | none |" in text


def test_each_verdict_has_its_limits() -> None:
    mode = {"misplaced": None, "mirrored": figure(0.9), "hidden_mirrored": 0.5}
    text = explained({"negative": {"limits": {"fast": 0.2}, "modes": {"fast": mode}}})
    assert "| PNEUMONIA | fast | 0.400 |" in text
    assert "| NORMAL | fast | 0.200 | not measurable | 0.900 [0.800, 1.000] | 50% |" in text


def test_what_could_not_be_measured_says_so() -> None:
    assert "| fast | 0.400 | not measurable | 0.700" in explained(misplaced=None)
    assert "| no limit |" in explained(hidden_mirrored=None)


@pytest.mark.parametrize("section", [gate_section, explanation_section])
def test_the_shipped_bundle_has_both(section: Any) -> None:
    text = section(open_bundle().meta)
    assert text.startswith("## ")
    assert "nan" not in text.lower().split()
    assert "|---|" in text
