"""Sentences about a prediction that the page takes as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.bundle import Bundle
from pneumoscope.decision.decide import gated
from pneumoscope.records import Explanation, GateReason, GateReport, Prediction, Settings
from pneumoscope.render import wording
from pneumoscope.runtime import load

REASON = GateReason("inverted", "refuse", "black and white are exchanged", "Invert the film.")


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of one grey level, 204: P(pneumonia) = 0.938 for the tiny network."""
    path = tmp_path_factory.mktemp("wording") / "bright.png"
    Image.fromarray(np.full((240, 260), 204, np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def prediction(tiny_bundle: Bundle, bright: Path) -> Prediction:
    return load(tiny_bundle).predict(bright)


def refused(p: Prediction, *, force: bool) -> Prediction:
    """The same film with a reason of the gate against it."""
    gate = GateReport("refuse", (REASON,), {})
    label, forced = gated(p.label, gate, force=force)
    return replace(p, label=label, forced=forced, gate=gate)


def test_a_verdict_in_one_line(prediction: Prediction) -> None:
    words = wording.sentences(prediction)
    assert words["short"] == "PNEUMONIA · 0.938"
    assert words["summary"] == "PNEUMONIA, probability of pneumonia 0.938."
    assert words["subject"] == "pneumonia"
    assert words["refused"] == words["forced"] == words["prevalence"] == ""


def test_a_refused_film_has_a_reason_and_no_figure(prediction: Prediction) -> None:
    words = wording.sentences(refused(prediction, force=False))
    assert words["short"] == "REFUSED"
    assert words["summary"] == "REFUSED, no verdict. Black and white are exchanged."
    assert words["refused"] == "No verdict: this film cannot be judged."
    assert words["no_heatmap"] == "No heatmap: the film was refused"
    assert words["forced"] == words["probability"] == words["prevalence"] == ""
    assert "0.9" not in str(words)


def test_a_forced_verdict_says_so(prediction: Prediction) -> None:
    words = wording.sentences(refused(prediction, force=True))
    assert words["forced"] == "The gate refuses this film; the verdict was forced."
    assert words["short"] == "PNEUMONIA · 0.938"
    assert words["refused"] == ""


def test_another_prevalence_comes_with_the_unadjusted_figure(
    tiny_bundle: Bundle, bright: Path
) -> None:
    # Odds of 0.938: 15.1; a quarter of them at a prevalence of 0.2 after one of 0.5: 0.790.
    p = load(tiny_bundle, settings=Settings(prevalence=0.2)).predict(bright)
    words = wording.sentences(p)
    assert words["prevalence"] == "At a prevalence of 20 %. Unadjusted: 0.938."
    assert words["short"] == "PNEUMONIA · 0.790"


def test_why_there_is_no_heatmap(prediction: Prediction) -> None:
    explanation = prediction.explanation
    assert isinstance(explanation, Explanation)
    shown = replace(prediction, explanation=replace(explanation, reliable=True))
    hidden = replace(prediction, explanation=replace(explanation, reliable=False))
    assert wording.no_heatmap(shown) == ""
    assert wording.no_heatmap(hidden) == "No reliable explanation"
    assert wording.no_heatmap(replace(prediction, explanation=None)) == "No heatmap was asked for"


def test_findings_have_a_line_each(findings_bundle: Bundle, bright: Path) -> None:
    p = load(findings_bundle).predict(bright)
    first, *rest = p.findings
    unclear = replace(p, findings=(replace(first, undetermined=True), *rest))
    lines = wording.findings(unclear)
    assert lines[0] == f"{first.probability:.3f}, not clear"
    assert lines[1].startswith(f"{rest[0].probability:.3f}, from 0.")
    assert wording.subject(p) == first.name
