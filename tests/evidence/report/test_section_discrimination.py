"""The section on discrimination."""

from __future__ import annotations

from dataclasses import replace

import section_blocks as blocks_of
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.evaluation.target_results import WithVerdict
from pneumoscope.evidence.report.sections.discrimination import discrimination
from pneumoscope.evidence.statistics.intervals import Figure
from pneumoscope.evidence.statistics.ranking import Ranking
from reported import N, evaluation


def test_all_films_and_those_with_a_verdict_stand_side_by_side(
    quick: None, record: Evaluation
) -> None:
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    shown = replace(
        target.with_verdict,
        films=40,
        ranking=Ranking(Figure(0.987, 0.9, 0.999), Figure(0.95, 0.9, 0.99)),
    )
    whole = replace(
        target, ranking=Ranking(Figure(0.812, 0.7, 0.9), Figure(0.8, 0.7, 0.9)), with_verdict=shown
    )
    made = list(discrimination(record, replace(bundle, targets=(whole,))))
    head = ("figure", "all 60 films", "40 films with a verdict")
    cells = blocks_of.rows(made, *head)
    assert cells["AUC"] == ("0.812 [0.700, 0.900]", "0.987 [0.900, 0.999]")
    assert cells["average precision"] == ("0.800 [0.700, 0.900]", "0.950 [0.900, 0.990]")
    assert {"sensitivity at balanced", "specificity at balanced", "accuracy at balanced"} < set(
        cells
    )


def test_films_patients_and_positives_are_counted(quick: None, record: Evaluation) -> None:
    made = list(discrimination(record, record.bundles[0]))
    assert (
        f"PNEUMONIA against normal: {N} films of {N // 2} patients, 40 of the films positive."
        in (blocks_of.text(made))
    )


def test_no_film_with_a_verdict_leaves_the_column_empty(quick: None, record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    nobody = WithVerdict(films=0, patients=0, positives=0, ranking=None, figures=None)
    made = list(
        discrimination(
            record, replace(bundle, targets=(replace(target, with_verdict=nobody),), classes=None)
        )
    )
    cells = blocks_of.rows(made, "figure", f"all {N} films")
    assert {row[1] for row in cells.values()} == {cells["AUC"][1]}
    assert "no film has a verdict" in blocks_of.text(made)


def test_films_of_one_class_have_no_curve(quick: None, record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    bare = replace(target, roc=None, precision_recall=None)
    made = list(discrimination(record, replace(bundle, targets=(bare,), classes=None)))
    assert blocks_of.plots(made) == []


def test_classes_and_their_mean_have_a_row_each(quick: None, record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    assert bundle.classes is not None
    made = list(discrimination(record, bundle))
    made_table = blocks_of.table(made, "class against the others")
    cells = blocks_of.rows(made, "class against the others")
    assert list(cells) == ["normal", "bacterial", "viral", "mean over all"]
    assert made_table.strong == {3}
    assert cells["viral"][:2] == ("60", "20")
    assert cells["mean over all"][:2] == ("-", "-")
    mean = sum(float(cells[name][2][:5]) for name in ("normal", "bacterial", "viral")) / 3
    assert abs(float(cells["mean over all"][2][:5]) - mean) < 0.001
    assert "Each of 60 films is assigned its most probable class" in blocks_of.text(made)


def test_findings_have_a_table_before_their_parts(quick: None) -> None:
    record = evaluation(several=True, full=False)
    made = list(discrimination(record, record.bundles[0]))
    assert list(blocks_of.rows(made, "finding")) == ["Device", "Mass", "Nodule", "mean over all"]
    assert blocks_of.titles(made, 2) == ["Device", "Mass", "Nodule"]
