"""Predictions as JSON values, and back."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from pneumoscope.errors import UnknownFormat
from pneumoscope.records import GateReport, Outcome, Prediction
from pneumoscope.render.serialise import (
    NOT_READ_YET,
    NOTICE,
    outcome_to_json,
    p_positive_of,
    prediction_from_json,
    prediction_to_json,
    stored_to_json,
)
from predictions import REFUSING, prediction, refused, with_findings, with_zones

OF_THE_VERDICT = (
    "called", "p_positive", "p_pneumonia", "p_unadjusted", "probabilities", "classes", "kinds",
    "subtype", "findings", "explanation", "heatmap_class",
)  # fmt: skip


def through_json(p: Prediction, *, heatmap: bool = True) -> Prediction:
    return prediction_from_json(json.loads(json.dumps(prediction_to_json(p, heatmap=heatmap))))


def assert_same(first: Prediction, second: Prediction) -> None:
    for field in dataclasses.fields(Prediction):
        a, b = getattr(first, field.name), getattr(second, field.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_allclose(a, b, atol=1e-6)
        elif field.name == "timings_ms":
            assert b == {step: round(ms, 3) for step, ms in a.items()}
        else:
            assert a == b, field.name


@pytest.mark.parametrize(
    "p",
    [
        prediction(),
        prediction(label="UNDETERMINED", classes=(), kinds=(), subtype=None),
        prediction(prevalence=0.1, p_positive=0.3, profile="ward (2026)"),
        prediction(heatmap=None, explanation=None),
        with_findings(),
    ],
    ids=["plain", "undetermined", "adjusted", "no heatmap", "findings"],
)
def test_what_is_written_is_read_again(p: Prediction) -> None:
    assert_same(p, through_json(p))


def test_probabilities_have_six_digits() -> None:
    record = prediction_to_json(prediction(p_positive=0.12345678, p_unadjusted=1 / 3))
    assert (record["p_positive"], record["p_unadjusted"]) == (0.123457, 0.333333)
    assert record["p_pneumonia"] == record["p_positive"]
    assert record["timings_ms"] == {"infer": 1.235}
    assert record["notice"] == NOTICE


def test_facts_that_are_not_known_are_not_named() -> None:
    assert prediction_to_json(prediction())["film"] == {
        "format": "PNG", "rows": 300, "columns": 224, "bits": 8, "colour": False, "tint": 0.0,
        "reduced_by": 1,
    }  # fmt: skip


def test_the_heatmap_is_written_on_request_only() -> None:
    assert "heatmap" not in prediction_to_json(prediction())
    assert prediction_to_json(prediction(), heatmap=True)["heatmap"] == [[0, 1], [0.5, 0.25]]
    assert "heatmap" not in prediction_to_json(prediction(heatmap=None), heatmap=True)


@pytest.mark.parametrize("key", OF_THE_VERDICT)
def test_a_refused_film_has_no_figure(key: str) -> None:
    assert prediction_to_json(prediction(), heatmap=True)[key] is not None
    assert prediction_to_json(refused(), heatmap=True)[key] is None


def test_a_refused_film_keeps_its_reasons() -> None:
    record = prediction_to_json(refused(), heatmap=True)
    assert record["label"] == "REFUSED"
    assert record["heatmap"] is None
    assert record["gate"]["reasons"] == [dataclasses.asdict(REFUSING)]
    assert not any("0.8" in str(value) for value in record.values())
    again = prediction_from_json(json.loads(json.dumps(record)))
    assert math.isnan(again.p_positive)
    assert math.isnan(again.p_unadjusted)
    assert (again.called, again.probabilities, again.classes) == ("", {}, ())
    assert again.gate == GateReport("refuse", (REFUSING,), {"inverted": 0.9})


def test_a_forced_verdict_keeps_its_figures() -> None:
    record = prediction_to_json(refused(label="PNEUMONIA", forced=True))
    assert (record["forced"], record["p_positive"]) == (True, 0.8)


@pytest.mark.parametrize(
    ("record", "p"),
    [
        ({"p_positive": 0.25, "p_pneumonia": 0.5}, 0.25),
        ({"p_pneumonia": 0.5}, 0.5),  # of a former version
        ({"p_positive": None}, None),
    ],
)
def test_the_former_name_is_read_too(record: dict[str, float | None], p: float | None) -> None:
    assert p_positive_of(record) == p


def test_one_film_of_a_batch() -> None:
    record = outcome_to_json(Outcome("a.png", 0, prediction=prediction()))
    assert list(record)[:2] == ["source", "label"]
    failed = outcome_to_json(Outcome("b.txt", 1, error=UnknownFormat("b.txt")))
    assert set(failed) == {"source", "error"}
    assert failed["error"]["code"] == "UnknownFormat"
    assert failed["error"]["hint"]
    with pytest.raises(ValueError, match="a prediction or an error"):
        outcome_to_json(Outcome("c.png", 2))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.1234564, 0.123456), (0.1234566, 0.123457), (2 / 3, 0.666667), (4e-7, 0.0),
        (6e-7, 1e-6), (0.9999996, 1.0), (0.0, 0.0), (1.0, 1.0),
    ],
)  # fmt: skip
def test_every_probability_is_rounded_the_same_way(value: float, written: float) -> None:
    finding = dataclasses.replace(with_findings().findings[0], probability=value)
    explanation = dataclasses.replace(
        prediction().explanation,  # type: ignore[type-var]
        score=value,
        checks={"inside": value},
    )
    record = prediction_to_json(
        prediction(
            p_positive=value,
            p_unadjusted=value,
            probabilities={"a": value},
            findings=(finding,),
            explanation=explanation,
            gate=GateReport("ok", (), {"distance": value}),
            heatmap=np.array([[value]]),
        ),
        heatmap=True,
    )
    assert [
        record["p_positive"], record["p_pneumonia"], record["p_unadjusted"],
        record["probabilities"]["a"], record["findings"][0]["probability"],
        record["explanation"]["score"], record["explanation"]["checks"]["inside"],
        record["gate"]["scores"]["distance"], record["heatmap"][0][0],
    ] == [written] * 9  # fmt: skip


def test_chosen_figures_are_not_rounded() -> None:
    point = dataclasses.replace(prediction().operating_point, threshold=0.123456789)
    record = prediction_to_json(prediction(operating_point=point, error=1 / 30, prevalence=1 / 7))
    assert record["operating_point"]["threshold"] == 0.123456789
    assert (record["error_rate"], record["prevalence"]) == (1 / 30, 1 / 7)


def test_zones_and_the_lung_field_come_back() -> None:
    p = with_zones()
    record = json.loads(json.dumps(prediction_to_json(p, heatmap=True)))
    assert record["zones"] == [
        {"name": "right lower zone", "share": 0.613},
        {"name": "left middle zone", "share": 0.35},
    ]
    restored = prediction_from_json(record)
    assert restored.zones == p.zones
    assert restored.lungs is not None
    assert restored.lungs.tolist() == [[0.0, 1.0], [0.75, 0.25]]
    # Nothing of a refused film, and nothing in records of an earlier version.
    assert prediction_to_json(refused(zones=p.zones))["zones"] is None
    del record["zones"], record["lungs"]
    assert prediction_from_json(record).zones == ()
    assert prediction_from_json(record).lungs is None


def test_json_has_no_value_that_only_python_reads() -> None:
    for p in (prediction(), refused(), with_findings()):
        text = json.dumps(prediction_to_json(p, heatmap=True), allow_nan=False)
        assert "NaN" not in text


def test_a_heatmap_comes_back_with_its_shape_and_place() -> None:
    heat = np.arange(12, dtype=np.float32).reshape(3, 4) / 11
    again = through_json(prediction(heatmap=heat)).heatmap
    assert again is not None
    assert (again.shape, again.dtype) == ((3, 4), np.float32)
    np.testing.assert_allclose(again, heat, atol=1e-6)
    assert through_json(prediction(heatmap=heat), heatmap=False).heatmap is None


def test_a_stored_film_has_its_result_or_says_why_it_has_none() -> None:
    error = {"code": "UnknownFormat", "message": "no image", "hint": "Look at it."}
    assert stored_to_json("a.png", {"label": "NORMAL"}, None) == {
        "source": "a.png",
        "label": "NORMAL",
    }
    assert stored_to_json("a.png", None, error) == {"source": "a.png", "error": error}
    assert stored_to_json("a.png", None, None) == {"source": "a.png", "error": NOT_READ_YET}
