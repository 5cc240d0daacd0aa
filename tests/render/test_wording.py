"""Sentences about a prediction that the page takes as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.bundle import Bundle
from pneumoscope.decision.decide import gated
from pneumoscope.decision.ranges import Ranges
from pneumoscope.decision.sentences import capitalised
from pneumoscope.records import (
    Explanation,
    GateReason,
    GateReport,
    Prediction,
    Settings,
)
from pneumoscope.render import wording
from pneumoscope.runtime import load
from predictions import prediction as made
from predictions import with_findings, with_zones

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
    assert words["short"] == "PNEUMONIA (forced) · 0.938"
    assert words["summary"] == "PNEUMONIA (forced), probability of pneumonia 0.938."
    assert words["marks"] == ["forced"]
    assert words["refused"] == words["promise"] == words["zones"] == ""


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
    assert lines[0] == "0.802, not clear: absent below 0.050, present from 0.050"
    assert lines[1] == "0.917: absent below 0.500, present from 0.500"
    former = replace(p, findings=(replace(first, negative_below=None, positive_from=None),))
    assert wording.findings(former) == ["0.802: threshold 0.050"]
    assert wording.subject(p) == first.name


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.05, "5 %"), (0.005, "0.5 %"), (0.012345, "1.23 %"), (0.2, "20 %"), (1.0, "100 %"),
        (0.9996, "100 %"), (0.0001, "0.01 %"), (1e-7, "1e-05 %"), (1 / 3, "33.3 %"),
    ],
)  # fmt: skip
def test_shares_have_three_digits(share: float, text: str) -> None:
    assert wording.percent(share) == text


NOT_CLEAR = "not clear: "


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),  # PNEUMONIA is a verdict
        ({"label": "UNDETERMINED", "error": None}, ""),
        (
            {"label": "UNDETERMINED", "classes": ("NORMAL", "PNEUMONIA")},
            "films that are NORMAL and films that are PNEUMONIA both score so",
        ),
        (
            {"label": "UNDETERMINED", "classes": (), "error": 0.025},
            "fewer than 2.5 % of NORMAL films score so high, and fewer than 2.5 % of PNEUMONIA films so low",
        ),
        (
            {"label": "UNDETERMINED", "classes": ("NORMAL",)},
            "only NORMAL films score so, but it reaches the threshold balanced",
        ),
        (
            {"label": "UNDETERMINED", "classes": ("PNEUMONIA",), "called": "NORMAL"},
            "only PNEUMONIA films score so, but it stays below the threshold balanced",
        ),
    ],
)
def test_why_neither_class_is_named(changes: dict[str, object], words: str) -> None:
    expected = f"{NOT_CLEAR}{words}" if words else ""
    assert wording.why_undetermined(made(**changes)) == expected


def test_findings_that_are_not_clear_are_named() -> None:
    p = with_findings(label="UNDETERMINED")
    assert wording.why_undetermined(p) == "not clear either way: Nodule"


AT_BALANCED = " (operating point balanced, error 5 %)."
THREE = "NORMAL below 0.712, UNDETERMINED from 0.712, PNEUMONIA from 0.896"


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ((0.5, 0.5), "NORMAL below 0.500, PNEUMONIA from 0.500"),
        ((0.712, 0.896), THREE),
        ((0.712, None), "NORMAL below 0.712, UNDETERMINED from 0.712, never PNEUMONIA"),
        ((0.0, 0.896), "UNDETERMINED below 0.896, PNEUMONIA from 0.896, never NORMAL"),
        ((0.0, None), "Always UNDETERMINED"),
        ((2.5e-4, 2.5e-4), "NORMAL below 2.5e-04, PNEUMONIA from 2.5e-04"),
        # Different limits read differently, and only 1 reads 1.
        ((0.7121, 0.7124), "NORMAL below 0.7121, UNDETERMINED from 0.7121, PNEUMONIA from 0.7124"),
        ((0.7, 0.99996), "NORMAL below 0.70000, UNDETERMINED from 0.70000, PNEUMONIA from 0.99996"),
        ((0.7, 1.0), "NORMAL below 0.700, UNDETERMINED from 0.700, PNEUMONIA from 1.000"),
        ((0.7, 0.7 + 1e-16), "NORMAL below 0.7000000, PNEUMONIA from 0.7000000"),
    ],
)
def test_where_each_verdict_begins(ranges: tuple[float, float | None], words: str) -> None:
    below, start = ranges
    p = made(negative_below=below, positive_from=start)
    assert wording.call(p) == words + AT_BALANCED
    assert capitalised(wording.ranges(p)) == (words + AT_BALANCED).rstrip(".")


def test_without_sets_no_error_is_named() -> None:
    p = made(error=None)
    assert wording.call(p) == (
        "NORMAL below 0.500, PNEUMONIA from 0.500 (operating point balanced)."
    )


def test_where_the_verdicts_of_several_findings_begin() -> None:
    assert wording.call(with_findings()) == (
        "ABNORMAL if a finding is present, UNDETERMINED if none is present but one is not clear, "
        "NORMAL if all are absent" + AT_BALANCED
    )
    assert wording.findings(with_findings()) == [
        "0.900: absent below 0.500, present from 0.500",
        "0.060, not clear: absent below 0.050, not clear from 0.050, present from 0.090",
        "0.100: absent below 0.600, present from 0.600",
    ]
    assert wording.scale(with_findings()) == (0.9, Ranges(0.5, 0.5))


def test_outside_the_population_no_verdict_begins_anywhere() -> None:
    outside = GateReport("note", (GateReason("outside-population", "note", "it is", ""),), {})
    p = made(label="UNDETERMINED", gate=outside)
    assert wording.call(p) == f"Always UNDETERMINED outside the population{AT_BALANCED}"
    assert wording.scale(p) == (0.8, None)
    # The line below a table holds for the other films, too.
    assert wording.ranges(p).startswith("NORMAL below 0.500")
    forced = made(forced=True, gate=outside)
    assert wording.call(forced) == f"NORMAL below 0.500, PNEUMONIA from 0.500{AT_BALANCED}"
    assert wording.call(made(profile="ward", gate=outside)) == wording.call(forced)


def test_results_of_a_former_version_name_their_threshold() -> None:
    former = {"negative_below": None, "positive_from": None}
    assert wording.call(made(**former)) == f"Threshold 0.500{AT_BALANCED}"
    # Without sets the threshold is all that decides.
    assert "NORMAL below 0.500, PNEUMONIA from 0.500" in wording.call(made(error=None, **former))
    rare = made(p_positive=0.3, prevalence=0.1, **former)
    assert wording.scale(rare) == (0.8, Ranges(0.5, 0.5))
    assert wording.scale(replace(rare, adjusted_threshold=0.1)) == (0.3, Ranges(0.1, 0.1))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"error": None}, ""),
        (
            {},
            "about 5 % or fewer get the wrong verdict, as far as they are like the films of validation",
        ),
        (
            {"profile": "ward", "error": 0.01},
            "about 1 % or fewer get the wrong verdict, as far as they are like those of the site profile",
        ),
    ],
)
def test_what_the_sets_promise(changes: dict[str, object], words: str) -> None:
    assert words in wording.promise(made(**changes))
    assert bool(words) == bool(wording.promise(made(**changes)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "bacterial (0.50)"),
        ({"subtype": None, "kinds": ("bacterial", "viral")}, "undetermined (bacterial or viral)"),
        ({"subtype": None, "kinds": ("a", "b", "c")}, "undetermined (a, b or c)"),
        ({"subtype": None, "kinds": ("viral",)}, "undetermined (viral)"),
        ({"subtype": None, "kinds": ()}, "undetermined"),
        ({"label": "NORMAL"}, ""),
        ({"label": "UNDETERMINED"}, ""),
        ({"probabilities": {"normal": 0.2, "pneumonia": 0.8}, "subtype": None}, ""),
    ],
)
def test_the_kind_of_disease(changes: dict[str, object], words: str) -> None:
    assert wording.kinds(made(**changes)) == words


def test_a_reason_ends_with_one_full_stop_and_what_helps() -> None:
    reasons = (
        GateReason("a", "note", "few films look like this", "Take care."),
        GateReason("b", "note", "The film is dark.", "Expose it."),
        GateReason("c", "note", "nobody knows", ""),
    )
    assert wording.reasons(made(gate=GateReport("note", reasons, {}))) == [
        "few films look like this. Take care.", "The film is dark. Expose it.", "nobody knows.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0004, "0.000"), (0.0005001, "0.001"), (0.9995001, "1.000"), (0.8, "0.800"), (1.0, "1.000")],
)
def test_probabilities_have_three_digits(p: float, text: str) -> None:
    film = made(p_positive=p, p_unadjusted=p)
    assert wording.probability(film) == text
    assert wording.short(film) == f"PNEUMONIA · {text}"
    assert wording.probability(made(p_positive=p, prevalence=0.125)) == (
        f"{text} at a prevalence of 12.5 % (0.800 unadjusted)"
    )


def test_the_caption_of_a_heatmap_names_its_class_or_why_there_is_none() -> None:
    explanation = made().explanation
    assert explanation is not None
    hidden = replace(explanation, reliable=False, sentence="no reliable explanation: it is spread")
    assert (
        wording.heatmap_caption(made()) == "Heatmap for: bacterial. The map lies inside the body."
    )
    assert (
        wording.heatmap_caption(made(explanation=hidden))
        == "No reliable explanation: it is spread."
    )
    assert wording.heatmap_caption(made(explanation=None)) == "No heatmap was asked for."
    assert wording.heatmap_caption(made(label="REFUSED")) == "No heatmap: the film was refused."


@pytest.mark.parametrize(
    ("names", "called", "heatmap_class", "words"),
    [
        (("normal", "bacterial", "viral"), "NORMAL", "normal", "NORMAL"),
        (("normal", "bacterial", "viral"), "PNEUMONIA", "PNEUMONIA", "PNEUMONIA"),
        (("normal", "bacterial", "viral"), "PNEUMONIA", "viral", "viral"),
        (("normal", "abnormal"), "NORMAL", "normal", "NORMAL"),
        (("normal", "abnormal"), "ABNORMAL", "abnormal", "ABNORMAL"),
    ],
)
def test_a_heatmap_has_the_name_of_its_verdict(
    names: tuple[str, ...], called: str, heatmap_class: str, words: str
) -> None:
    film = made(called=called, heatmap_class=heatmap_class, probabilities=dict.fromkeys(names, 0.5))
    assert wording.sentences(film)["heatmap_for"] == words
    assert wording.heatmap_caption(film).startswith(f"Heatmap for: {words}. ")


def test_the_zones_with_the_most_heat_are_named_with_their_shares() -> None:
    film = with_zones()
    assert wording.zones(film) == "right lower zone (61 %), left middle zone (35 %)"
    assert wording.sentences(film)["zones"] == wording.zones(film)
    assert wording.heat_by_zone(film) == f"heat by zone: {wording.zones(film)}"
    assert wording.heatmap_caption(film).endswith(
        "inside the body. Heat by zone: right lower zone (61 %), left middle zone (35 %)."
    )
    assert wording.zones(made()) == wording.heat_by_zone(made()) == ""


def test_every_sentence_of_a_refused_film_is_a_reason_or_empty() -> None:
    p = made(label="REFUSED", gate=GateReport("refuse", (REASON,), {}))
    words = wording.sentences(p)
    filled = {name for name, text in words.items() if text}
    assert filled == {"verdict", "short", "summary", "refused", "subject", "reasons", "no_heatmap"}
    assert words.keys() == wording.sentences(made()).keys()
