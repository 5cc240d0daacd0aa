"""The section on operating points."""

from __future__ import annotations

from dataclasses import replace

import drawings
import section_blocks as blocks_of
from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
from pneumoscope.evidence.report.sections.points import points
from pneumoscope.evidence.statistics.calls import AtPrevalence
from pneumoscope.evidence.statistics.intervals import Figure
from reported import evaluation


def changed(record: Evaluation, threshold: float, **figures: Figure) -> BundleResult:
    """The first bundle with one operating point, whose figures are these."""
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    point = target.points[0]
    point = replace(
        point,
        figures=replace(point.figures, threshold=threshold, **figures),
        at_prevalence=(AtPrevalence(0.05, Figure(0.31, 0.2, 0.5), Figure(0.99, 0.9, 0.999)),),
    )
    return replace(bundle, targets=(replace(target, points=(point,)),))


def test_each_figure_stands_in_the_column_of_its_point(quick: None, record: Evaluation) -> None:
    made = list(points(record, record.bundles[0]))
    (target,) = record.bundles[0].targets
    head = blocks_of.table(made, "figure").head
    figures = blocks_of.rows(made, "figure")
    assert head == ("figure", "balanced", "screen")
    for name, key in (("sensitivity", "sensitivity"), ("PPV", "ppv"), ("Cohen's kappa", "kappa")):
        for column, point in enumerate(target.points):
            assert figures[name][column].startswith(f"{getattr(point.figures, key).value:.3f}")
    # The lower threshold calls more films positive.
    assert float(figures["sensitivity"][1][:5]) >= float(figures["sensitivity"][0][:5])


def test_the_default_point_is_marked(quick: None, record: Evaluation) -> None:
    made = list(points(record, record.bundles[0]))
    assert blocks_of.rows(made, "name") == {
        "balanced (default)": ("0.500", "by hand"),
        "screen": ("0.100", "by hand"),
    }


def test_a_threshold_below_a_thousandth_is_not_zero(quick: None, record: Evaluation) -> None:
    made = list(points(record, changed(record, 2.5e-4)))
    assert blocks_of.rows(made, "name")["balanced (default)"][0] == "2.5e-04"


def test_figures_that_do_not_exist_say_why(quick: None, record: Evaluation) -> None:
    bundle = changed(record, 0.5, ppv=Figure(None, note="no film is called positive"))
    made = list(points(record, bundle))
    assert blocks_of.rows(made, "figure")["PPV"] == ("- (a)",)
    assert "(a) no film is called positive." in blocks_of.paragraphs(made)


def test_predictive_values_stand_at_their_prevalence(quick: None, record: Evaluation) -> None:
    made = list(points(record, changed(record, 0.5)))
    assert blocks_of.table(made, "operating point").rows == (
        ("balanced", "5.0%", "0.310 [0.200, 0.500]", "0.990 [0.900, 0.999]"),
    )


def test_without_prevalences_there_is_no_table_of_them(quick: None, record: Evaluation) -> None:
    (target,) = record.bundles[0].targets
    bare = tuple(replace(point, at_prevalence=()) for point in target.points)
    bundle = replace(record.bundles[0], targets=(replace(target, points=bare),))
    made = list(points(record, bundle))
    assert "At other prevalences" not in blocks_of.titles(made, 2)


def test_the_histogram_has_every_film_of_either_class(record: Evaluation) -> None:
    (target,) = record.bundles[0].targets
    single = replace(record, bundles=record.bundles[:1])
    drawn = drawings.all_drawings(lambda: list(points(single, single.bundles[0])))
    labels = drawings.legend(drawn["scores"].axes[0])
    assert f"PNEUMONIA ({target.positives})" in labels
    assert f"normal ({target.films - target.positives})" in labels


def test_several_findings_have_a_part_each(quick: None) -> None:
    record = evaluation(several=True, full=False)
    made = list(points(record, record.bundles[0]))
    assert blocks_of.titles(made, 2)[::2] == ["Device", "Mass", "Nodule"]
    assert len([name for name in blocks_of.plots(made) if name.startswith("confusion")]) == 3
    assert len(set(blocks_of.plots(made))) == len(blocks_of.plots(made))
