from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.decide import FilmScores, decide
from pneumoscope.decision.rules import BundleRules, Rules
from pneumoscope.records import FilmFacts, Settings
from pneumoscope.render import wording
from pneumoscope.render.wording import why_undetermined
from tiny import KINDS_WARNING, findings_meta, scored_meta

FACTS = FilmFacts("PNG", 300, 300)


def scores(p: float, gate: dict[str, float] | None = None, **facts: float) -> FilmScores:
    probabilities = {"normal": 1 - p, "bacterial": 0.7 * p, "viral": 0.3 * p}
    return FilmScores(probabilities, gate or {}, replace(FACTS, **facts))


def gated_rules(**changes: object) -> BundleRules:
    return replace(scored_meta().rules, gate_limits={"blur": 0.7}, **changes)


def test_one_call_decides_everything() -> None:
    decision = decide(scores(0.9), Rules.of(gated_rules(), Settings()))
    assert (decision.label, decision.called, decision.positive) == ("PNEUMONIA",) * 3
    assert (decision.p_positive, decision.p_unadjusted) == pytest.approx((0.9, 0.9))
    assert (decision.classes, decision.error) == (("PNEUMONIA",), 0.05)
    assert decision.kinds == ("bacterial", "viral")
    assert (decision.subtype, decision.heatmap_class) == (None, "PNEUMONIA")
    assert (decision.gate.level, decision.forced, decision.profile) == ("ok", False, None)
    assert decision.warnings == (KINDS_WARNING,)


def test_a_refused_film_speaks_of_nothing_unless_it_is_forced() -> None:
    blurred = scores(0.9, {"blur": 0.8})
    refused = decide(blurred, Rules.of(gated_rules(), Settings()))
    assert (refused.label, refused.forced, refused.warnings) == ("REFUSED", False, ())
    assert [reason.code for reason in refused.gate.reasons] == ["too-blurred"]
    forced = decide(blurred, Rules.of(gated_rules(), Settings(force=True)))
    assert (forced.label, forced.forced) == ("PNEUMONIA", True)
    assert forced.warnings == (KINDS_WARNING,)


def test_a_bundle_s_own_warnings_are_beside_every_verdict_that_is_shown() -> None:
    rules = Rules.of(gated_rules(warnings=("trained on one hospital",)), Settings())
    assert decide(scores(0.1), rules).warnings == ("trained on one hospital",)
    assert decide(scores(0.9), rules).warnings == (KINDS_WARNING, "trained on one hospital")
    assert decide(scores(0.9, {"blur": 0.8}), rules).warnings == ()


def test_a_bundle_without_a_gate_looks_at_the_film_only() -> None:
    rules = Rules.of(scored_meta().rules, Settings())
    assert decide(scores(0.1, {"blur": 0.99}), rules).label == "NORMAL"
    note = decide(scores(0.1, age_years=40.0), rules)
    assert (note.label, note.gate.level) == ("UNDETERMINED", "note")


FAR = {"distance": 0.95}


def limited_rules(**changes: object) -> BundleRules:
    limits = {"distance": 1.0, "distance-note": 0.9}
    return replace(scored_meta().rules, gate_limits=limits, **changes)


@pytest.mark.parametrize("p", [0.1, 0.9])
def test_outside_the_population_no_class_is_named(p: float) -> None:
    plain = decide(scores(p), Rules.of(limited_rules(), Settings()))
    far = decide(scores(p, FAR), Rules.of(limited_rules(), Settings()))
    assert (plain.label, far.label) == (plain.called, "UNDETERMINED")
    # The figures stay what they are.
    assert (far.called, far.p_positive, far.classes) == (
        plain.called,
        plain.p_positive,
        plain.classes,
    )
    assert (far.kinds, far.subtype, far.forced) == ((), None, False)
    assert why_undetermined(far) == (
        "not clear: the film is unlike those that the model learned from"
    )


def test_an_age_outside_the_population_is_the_reason() -> None:
    old = decide(scores(0.9, age_years=54.0), Rules.of(limited_rules(), Settings()))
    assert old.label == "UNDETERMINED"
    assert why_undetermined(old).startswith("not clear: patient age 54 years is outside")


def test_outside_the_population_a_verdict_can_be_forced() -> None:
    forced = decide(scores(0.9, FAR), Rules.of(limited_rules(), Settings(force=True)))
    assert (forced.label, forced.forced) == ("PNEUMONIA", True)
    assert "outside the population" in wording.forced(forced)
    near = decide(scores(0.9), Rules.of(limited_rules(), Settings(force=True)))
    assert (near.label, near.forced) == ("PNEUMONIA", False)


def test_what_is_unclear_anyway_is_not_forced() -> None:
    rules = limited_rules()
    unclear = decide(scores(0.52, FAR), Rules.of(rules, Settings(force=True)))
    assert decide(scores(0.52), Rules.of(rules, Settings())).label == "UNDETERMINED"
    assert (unclear.label, unclear.forced) == ("UNDETERMINED", False)


def test_a_site_profile_covers_the_films_of_its_site() -> None:
    rules = limited_rules(profile="clinic (1234)")
    for film in (scores(0.9, FAR), scores(0.9, age_years=54.0)):
        decision = decide(film, Rules.of(rules, Settings()))
        assert (decision.label, decision.gate.level) == ("PNEUMONIA", "note")


def test_the_probabilities_of_the_site_are_what_is_judged() -> None:
    # Half of the log odds ln 9 are those of 0.75.
    site = gated_rules(site_calibration=Calibration((0.5,), (0.0,)), profile="ward (1)")
    decision = decide(scores(0.9), Rules.of(site, Settings()))
    assert decision.p_unadjusted == pytest.approx(0.75)
    assert decision.probabilities["viral"] == pytest.approx(0.3 * 0.75)
    assert decision.profile == "ward (1)"


def test_a_site_s_prevalence_is_used_unless_the_reader_chooses_one() -> None:
    site = gated_rules(prevalence=0.2)
    assert decide(scores(0.8), Rules.of(site, Settings())).p_positive == pytest.approx(0.5)
    even = decide(scores(0.8), Rules.of(site, Settings(prevalence=0.5)))
    assert (even.p_positive, even.prevalence) == (pytest.approx(0.8), 0.5)


def test_several_findings_are_ordered_by_their_margin_in_log_odds() -> None:
    meta = findings_meta()  # thresholds 0.6, 0.5 and 0.05
    rules = Rules.of(meta.rules, Settings())
    film = FilmScores({"Device": 0.7, "Mass": 0.6, "Nodule": 0.2}, {}, FACTS)
    decision = decide(film, rules)
    margins = {"Device": math.log(7 / 3 / 1.5), "Mass": math.log(1.5), "Nodule": math.log(19 / 4)}
    names = [finding.name for finding in decision.findings]
    assert names == sorted(margins, key=margins.__getitem__, reverse=True)
    assert names == ["Nodule", "Device", "Mass"]
    assert (decision.p_positive, decision.heatmap_class) == (0.2, "Nodule")
    assert decision.operating_point.finding == "Nodule"
    assert (decision.label, decision.kinds, decision.warnings) == ("ABNORMAL", (), ())
