from __future__ import annotations

from typing import Any

import pytest

from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.decide import gated
from pneumoscope.decision.rules import Rules
from pneumoscope.decision.triage import judge, label_at, likelier_kind
from pneumoscope.errors import UsageError
from pneumoscope.records import GateReport, OperatingPoint, Settings
from tiny import findings_meta, scored_meta, tiny_meta


@pytest.mark.parametrize(("p", "label"), [(0.3, "NORMAL"), (0.4, "PNEUMONIA"), (0.9, "PNEUMONIA")])
def test_the_threshold_itself_is_pneumonia(p: float, label: str) -> None:
    assert label_at(p, OperatingPoint("x", 0.4, ""), "PNEUMONIA") == label


def test_the_likelier_kind_ignores_the_negative_class() -> None:
    assert likelier_kind({"normal": 0.5, "bacterial": 0.2, "viral": 0.3}, "normal") == "viral"


def film(p: float, viral: float = 0.3) -> dict[str, float]:
    return {"normal": 1 - p, "bacterial": (1 - viral) * p, "viral": viral * p}


@pytest.mark.parametrize(
    ("p", "point", "error", "label", "classes"),
    [
        # At 5 % films are like NORMAL up to P 0.2, like PNEUMONIA from 0.7.
        (0.1, "balanced", None, "NORMAL", ("NORMAL",)),
        (0.9, "balanced", None, "PNEUMONIA", ("PNEUMONIA",)),
        (0.45, "balanced", None, "UNDETERMINED", ()),
        (0.6, "balanced", None, "UNDETERMINED", ()),
        # Called by the threshold of 0.1, but like NORMAL.
        (0.15, "screen", None, "UNDETERMINED", ("NORMAL",)),
        # At 1 % films are like NORMAL up to 0.8, like PNEUMONIA from 0.4.
        (0.6, "balanced", 0.01, "UNDETERMINED", ("NORMAL", "PNEUMONIA")),
        (0.85, "balanced", 0.01, "PNEUMONIA", ("PNEUMONIA",)),
    ],
)
def test_the_label_is_what_is_called_if_the_set_holds_just_that(
    p: float, point: str, error: float | None, label: str, classes: tuple[str, ...]
) -> None:
    verdict = judge(film(p), Rules.of(scored_meta().rules, Settings(point, error)))
    assert (verdict.label, verdict.classes) == (label, classes)
    assert verdict.called == label_at(p, scored_meta().operating_point(point), "PNEUMONIA")
    assert verdict.kinds == () or label == "PNEUMONIA"


def test_a_kind_is_named_only_if_it_is_the_only_one() -> None:
    rules = Rules.of(scored_meta().rules, Settings())
    # At 5 % viral may be from a share of 0.2, bacterial from 0.4.
    assert judge(film(0.9, viral=0.1), rules).subtype == "bacterial"
    assert judge(film(0.9, viral=0.7), rules).subtype == "viral"
    both = judge(film(0.9, viral=0.5), rules)
    assert (both.kinds, both.subtype) == (("bacterial", "viral"), None)
    assert both.heatmap_class == "PNEUMONIA"
    assert judge(film(0.9, viral=0.7), rules).heatmap_class == "viral"


def test_without_scores_nothing_is_undetermined() -> None:
    for p, label in ((0.45, "NORMAL"), (0.55, "PNEUMONIA")):
        verdict = judge(film(p), Rules.of(tiny_meta().rules, Settings()))
        assert (verdict.label, verdict.called, verdict.classes) == (label, label, (label,))
    assert verdict.subtype == "bacterial"
    with pytest.raises(UsageError, match="no scores") as caught:
        Rules.of(tiny_meta().rules, Settings(error=0.05))
    assert "never UNDETERMINED" in caught.value.hint


def test_prevalence_moves_the_probability_and_nothing_else() -> None:
    plain = judge(film(0.8), Rules.of(scored_meta().rules, Settings()))
    rare = judge(film(0.8), Rules.of(scored_meta().rules, Settings(prevalence=0.2)))
    assert (rare.p_positive, rare.p_unadjusted) == pytest.approx((0.5, 0.8))
    assert rare.probabilities == pytest.approx(film(0.5))
    assert (plain.p_positive, plain.p_unadjusted) == pytest.approx((0.8, 0.8))
    for name in ("label", "called", "classes", "kinds", "subtype", "heatmap_class"):
        assert getattr(rare, name) == getattr(plain, name)


@pytest.mark.parametrize(
    ("changes", "prevalence", "message"),
    [
        ({}, 0.0, "not between 0 and 1"),
        ({}, 1.2, "not between 0 and 1"),
        ({"calibration": Calibration()}, 0.1, "does not say to which prevalence"),
    ],
)
def test_a_prevalence_that_cannot_be_served(
    changes: dict[str, Any], prevalence: float, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Rules.of(tiny_meta(**changes).rules, Settings(prevalence=prevalence))


def test_findings_refuse_a_prevalence() -> None:
    with pytest.raises(UsageError, match="several findings"):
        Rules.of(findings_meta().rules, Settings(prevalence=0.1))


def test_findings_are_undetermined_each_on_its_own() -> None:
    # At 5 % Mass (threshold 0.5) is absent up to 0.3 and present from 0.8; Device has no scores.
    sides = Sides((0.7,) + (0.9,) * 18, (0.8,) + (0.9,) * 18)
    meta = findings_meta(conformal=Scores({"Mass": sides}))
    rules = Rules.of(meta.rules, Settings())

    def label(device: float, mass: float) -> str:
        return judge({"Device": device, "Mass": mass, "Nodule": 0.01}, rules).label

    assert label(0.1, 0.1) == "NORMAL"
    assert label(0.1, 0.4) == label(0.1, 0.6) == "UNDETERMINED"
    assert label(0.1, 0.9) == "ABNORMAL"
    # A finding that is clear is enough.
    assert label(0.9, 0.6) == "ABNORMAL"
    (leading, *_) = judge({"Device": 0.1, "Mass": 0.6, "Nodule": 0.01}, rules).findings
    assert (leading.name, leading.present, leading.undetermined) == ("Mass", True, True)


def test_the_gate_has_the_last_word_unless_forced() -> None:
    refusing, noting = GateReport("refuse", (), {}), GateReport("note", (), {})
    assert gated("NORMAL", refusing, force=False) == ("REFUSED", False)
    assert gated("NORMAL", refusing, force=True) == ("NORMAL", True)
    assert gated("UNDETERMINED", noting, force=True) == ("UNDETERMINED", False)
