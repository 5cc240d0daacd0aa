"""Answers about films, labels and splits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pneumoscope.evidence.evaluation.evaluated_films import TrainingOverlap
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.checklists.facts import Answer, Facts
from pneumoscope.evidence.report.checklists.films import ANSWERS

TRAINED = {
    "split": "patient",
    "split_seed": 3,
    "films": {"train": {"normal": 1142, "viral": 20}, "validation": {"normal": 9}},
}


def facts(record: Evaluation, **changes: object) -> Facts:
    (bundle, *_) = record.bundles
    return Facts(record, replace(bundle, meta=replace(bundle.meta, **changes)))  # type: ignore[arg-type]


def answer(made: Facts, key: str) -> Answer:
    text = ANSWERS[key](made)
    assert text is not None
    return text


def test_films_that_are_left_out_are_counted_apart(record: Evaluation) -> None:
    # 60 films were read, of which the question has the label of 57.
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    fewer = replace(bundle, targets=(replace(target, films=57),))
    text = answer(Facts(record, fewer), "missing").text
    assert "0 films that could not be read; 3 without a known label for PNEUMONIA." in text
    assert "3 refused by the gate" in text  # the drawn record refuses its first three films
    assert text.endswith("Nothing was imputed.")


def test_refused_and_undetermined_films_are_not_swapped(record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    refused, undetermined = (bundle.verdicts.label(n).films for n in ("REFUSED", "UNDETERMINED"))
    assert refused != undetermined
    assert f"{refused} refused by the gate, {undetermined} undetermined" in (
        answer(Facts(record, bundle), "flow").text
    )


def test_the_split_of_training_is_told_with_its_seed(record: Evaluation) -> None:
    made = facts(record, data=TRAINED)
    assert answer(made, "partitions") == Answer(
        "Split: patient, seed 3. train: normal 1,142, viral 20; validation: normal 9."
    )
    without_seed = {key: value for key, value in TRAINED.items() if key != "split_seed"}
    assert "seed" not in answer(facts(record, data=without_seed), "partitions").text
    assert ANSWERS["partitions"](facts(record, data={})) is None


@pytest.mark.parametrize(
    ("known", "split", "status"),
    [(True, "patient", "answered"), (False, "patient", "in part"), (True, None, "in part")],
)
def test_disjointness_is_only_claimed_if_both_sides_are_known(
    record: Evaluation, known: bool, split: str | None, status: str
) -> None:
    (bundle, *_) = record.bundles
    overlap = TrainingOverlap(known, 0 if known else None, 0 if known else None, "as it is")
    meta = replace(bundle.meta, data={"split": split} if split else {})
    made = answer(Facts(record, replace(bundle, meta=meta, overlap=overlap)), "disjoint")
    assert made.status == status
    assert made.text.endswith("As it is.")


def test_shares_are_those_of_the_question(record: Evaluation) -> None:
    # 40 of 60 films are ill.
    assert answer(facts(record), "representative").text.startswith(
        "66.7% of the films are PNEUMONIA."
    )
    made = answer(facts(record, data=TRAINED), "differences").text
    assert "Labels of the training films: normal 1,142, viral 20. Here 66.7% are PNEUMONIA." in made
    assert ANSWERS["differences"](facts(record, data={})) is None


def test_counts_need_a_record_of_training(record: Evaluation) -> None:
    assert answer(facts(record, data=TRAINED), "counts").text == (
        "Training: normal 1,142, viral 20. Validation: normal 9. Here: 60 films, 40 positive."
    )
    assert ANSWERS["counts"](facts(record, data={})) is None


def test_characteristics_name_subgroups_and_training(record: Evaluation) -> None:
    made = answer(facts(record, data=TRAINED), "characteristics")
    assert made.status == "in part"
    assert "sex" in made.text
    assert "labels in training and validation: normal 1,142, viral 20; normal 9" in made.text
    (bundle, *_) = record.bundles
    bare = replace(bundle, targets=(replace(bundle.targets[0], subgroups=()),))
    assert ANSWERS["characteristics"](Facts(record, bare)) is None


def test_poor_films_name_the_reasons_that_occurred(record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    codes = [reason.code for reason in bundle.verdicts.gate if reason.refused]
    assert codes  # three films are too small
    made = answer(Facts(record, bundle), "poor_input")
    assert f"Reasons here: {', '.join(codes)}. The section on robustness" in made.text
    none = replace(bundle, verdicts=replace(bundle.verdicts, gate=()), robustness=None)
    assert answer(Facts(record, none), "poor_input").text.endswith("Reasons here: none.")


def test_views_of_the_training_films_are_named_if_they_are_known(record: Evaluation) -> None:
    assert answer(facts(record), "acquisition").text.startswith(
        "Views of the training films: AP, PA."
    )
    population = replace(record.bundles[0].meta.population, views=())
    assert ANSWERS["acquisition"](facts(record, population=population)) is None


def test_preprocessing_gives_both_sizes(record: Evaluation) -> None:
    text = answer(facts(record, recipe={"scaling": "standardise"}), "preprocessing").text
    assert "to 224 x 224 pixels" in text
    assert "then to 32 x 32; scaling standardise." in text
