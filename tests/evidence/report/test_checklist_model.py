"""Answers about the network and its training."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.checklists.facts import Answer, Facts
from pneumoscope.evidence.report.checklists.model import ANSWERS

RECIPE = {
    "network": "densenet121", "head": "gap", "optimiser": "adamw", "learning_rate": 0.001,
    "epochs": 10, "loss": "focal", "scaling": "standardise", "clip": 3, "monitor": "val_loss",
    "patience": 5, "class_weight_power": 0.5, "seed": 7,
}  # fmt: skip


def facts(record: Evaluation, **changes: object) -> Facts:
    (bundle, *_) = record.bundles
    return Facts(record, replace(bundle, meta=replace(bundle.meta, **changes)))  # type: ignore[arg-type]


def answer(record: Evaluation, key: str, **changes: object) -> Answer | None:
    return ANSWERS[key](facts(record, **changes))


def test_the_network_is_described_from_the_recipe(record: Evaluation) -> None:
    made = answer(record, "model", recipe=RECIPE, validation={"parameters": 7_037_504})
    assert made == Answer(
        "Network densenet121, head gap, 7,037,504 parameters. Input 32 x 32 pixels, output "
        "multiclass over normal, bacterial, viral. The recipe in bundle.json contains the rest."
    )


def test_training_names_its_settings_and_its_films(record: Evaluation) -> None:
    data = {"films": {"train": {"normal": 1142, "viral": 20}}}
    made = answer(record, "training", recipe=RECIPE, data=data)
    assert made is not None
    assert made.text.startswith(
        "Network densenet121, optimiser adamw, learning rate 0.001, epochs 10, loss focal, seed 7."
    )
    assert "Training films: normal 1,142, viral 20." in made.text
    bare = answer(record, "training", recipe=RECIPE)
    assert bare is not None
    assert "Training films" not in bare.text


def test_start_weights_scaling_and_selection(record: Evaluation) -> None:
    assert answer(record, "start", validation={"start_weights": {"name": "imagenet"}}) == Answer(
        "Start weights: imagenet."
    )
    assert answer(record, "scaling", recipe=RECIPE) == Answer(
        "Inside the network: scaling standardise, clip 3."
    )
    made = answer(record, "selection", recipe=RECIPE)
    assert made is not None
    assert (made.status, "other models that were tried" in made.text) == ("in part", True)
    assert answer(record, "ensemble", recipe=RECIPE) == Answer("One network, no ensemble.")


def test_imbalance_names_the_calibration_that_follows(record: Evaluation) -> None:
    made = answer(record, "imbalance", recipe=RECIPE)
    assert made is not None
    assert made.text.startswith("Class weight power 0.5, loss focal. Calibrated afterwards: ")


@pytest.mark.parametrize(
    "key", ["scaling", "model", "start", "training", "selection", "ensemble", "imbalance"]
)
def test_a_bundle_without_a_recipe_answers_nothing_about_it(record: Evaluation, key: str) -> None:
    assert answer(record, key, recipe={}, validation={}) is None


def test_the_bundle_is_named_by_its_hash(record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    made = answer(record, "specification")
    assert made is not None
    assert bundle.sha256 in made.text
    assert "pneumoscope 0.1, numpy 2" in made.text
    short = answer(record, "predictions")
    assert short is not None
    assert f"SHA-256 {bundle.sha256[:12]}." in short.text


def test_software_of_training_is_not_claimed(record: Evaluation) -> None:
    made = answer(record, "software")
    assert made == Answer(
        "Evaluation: pneumoscope 0.1, numpy 2. Not recorded: versions used in training.", "in part"
    )


def test_the_network_sees_the_film_alone(record: Evaluation) -> None:
    for key in ("predictors", "blind"):
        made = answer(record, key)
        assert made is not None
        assert "clinical fact" in made.text
