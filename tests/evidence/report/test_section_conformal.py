"""The section on conformal sets."""

from __future__ import annotations

from dataclasses import replace

import section_blocks as blocks_of
from drawings import known
from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
from pneumoscope.evidence.evaluation.target_results import ConformalResult
from pneumoscope.evidence.report.sections.conformal import conformal
from pneumoscope.evidence.statistics.coverage import (
    OverSplits,
    RecalibratedCoverage,
    SetCoverage,
)
from pneumoscope.evidence.statistics.intervals import Figure

SHIPPED = SetCoverage(
    error=0.05,
    limits=(0.8, 0.7),
    films=1200,
    patients=40,
    by_class={"normal": Figure(0.93, 0.9, 0.96), "PNEUMONIA": Figure(0.97, 0.95, 0.99)},
    undetermined=known(0.21),
    empty=known(0.02),
    single=known(0.77),
    error_of_single=Figure(None, note="no set has exactly one class"),
)
RECALIBRATED = RecalibratedCoverage(
    error=0.05,
    limits=(0.8, 0.7),
    by_class={
        "normal": OverSplits(0.94, 0.91, 0.97),
        "PNEUMONIA": OverSplits(None, None, None, "no film of class PNEUMONIA"),
    },
    undetermined=OverSplits(0.2, 0.1, 0.3),
    empty=OverSplits(0.01, 0.0, 0.02),
    single=OverSplits(0.79, 0.7, 0.9),
    error_of_single=OverSplits(0.05, 0.0, 0.1, "in 3 of 20 splits there is none"),
    splits=20,
)


def with_result(record: Evaluation, result: ConformalResult | None) -> BundleResult:
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    return replace(bundle, targets=(replace(target, conformal=result),))


def test_the_promise_and_both_limits_are_named(quick: None, record: Evaluation) -> None:
    made = list(conformal(record, with_result(record, ConformalResult(SHIPPED, None))))
    (text,) = [p for p in blocks_of.paragraphs(made) if p.startswith("Limits as shipped")]
    assert "on 1,200 films of 40 patients that the gate lets pass" in text
    assert "Promised: 95.0% of each class." in text
    # The limit of NORMAL is one of P(normal), not of P(PNEUMONIA).
    assert "The negative class is in the set from a probability of 0.800 on" in text
    assert "the positive class from 0.700 on" in text


def test_the_limit_of_a_rare_finding_is_not_zero(quick: None, record: Evaluation) -> None:
    rare = ConformalResult(replace(SHIPPED, limits=(0.8, 0.00025)), None)
    text = " ".join(blocks_of.paragraphs(list(conformal(record, with_result(record, rare)))))
    assert "the positive class from 2.5e-04 on" in text


def test_coverage_of_each_class_has_its_interval(quick: None, record: Evaluation) -> None:
    made = list(conformal(record, with_result(record, ConformalResult(SHIPPED, None))))
    cells = blocks_of.rows(made, "share of films")
    assert cells["coverage of normal"] == ("0.930 [0.900, 0.960]",)
    assert cells["coverage of PNEUMONIA"] == ("0.970 [0.950, 0.990]",)
    assert cells["films with both classes in the set"][0].startswith("0.210")
    assert cells["films with neither"][0].startswith("0.020")
    assert cells["films with exactly one"][0].startswith("0.770")
    assert cells["errors among these"] == ("- (a)",)
    assert "(a) no set has exactly one class." in blocks_of.paragraphs(made)


def test_limits_from_these_films_show_their_range(quick: None, record: Evaluation) -> None:
    made = list(conformal(record, with_result(record, ConformalResult(None, RECALIBRATED))))
    assert "The bundle has no limits for this question" in blocks_of.text(made)
    cells = blocks_of.rows(made, "share of films", "mean")
    assert cells["coverage of normal"] == ("0.940", "0.910", "0.970")
    assert cells["coverage of PNEUMONIA"] == ("- (a)", "- (a)", "- (a)")
    assert cells["errors among these"] == ("0.050 (b)", "0.000", "0.100")
    assert "measured on the others, 20 times" in blocks_of.text(made)
    assert len(blocks_of.plots(made)) == 1


def test_a_bundle_without_limits_says_why(quick: None, record: Evaluation) -> None:
    reason = "the bundle has no limits for conformal sets"
    bundle = replace(with_result(record, None), silences={"conformal": reason})
    made = list(conformal(record, bundle))
    assert blocks_of.warnings(made) == [f"Not measured. The {reason[4:]}."]


def test_one_question_without_passed_films_says_so(quick: None, record: Evaluation) -> None:
    (target,) = with_result(record, ConformalResult(SHIPPED, None)).targets
    bundle = replace(
        record.bundles[0], targets=(target, replace(target, name="Mass", conformal=None)),
        silences={},
    )  # fmt: skip
    made = list(conformal(record, bundle))
    assert blocks_of.warnings(made) == ["Not measured. It was left out of this evaluation."]
