"""Answers about figures and how they were measured."""

from __future__ import annotations

from dataclasses import replace

from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
from pneumoscope.evidence.report.checklists.facts import Answer, Facts
from pneumoscope.evidence.report.checklists.figures import ANSWERS
from pneumoscope.evidence.statistics.intervals import Figure


def answer(record: Evaluation, key: str, bundle: BundleResult | None = None) -> Answer | None:
    return ANSWERS[key](Facts(record, bundle or record.bundles[0]))


def with_figures(record: Evaluation, **figures: Figure) -> BundleResult:
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    points = tuple(
        replace(point, figures=replace(point.figures, **figures)) for point in target.points
    )
    return replace(bundle, targets=(replace(target, points=points),))


def test_diagnostic_figures_are_those_of_the_default_point(record: Evaluation) -> None:
    bundle = with_figures(
        record,
        sensitivity=Figure(0.91, 0.85, 0.95),
        specificity=Figure(0.8, 0.7, 0.9),
        ppv=Figure(None, note="no film is called positive"),
        npv=Figure(0.7, 0.6, 0.8),
    )
    assert answer(record, "diagnostic", bundle) == Answer(
        "At balanced: sensitivity 0.910 [0.850, 0.950], specificity 0.800 [0.700, 0.900], "
        "NPV 0.700 [0.600, 0.800]."
    )


def test_films_of_one_class_answer_nothing(record: Evaluation) -> None:
    missing = Figure(None, note="one class")
    bundle = with_figures(
        record, sensitivity=missing, specificity=missing, ppv=missing, npv=missing
    )
    assert answer(record, "diagnostic", bundle) is None
    (target,) = bundle.targets
    target = replace(target, ranking=replace(target.ranking, roc_auc=missing))
    assert answer(record, "performance", replace(bundle, targets=(target,))) is None


def test_intervals_are_told_with_their_draws_and_seed(record: Evaluation) -> None:
    made = answer(record, "uncertainty")
    assert made is not None
    assert made.text.startswith(
        "95 % intervals from 60 draws of patients, seed 0; pairs of bundles"
    )
    alone = answer(replace(record, pairs=()), "uncertainty")
    assert alone == Answer("95 % intervals from 60 draws of patients, seed 0.")


def test_metrics_name_only_the_sections_that_were_measured(record: Evaluation) -> None:
    made = answer(record, "metrics")
    assert made is not None
    assert made.text.endswith("; sections on calibration, decision, conformal.")
    settings = replace(record.settings, sections=("decision",))
    fewer = answer(replace(record, settings=settings), "metrics")
    assert fewer is not None
    assert fewer.text.endswith("; sections on decision.")
    none = answer(replace(record, settings=replace(settings, sections=())), "metrics")
    assert none is not None
    assert "sections" not in none.text


def test_checks_of_heatmaps_are_only_named_if_they_were_made(record: Evaluation) -> None:
    whole = answer(record, "explained")
    assert whole == Answer(
        "Grad-CAM in closed form, inside the network. Checked by: weights randomised layer by "
        "layer, deletion and insertion, share of the heat inside the lung field."
    )
    (bundle, *_) = record.bundles
    assert bundle.sanity is not None
    fewer = replace(bundle, sanity=replace(bundle.sanity, randomisation=None), anatomy=None)
    made = answer(record, "explained", fewer)
    assert made is not None
    assert made.text.endswith("Checked by: deletion and insertion.")
    lungs = replace(bundle, meta=replace(bundle.meta, recipe={"head": "lungs"}))
    made = answer(record, "explained", lungs)
    assert made is not None
    assert made.text.startswith(
        "The contribution of each cell of the lungs to the odds of the verdict"
    )
    bare = replace(bundle, meta=replace(bundle.meta, heatmaps=False))
    assert answer(record, "explained", bare) == Answer("None: the model gives no heatmaps.")


def test_failures_are_counted_from_the_gallery(record: Evaluation) -> None:
    made = answer(record, "failures")
    assert made is not None
    assert made.status == "in part"
    assert "3 false positives, 1 false negative." in made.text
    (bundle, *_) = record.bundles
    bare = replace(bundle, gallery=None)
    assert answer(record, "failures", bare) is None
    # Errors are then told from the subgroups.
    errors = answer(record, "errors", bare)
    assert errors is not None
    assert "Figures by sex, section on subgroups." in errors.text


def test_classes_are_no_subgroups_of_patients(record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    of_classes = tuple(group for group in target.subgroups if group.column == "class")
    assert of_classes
    only = replace(bundle, targets=(replace(target, subgroups=of_classes),))
    for key in ("heterogeneity", "fairness"):
        assert answer(record, key, only) is None


def test_thresholds_are_told_with_their_rule(record: Evaluation) -> None:
    made = answer(record, "points")
    assert made is not None
    assert "balanced 0.500 (by hand); screen 0.100 (by hand)." in made.text
    rare = with_figures(record)
    (target,) = rare.targets
    point = target.points[0]
    point = replace(point, figures=replace(point.figures, threshold=2.5e-4))
    made = answer(record, "points", replace(rare, targets=(replace(target, points=(point,)),)))
    assert made is not None
    assert "balanced 2.5e-04 (by hand)." in made.text


def test_indeterminate_films_have_both_shares(record: Evaluation) -> None:
    made = answer(record, "indeterminate")
    verdicts = record.bundles[0].verdicts
    assert made is not None
    for name in ("UNDETERMINED", "REFUSED"):
        value = verdicts.label(name).share.value
        assert f"{name} {value:.3f}" in made.text
