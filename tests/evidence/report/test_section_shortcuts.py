"""The section on shortcuts."""

from __future__ import annotations

from dataclasses import replace

import pytest

import drawings
import section_blocks as blocks_of
from pneumoscope.evidence.audit.shortcuts import FILE, PICTURE, Score, Shortcuts
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.sections.shortcuts import auc_of, model_auc, shortcuts
from pneumoscope.metrics import Interval

BYTES = Score(FILE, "bytes", Interval(0.9, 0.85, 0.95), "median 3 against 4")
WIDTH = Score(FILE, "width", Interval(0.95, 0.5, 0.99), "224 against 512")
SHARP = Score(PICTURE, "sharpness", Interval(0.55, 0.45, 0.6), "about the same")
MODE = Score(FILE, "mode", Interval(0.5, 0.5, 0.5), "L", constant=True)


def contrast(**changes: object) -> Shortcuts:
    """40 of 60 films are ill, as in the drawn evaluation."""
    values: dict[str, object] = {
        "contrast": "pneumonia against normal",
        "positive": "pneumonia",
        "negative": "normal",
        "films": 60,
        "patients": 30,
        "prevalence": 2 / 3,
        "scores": (BYTES, WIDTH, SHARP, MODE),
    }
    return Shortcuts(**(values | changes))  # type: ignore[arg-type]


def of(record: Evaluation, *contrasts: Shortcuts) -> Evaluation:
    return replace(record, bundles=record.bundles[:1], shortcuts=contrasts)


def test_scores_are_sorted_and_the_best_of_each_source_stands_out(
    quick: None, record: Evaluation
) -> None:
    made = list(shortcuts(of(record, contrast())))
    table = blocks_of.table(made, "source", "feature")
    assert [row[1] for row in table.rows] == ["width", "bytes", "sharpness"]
    # The best of a source has the highest lower end, which is that of bytes.
    assert [table.rows[i][1] for i in sorted(table.strong)] == ["bytes", "sharpness"]
    assert table.rows[1] == ("file", "bytes", "0.900 [0.850, 0.950]", "median 3 against 4")
    assert "Equal on all films, so without information: mode." in blocks_of.paragraphs(made)


def test_films_and_patients_of_the_contrast_are_counted(quick: None, record: Evaluation) -> None:
    text = blocks_of.text(shortcuts(of(record, contrast(films=1234, prevalence=0.5))))
    assert "1,234 films of 30 patients, 50.0% pneumonia." in text
    assert "out of fold, with all films of a patient in one fold" in text


def test_bars_show_the_best_scores_the_views_and_the_whole_model(record: Evaluation) -> None:
    changed = of(record, contrast())
    drawn = drawings.all_drawings(lambda: list(shortcuts(changed)))
    (axes,) = drawn["shortcuts-pneumonia-against-normal"].axes
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "file: bytes", "image statistics: sharpness", "model: without lungs (mean)",
    ]  # fmt: skip
    value = changed.bundles[0].targets[0].ranking.roc_auc.value
    assert drawings.legend(axes) == [f"tiny 1 on whole films, {value:.3f}"]


@pytest.mark.parametrize(
    "changes",
    [
        {"films": 59},
        {"prevalence": 0.5},
    ],
)
def test_the_model_is_only_compared_on_the_same_films(
    record: Evaluation, changes: dict[str, object]
) -> None:
    assert model_auc(of(record, contrast()), contrast()) is not None
    assert model_auc(of(record, contrast(**changes)), contrast(**changes)) is None


def test_of_several_questions_the_one_of_that_name_is_compared(record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    named = replace(target, name="Pneumonia")
    other = replace(
        target, name="Mass", ranking=replace(target.ranking, roc_auc=drawings.known(0.5))
    )
    several = replace(of(record), bundles=(replace(bundle, targets=(other, named)),))
    compared = model_auc(several, contrast())
    assert compared is not None
    assert compared[1] == target.ranking.roc_auc
    assert model_auc(several, contrast(positive="Hernia")) is None


def test_a_contrast_that_cannot_be_measured_says_why(quick: None, record: Evaluation) -> None:
    silent = contrast(scores=(), silence="normal: 3 patients are too few")
    made = list(shortcuts(of(record, silent)))
    assert "Cannot be measured: normal: 3 patients are too few." in blocks_of.paragraphs(made)
    assert blocks_of.plots(made) == []


def test_features_that_are_all_equal_give_no_plot(quick: None, record: Evaluation) -> None:
    made = list(shortcuts(of(record, contrast(scores=(MODE,)))))
    assert blocks_of.plots(made) == []
    assert blocks_of.table(made, "source").rows == ()


def test_films_without_two_groups_say_so(record: Evaluation) -> None:
    silences = {"shortcuts": "the films' labels tell no two groups apart"}
    made = list(shortcuts(replace(of(record), silences=silences)))
    assert blocks_of.warnings(made) == ["Not measured. The films' labels tell no two groups apart."]


def test_the_auc_of_a_shortcut_is_a_figure() -> None:
    assert str(auc_of(BYTES)) == "0.900 [0.850, 0.950]"
