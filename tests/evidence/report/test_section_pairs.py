"""The section on pairs of bundles."""

from __future__ import annotations

from dataclasses import replace

import drawings
import section_blocks as blocks_of
from pneumoscope.evidence.evaluation.results import Evaluation, Pair
from pneumoscope.evidence.report.sections.pairs import pairs
from pneumoscope.evidence.statistics.comparison import Difference
from pneumoscope.evidence.statistics.intervals import Figure

BETTER = Difference(
    first=0.95,
    second=0.9,
    difference=Figure(0.05, 0.01, 0.09),
    p_value=0.02,
    detectable=0.04,
    verdict="The first model's figure is higher.",
)
NOTHING = Difference(
    first=None,
    second=0.5,
    difference=Figure(None, note="all films are of one class"),
    p_value=None,
    detectable=None,
    verdict="Nothing can be said: all films are of one class.",
)


def pair_of(record: Evaluation, **changes: object) -> Pair:
    return replace(record.pairs[0], **changes)  # type: ignore[arg-type]


def of_pair(record: Evaluation, **changes: object) -> Evaluation:
    return replace(record, pairs=(pair_of(record, **changes),))


def test_both_figures_and_their_difference_stand_in_one_row(
    quick: None, record: Evaluation
) -> None:
    made = list(pairs(of_pair(record, differences={"roc_auc": BETTER, "kappa": NOTHING})))
    cells = blocks_of.rows(made, "figure", "first", "second")
    assert cells["AUC"] == (
        "0.950", "0.900", "0.050 [0.010, 0.090]", "The first model's figure is higher.",
    )  # fmt: skip
    assert cells["Cohen's kappa"][:3] == ("- (a)", "0.500", "- (b)")
    text = blocks_of.text(made)
    assert "(a) does not exist on these films; (b) all films are of one class." in text
    assert "Difference: tiny 1 minus tiny 2" in text


def test_likelihood_ratios_are_in_the_table_but_not_in_the_plot(record: Evaluation) -> None:
    changed = of_pair(record, differences={"roc_auc": BETTER, "lr_positive": BETTER})
    drawn = drawings.all_drawings(lambda: list(pairs(changed)))
    (name,) = drawn
    assert name == "pair-tiny-1-tiny-2-pneumonia"
    (axes,) = drawn[name].axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["AUC"]
    (upright,) = [item for item in axes.lines if item.get_linestyle() == "--"]
    assert upright.get_xdata()[0] == 0.0


def test_tests_for_readers_have_their_numbers(quick: None, record: Evaluation) -> None:
    (pair, *_) = record.pairs
    (name, test), *_ = pair.mcnemar.items()
    changed = of_pair(
        record,
        delong=replace(pair.delong, difference=Figure(0.05, 0.01, 0.09), p_value=0.0213),
        mcnemar={name: replace(test, only_first=1200, only_second=3, p_mid=0.0421)},
    )
    cells = blocks_of.rows(pairs(changed), "test")
    assert cells["DeLong, AUC"] == ("0.050 [0.010, 0.090]", "0.021")
    assert cells[f"McNemar, {name}"] == ("1,200 and 3 films", "0.042")
    assert "Both assume independent films" in blocks_of.text(pairs(changed))


def test_a_test_that_cannot_be_made_says_why(quick: None, record: Evaluation) -> None:
    (pair, *_) = record.pairs
    missing = Figure(None, note="all films are of one class")
    changed = of_pair(record, delong=replace(pair.delong, difference=missing, p_value=None))
    assert blocks_of.rows(pairs(changed), "test")["DeLong, AUC"] == ("- (a)", "- (a)")


def test_bundles_without_a_common_question_say_so(quick: None, record: Evaluation) -> None:
    silences = {"pairs": "no two bundles answer a common question"}
    made = list(pairs(replace(record, pairs=(), silences=silences)))
    assert blocks_of.warnings(made) == ["Not measured. No two bundles answer a common question."]


def test_one_bundle_has_no_section(record: Evaluation) -> None:
    assert list(pairs(replace(record, bundles=record.bundles[:1]))) == []
