"""The section on subgroups."""

from __future__ import annotations

from dataclasses import replace

import drawings
import section_blocks as blocks_of
from drawings import MISSING, known
from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
from pneumoscope.evidence.evaluation.target_results import Subgroup
from pneumoscope.evidence.report.sections.subgroups import subgroups
from pneumoscope.evidence.statistics.comparison import Difference
from pneumoscope.evidence.statistics.intervals import Figure

LOWER = Difference(
    first=0.6,
    second=0.9,
    difference=Figure(-0.3, -0.4, -0.2),
    p_value=0.001,
    detectable=0.15,
    verdict="The other films' figure is higher by 0.3.",
)
F = Subgroup(
    column="sex", value="F", films=1030, patients=15, positives=20,
    figures={"roc_auc": known(0.6), "sensitivity": known(0.5), "specificity": known(0.8)},
    against_rest={"roc_auc": LOWER},
)  # fmt: skip
M = replace(F, value="M", films=30, against_rest={}, figures={"roc_auc": known(0.9)})
VIRAL = replace(F, column="class", value="viral", against_rest={}, positives=7)
CLASS = replace(VIRAL, figures={k: v for k, v in F.figures.items() if k != "specificity"})


def with_groups(record: Evaluation, *groups: Subgroup) -> BundleResult:
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    return replace(bundle, targets=(replace(target, subgroups=groups),), silences={})


def test_each_group_has_its_films_and_figures(quick: None, record: Evaluation) -> None:
    made = list(subgroups(record, with_groups(record, F, M)))
    assert blocks_of.table(made, "group", "films of patients").head[2:] == (
        "positive", "AUC", "sensitivity", "specificity",
    )  # fmt: skip
    cells = blocks_of.rows(made, "group", "films of patients")
    assert cells["sex: F"][:3] == ("1,030 of 15", "20", "0.600 [0.500, 0.700]")
    assert cells["sex: M"][0] == "30 of 15"
    # The group M has no sensitivity.
    assert cells["sex: M"][3] == "- (a)"


def test_a_difference_from_all_other_films_is_told_in_words(
    quick: None, record: Evaluation
) -> None:
    made = list(subgroups(record, with_groups(record, F, M)))
    assert blocks_of.rows(made, "group", "figure") == {
        "sex: F": (
            "AUC",
            "-0.300 [-0.400, -0.200]",
            "The other films' figure is higher by 0.3.",
        )
    }


def test_a_group_that_is_too_small_has_one_row(quick: None, record: Evaluation) -> None:
    """Many small groups filled pages with the same words."""
    words = "Nothing can be said: this group has 2 patients, 10 are needed."
    nothing = replace(LOWER, difference=Figure(None, note="this group has 2 patients"), verdict=words)  # fmt: skip
    keys = ("roc_auc", "sensitivity")
    small = replace(F, value="X", against_rest=dict.fromkeys(keys, nothing))
    mixed = replace(F, against_rest={"roc_auc": LOWER, "sensitivity": nothing})
    table = blocks_of.table(list(subgroups(record, with_groups(record, small, mixed))), "group", "figure")  # fmt: skip
    assert [row[:3] for row in table.rows] == [
        ("sex: X", "all figures", "- (a)"),
        ("sex: F", "AUC", "-0.300 [-0.400, -0.200]"),
        ("sex: F", "sensitivity", "- (a)"),
    ]
    assert table.rows[0][3] == words


def test_a_class_is_compared_with_all_negative_films(quick: None, record: Evaluation) -> None:
    words = "Each class is compared with all negative films, so specificity is the same"
    assert words in blocks_of.text(subgroups(record, with_groups(record, VIRAL)))
    assert words not in blocks_of.text(subgroups(record, with_groups(record, F)))


def test_classes_do_not_hide_the_specificity_of_other_groups(
    quick: None, record: Evaluation
) -> None:
    # Classes come first, and have no specificity of their own.
    made = list(subgroups(record, with_groups(record, CLASS, F)))
    cells = blocks_of.rows(made, "group", "films of patients")
    assert cells["sex: F"][2:] == (
        "0.600 [0.500, 0.700]",
        "0.500 [0.400, 0.600]",
        "0.800 [0.700, 0.900]",
    )
    assert cells["class: viral"][2:] == ("0.600 [0.500, 0.700]", "0.500 [0.400, 0.600]", "- (a)")
    assert "(a) as for all films." in blocks_of.paragraphs(made)


def test_groups_without_a_comparison_have_no_table_of_differences(
    quick: None, record: Evaluation
) -> None:
    made = list(subgroups(record, with_groups(record, VIRAL)))
    assert "Groups against all other films" not in blocks_of.titles(made, 2)


def test_the_dashed_line_is_the_figure_of_all_films(record: Evaluation) -> None:
    bundle = with_groups(record, F, M)
    (target,) = bundle.targets
    single = replace(record, bundles=(bundle,))
    drawn = drawings.all_drawings(lambda: list(subgroups(single, bundle)))
    assert list(drawn) == ["subgroups-auc", "subgroups-sensitivity"]
    for name, figure in (
        ("subgroups-auc", target.ranking.roc_auc),
        ("subgroups-sensitivity", target.default.figures.sensitivity),
    ):
        (axes,) = drawn[name].axes
        (upright,) = [item for item in axes.lines if item.get_linestyle() == "--"]
        assert upright.get_xdata()[0] == figure.value
    (axes,) = drawn["subgroups-sensitivity"].axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["sex: F"]


def test_a_group_of_one_class_says_that_its_auc_is_not_defined(record: Evaluation) -> None:
    lonely = replace(F, value="unknown", figures={"roc_auc": MISSING}, against_rest={})
    bundle = with_groups(record, F, lonely)
    drawn = drawings.all_drawings(
        lambda: list(subgroups(replace(record, bundles=(bundle,)), bundle))
    )
    assert "not defined" in drawings.texts(drawn["subgroups-auc"].axes[0])


def test_no_group_says_why(quick: None, record: Evaluation) -> None:
    bundle = replace(with_groups(record), silences={"subgroups": "left out on request"})
    made = list(subgroups(record, bundle))
    assert blocks_of.warnings(made) == ["Not measured. Left out on request."]


def test_readers_are_warned_of_many_groups(quick: None, record: Evaluation) -> None:
    text = blocks_of.text(subgroups(record, with_groups(record, F)))
    assert "There is no correction for the number of groups" in text
    assert "finding no difference there proves nothing" in text
