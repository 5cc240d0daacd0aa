"""The section on perturbed films."""

from __future__ import annotations

from dataclasses import replace

import section_blocks as blocks_of
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.sections.robustness import robustness
from pneumoscope.evidence.report.sections.summary import worst_case
from pneumoscope.evidence.statistics.intervals import Figure


def test_the_unchanged_films_come_first_then_every_condition(
    quick: None, record: Evaluation
) -> None:
    made = list(robustness(record, record.bundles[0]))
    cells = blocks_of.rows(made, "films", "severity")
    assert list(cells) == [
        "unchanged", *(f"jpeg by {k}" for k in range(1, 6)), *(f"crop by {k}" for k in range(1, 6)),
    ]  # fmt: skip
    assert blocks_of.table(made, "films", "severity").head[2:] == (
        "balanced accuracy", "sensitivity", "specificity", "AUC",
    )  # fmt: skip
    assert cells["unchanged"][:2] == ("0", "0.900 [0.800, 0.950]")
    assert cells["jpeg by 2"][:2] == ("2", "0.800 [0.700, 0.850]")


def test_the_worst_condition_is_highlighted_and_named(quick: None, record: Evaluation) -> None:
    made = list(robustness(record, record.bundles[0]))
    assert blocks_of.table(made, "films", "severity").strong == {10}  # crop by 5, the last
    worst = blocks_of.rows(made, "worst case of")
    # Unchanged 0.9; crop by 5 lowers it to 0.64, crop by 3 to 0.74.
    assert worst["balanced accuracy, any severity"] == (
        "crop by 5 (5)", "0.900 [0.800, 0.950]", "0.640 [0.540, 0.690]", "-0.260 [-0.360, -0.160]",
    )  # fmt: skip
    assert worst["AUC, severity 1 to 3"][:1] == ("crop by 3 (3)",)
    assert worst["AUC, severity 1 to 3"][3].startswith("-0.160")


def test_a_figure_without_a_worst_case_is_left_out(quick: None, record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    assert bundle.robustness is not None
    worst = {k: v for k, v in bundle.robustness.worst.items() if k != "roc_auc"}
    realistic = {k: v for k, v in bundle.robustness.worst_realistic.items() if k != "roc_auc"}
    less = replace(bundle.robustness, worst=worst, worst_realistic=realistic)
    made = list(robustness(record, replace(bundle, robustness=less)))
    assert not any("AUC" in name for name in blocks_of.rows(made, "worst case of"))


def test_without_conditions_there_is_no_worst_case(quick: None, record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    assert bundle.robustness is not None
    nothing = replace(bundle, robustness=replace(bundle.robustness, worst={}, worst_realistic={}))
    assert worst_case(nothing) == ""
    made = list(robustness(record, nothing))
    assert [b for b in blocks_of.titles(made, 2) if "worst" in b] == []


def test_the_first_page_names_one_worst_case_if_both_are_the_same(record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    rob = bundle.robustness
    assert rob is not None
    mild = replace(rob, worst={"balanced_accuracy": ("crop", 3)})
    text = worst_case(replace(bundle, robustness=mild))
    assert text.count("crop by 3") == 1
    assert "Among severities" not in text


def test_a_worst_case_that_is_not_defined_is_not_printed_as_a_number(record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    rob = bundle.robustness
    assert rob is not None
    figures = {**rob.conditions[-1].figures, "balanced_accuracy": Figure(None, note="one class")}
    last = replace(rob.conditions[-1], figures=figures)
    text = worst_case(
        replace(bundle, robustness=replace(rob, conditions=(*rob.conditions[:-1], last)))
    )
    assert "(crop, severity 5): balanced accuracy is not defined." in text


def test_robustness_that_was_not_measured_says_so(quick: None, record: Evaluation) -> None:
    silences = {"robustness": "no finding has films with and without it"}
    bundle = replace(record.bundles[0], robustness=None, silences=silences)
    made = list(robustness(record, bundle))
    assert blocks_of.warnings(made) == ["Not measured. No finding has films with and without it."]
