"""The content of ``bundle.json``: what is read of it, and what cannot be."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from typing import Any

import pytest

from pneumoscope.bundle.content import meta_from_json, rules_from_json
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.records import Population
from tiny import findings_meta, scored_meta, tiny_meta


def content(meta: Any = None) -> dict[str, Any]:
    """As it goes through JSON, where a tuple becomes a list."""
    read: dict[str, Any] = json.loads(json.dumps(asdict(meta or tiny_meta())))
    return read


def changed(**values: Any) -> dict[str, Any]:
    """The tiny bundle's content with values in other places: ``a__b`` is ``b`` of ``a``."""
    made = copy.deepcopy(content())
    for key, value in values.items():
        *outer, last = key.split("__")
        place = made
        for name in outer:
            place = place[name]
        place[last] = value
    return made


def test_bundles_of_earlier_versions_name_no_sources_of_their_limits() -> None:
    former = content(scored_meta())
    del former["conformal"]["sources"]
    conformal = meta_from_json(former).conformal
    assert conformal is not None
    assert conformal.sources == {}


@pytest.mark.parametrize(
    "meta",
    [
        tiny_meta(),
        scored_meta(),
        findings_meta(),
        tiny_meta(gate={"limits": {"distance": 1.5}, "measured": {"plain": {"films": 3}}}),
        tiny_meta(explanation={"limits": {"fast": 0.25}, "films": 200, "negative": {"limits": {}}}),
        tiny_meta(population=Population("nobody knows", None, ())),
        tiny_meta(warnings=("Look twice.",), kinds_warning="They look alike."),
        tiny_meta(
            conformal=Scores(
                {"PNEUMONIA": Sides((0.5,), (0.5,))}, sources={"north": 0.05, "south": 0.02}
            )
        ),
        tiny_meta(conformal=Scores({"PNEUMONIA": Sides((0.5,), (0.5,))}, left_out={"north": 0.05})),
    ],
    ids=[
        *("tiny", "scores", "findings", "gate", "explanation", "population", "sentences"),
        *("sources", "left-out"),
    ],
)
def test_what_was_written_is_read(meta: Any) -> None:
    assert meta_from_json(content(meta)) == meta


def test_rules_are_those_of_the_bundle() -> None:
    meta = scored_meta(gate={"limits": {"distance": 1.5}, "measured": {}})
    assert rules_from_json(content(meta)) == meta.rules


def test_rules_need_none_of_the_rest() -> None:
    bare = content(scored_meta())
    for key in ("size", "source_size", "recipe", "data", "validation", "intended_use", "gate"):
        del bare[key]
    assert rules_from_json(bare).labels.names == ("normal", "bacterial", "viral")
    with pytest.raises(KeyError):
        meta_from_json(bare)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"size": 300}, "size 300, source_size 224"),
        ({"size": 0}, "size 0"),
        ({"task": "regression"}, "task 'regression'"),
        ({"labels": ["normal"]}, "with the labels"),
        ({"labels": ["normal", "viral", "viral"]}, "with the labels"),
        ({"negative": "healthy"}, "negative class 'healthy'"),
        ({"negative": None}, "negative class None"),
        ({"task": "multilabel"}, "negative class 'normal'"),
        ({"positive": "NORMAL"}, "cannot be called NORMAL"),
        ({"kinds": ["fungal"]}, r"kinds \('fungal',\)"),
        ({"kinds": ["normal"]}, r"kinds \('normal',\)"),
        ({"calibration__scale": [0.0]}, "calibration of 1 questions"),
        ({"calibration__scale": [1.0, 1.0]}, "calibration of 1 questions"),
        ({"calibration__offset": []}, "calibration of 1 questions"),
        ({"calibration__kinds_temperature": 0.0}, "calibration Calibration"),
        ({"calibration__prevalence": 1.0}, "calibration Calibration"),
        ({"calibration__prevalence": 0.0}, "calibration Calibration"),
        ({"explanation": {"limits": {"fast": 1.5}}}, "explanation limits"),
        ({"explanation": {"limits": {"fast": -0.1}}}, "explanation limits"),
        (
            {"explanation": {"limits": {}, "negative": {"limits": {"fast": 2.0}}}},
            "explanation limits",
        ),
    ],
)
def test_content_that_contradicts_itself(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        meta_from_json(changed(**values))


SIDE = [0.1, 0.5, 0.9]


@pytest.mark.parametrize(
    ("conformal", "words"),
    [
        ({"questions": {}, "kinds": {}}, "scores of nothing"),
        ({"questions": {"TB": {"negative": SIDE, "positive": SIDE}}, "kinds": {}}, "scores of"),
        (
            {
                "questions": {"PNEUMONIA": {"negative": SIDE, "positive": SIDE}},
                "kinds": {"fungal": SIDE},
            },
            "scores of",
        ),
        (
            {"questions": {"PNEUMONIA": {"negative": SIDE[::-1], "positive": SIDE}}, "kinds": {}},
            "do not ascend",
        ),
        (
            {"questions": {"PNEUMONIA": {"negative": SIDE, "positive": [0.5, 1.1]}}, "kinds": {}},
            "do not ascend",
        ),
        (
            {
                "questions": {"PNEUMONIA": {"negative": SIDE, "positive": SIDE}},
                "kinds": {"viral": [-0.1]},
            },
            "do not ascend",
        ),
    ],
)
def test_conformal_scores_ascend_and_belong_to_the_classes(
    conformal: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        meta_from_json(changed(conformal=conformal))


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.2, float("nan")])
def test_thresholds_lie_between_0_and_1(threshold: float) -> None:
    made = content()
    made["operating_points"][0]["threshold"] = threshold
    with pytest.raises(ValueError, match=r"threshold .* of balanced"):
        rules_from_json(made)


def test_findings_have_a_threshold_each_in_their_order() -> None:
    made = content(findings_meta())
    points = made["operating_points"]
    made["operating_points"] = points[1:]
    with pytest.raises(ValueError, match="operating point balanced is for"):
        meta_from_json(made)
    made["operating_points"] = [points[1], points[0], *points[2:]]
    with pytest.raises(ValueError, match="operating point balanced is for"):
        meta_from_json(made)


def test_findings_are_of_no_kind() -> None:
    made = content(findings_meta())
    made["kinds"] = ["Mass"]
    with pytest.raises(ValueError, match="several findings"):
        meta_from_json(made)


@pytest.mark.parametrize("key", sorted(content()))
def test_every_key_is_needed_but_four(key: str) -> None:
    made = content()
    del made[key]
    if key in ("gate", "explanation", "resize", "heatmaps"):  # former bundles had none
        assert meta_from_json(made) == tiny_meta()
    else:
        with pytest.raises((KeyError, TypeError)):
            meta_from_json(made)
