"""The section on decisions."""

from __future__ import annotations

from dataclasses import replace

import section_blocks as blocks_of
from drawings import known
from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
from pneumoscope.evidence.report.sections.decision import decision
from pneumoscope.evidence.statistics.decision_curve import DecisionCurve, RiskCoverage
from pneumoscope.evidence.statistics.intervals import Figure

CURVE = DecisionCurve(
    thresholds=(0.5,), model=(known(0.3),), treat_all=(known(-0.2),), gain=(known(0.3),)
)
RISK = RiskCoverage(
    coverages=(1.0,), risks=(known(0.2),), aurc=Figure(0.08, 0.05, 0.12), full=Figure(0.2, 0.1, 0.3)
)


def with_result(
    record: Evaluation, curve: DecisionCurve | None, risk: RiskCoverage | None
) -> BundleResult:
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    return replace(bundle, targets=(replace(target, decision=curve, risk_coverage=risk),))


def test_the_risk_of_all_films_and_its_mean_are_printed(quick: None, record: Evaluation) -> None:
    made = list(decision(record, with_result(record, CURVE, RISK)))
    assert blocks_of.rows(made, "figure") == {
        "wrong calls if all films are kept": ("0.200 [0.100, 0.300]",),
        "mean over all coverages (AURC)": ("0.080 [0.050, 0.120]",),
    }
    assert blocks_of.plots(made) == ["decision-tiny-1", "risk-coverage-tiny-1"]


def test_a_curve_without_risk_stands_alone(quick: None, record: Evaluation) -> None:
    made = list(decision(record, with_result(record, CURVE, None)))
    assert blocks_of.plots(made) == ["decision-tiny-1"]


def test_decisions_that_were_not_measured_say_so(quick: None, record: Evaluation) -> None:
    bundle = replace(with_result(record, None, None), silences={"decision": "left out on request"})
    made = list(decision(record, bundle))
    assert blocks_of.warnings(made) == ["Not measured. Left out on request."]


def test_the_weight_of_a_threshold_is_explained(quick: None, record: Evaluation) -> None:
    # At 0.2 the odds are 1 to 4.
    text = blocks_of.text(decision(record, with_result(record, CURVE, RISK)))
    assert "a probability of 0.2 means accepting four unnecessary actions for one necessary" in text
