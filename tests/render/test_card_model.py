"""The sections of a model card, from records made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.records import OperatingPoint
from pneumoscope.render.card.model import _point, model_card
from tiny import findings_meta, scored_meta, tiny_meta


def section(heading: str, text: str) -> str:
    """The text below a heading of the second level."""
    return text.split(f"## {heading}\n\n")[1].split("\n\n## ")[0]


def test_operating_points() -> None:
    points = (
        OperatingPoint("balanced", 0.5, "by hand"),
        OperatingPoint("rare", 0.0004, "by hand"),
    )
    rows = section("Operating points", model_card(tiny_meta(operating_points=points)))
    ranges = "NORMAL below 0.500, PNEUMONIA from 0.500"
    assert "| name | probability | threshold | verdicts | chosen for |" in rows
    assert f"| balanced | P(pneumonia) | 0.500 | {ranges} | by hand |" in rows
    ranges = ranges.replace("0.500", "4.0e-04")
    assert f"| rare | P(pneumonia) | 4.0e-04 | {ranges} | by hand |" in rows
    rows = section("Operating points", model_card(scored_meta()))
    assert "| name | probability | threshold | verdicts at error 5% | chosen for |" in rows
    assert "| 0.500 | NORMAL below 0.200, UNDETERMINED from 0.200, PNEUMONIA from 0.700 |" in rows
    rows = section("Operating points", model_card(findings_meta()))
    assert (
        "| balanced | P(Mass) | 0.500 | absent below 0.500, present from 0.500 | by hand |" in rows
    )


def test_limits_of_the_conformal_sets() -> None:
    # At an error of 5 %, the limit is the second smallest of 39 scores.
    low, high = (0.1, 0.2, *(0.9,) * 37), (0.3, 0.4, *(0.95,) * 37)
    scores = Scores({"PNEUMONIA": Sides(low, high)})
    text = section("Probabilities and UNDETERMINED", model_card(tiny_meta(conformal=scores)))
    assert "They belong to a prevalence of 50%" in text
    assert "| PNEUMONIA | 39 | 39 | 0.800 | 0.400 |" in text
    assert "\n2.5 % or more)" in text
    assert "in each of these sources" not in text
    each = Scores({"PNEUMONIA": Sides(low, high)}, sources={"north": 0.05, "south": 1 / 48})
    text = section("Probabilities and UNDETERMINED", model_card(tiny_meta(conformal=each)))
    assert "in brackets: north (5 % or more), south (2.1 % or more)." in text
    assert "trained without them" not in text
    unseen = Scores({"PNEUMONIA": Sides(low, high)}, left_out={"east": 1 / 272})
    text = section("Probabilities and UNDETERMINED", model_card(tiny_meta(conformal=unseen)))
    assert "sources that other networks were trained without. By\nthese networks" in text
    assert 'the answer "no" is kept for all but that share of them: east (0.4 % or more).' in text


def test_without_scores_nothing_is_undetermined() -> None:
    text = section("Probabilities and UNDETERMINED", model_card(tiny_meta()))
    assert "No verdict is ever UNDETERMINED" in text


def test_findings_without_scores_are_named() -> None:
    sides = Sides((0.5,) * 39, (0.5,) * 39)
    text = model_card(findings_meta(conformal=Scores({"Mass": sides})))
    assert "Without sets, because there are too few films: Device, Nodule." in text
    assert "prevalence" not in section("Probabilities and UNDETERMINED", text)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"name": "none"}, "- Start weights: none, random."),
        ({"name": "imagenet"}, "- Start weights: MobileNetV2, ImageNet weights of"),
        ({"name": "w.h5", "sha256": "ab"}, "- Start weights: the file w.h5, SHA-256 `ab`."),
        (
            {"name": "average of the runs a (1), b (2)", "began_with": "w.h5", "sha256": "ab"},
            "- Start weights: the average of the runs a (1), b (2). They began with: the file w.h5, "
            "SHA-256 `ab`.",
        ),
        (
            {"name": "run a (1)", "run_sha256": "cd", "began_with": "w.h5", "sha256": "ab"},
            "- Start weights: the run a (1). It began with: the file w.h5, SHA-256 `ab`.",
        ),
        (
            {"name": "average of the runs a (1), b (2)", "began_with": "none"},
            "- Start weights: the average of the runs a (1), b (2). They began with: none, random.",
        ),
    ],
)
def test_start_weights(weights: dict[str, str], words: str) -> None:
    recipe: dict[str, Any] = {"network": "MobileNetV2", "head": "gap", "scaling": "unit"}
    text = model_card(tiny_meta(recipe=recipe, validation={"start_weights": weights}))
    assert section("Attribution", text).startswith(words)
    assert text.startswith("# tiny 1\n\n**Tests.**\n\nMobileNetV2 with global average pooling")
    assert (
        "a softmax over 3 classes (normal, bacterial, viral), 32 x 32 pixels, pixels divided"
        in text
    )


def test_the_recipe_and_its_minutes() -> None:
    meta = tiny_meta(
        recipe={"network": "cnn", "head": "flatten", "scaling": "own"},
        validation={"training_minutes": 26.7},
    )
    text = section("Recipe", model_card(meta))
    assert text.startswith("Trained for 27 minutes, validation and export apart.\n\n```json\n{")
    assert section("Recipe", model_card(tiny_meta())).startswith("Not recorded.")


def test_the_warning_about_kinds_is_a_limit() -> None:
    text = section("Limits", model_card(tiny_meta()))
    assert text.startswith("- Bacterial or viral: in children a film alone cannot tell them apart;")
    without = section("Limits", model_card(tiny_meta(kinds=(), kinds_warning="")))
    assert without.startswith("- Heatmaps tell which cells")


def test_sources_left_out_are_named() -> None:
    counts = {"normal": 3, "bacterial": 2, "viral": 1}
    data: dict[str, Any] = {
        "source": "drawn films",
        "attribution": "",
        "licence": "",
        "split": "patient",
        "warnings": [],
        "manifest_sha256": "ab",
        "films": {"train": counts, "validation": counts},
    }
    unseen = "The films of north, south were left out: the network has not seen them."
    assert unseen in model_card(tiny_meta(data=data | {"left_out": ["north", "south"]}))
    assert "were left out" not in model_card(tiny_meta(data=data))


def test_the_threshold_of_a_rare_class_is_not_zero() -> None:
    point = {"name": "balanced", "threshold": 0.00025}
    assert "threshold 2.5e-04." in _point(tiny_meta(validation={"operating_point": point}))


def test_the_head_and_what_the_heatmaps_are() -> None:
    recipe: dict[str, Any] = {"network": "MobileNetV2", "head": "lungs", "scaling": "unit"}
    text = " ".join(model_card(tiny_meta(recipe=recipe)).split())
    assert "MobileNetV2 with a head that reads the evidence on each lung and" in text
    assert (
        "The heatmaps are the contribution of each cell of the lungs to the odds of the verdict."
        in text
    )
    text = model_card(tiny_meta(recipe=recipe | {"head": "flatten"}))
    assert "with flattened feature maps and" in text
    assert "The heatmaps are Grad-CAM in closed form." in text
