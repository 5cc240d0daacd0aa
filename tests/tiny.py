"""Films and bundles that the tests make, so that most of the suite needs neither data nor Keras."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pneumoscope.bundle import CARD, GOLDEN, MODEL, BundleMeta
from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.profile import SitePoint, SiteProfile
from pneumoscope.metrics import Interval
from pneumoscope.records import OperatingPoint, Population

TINY_SIZE = 32
KINDS_WARNING = "bacterial or viral: in children a film alone cannot tell them apart"


def tiny_model(
    path: Path, last: str = "Softmax", *, features: bool = False, lungs: bool = False
) -> None:
    """A network whose answer can be computed by hand.

    With m the film's mean grey level / 255, the logits are (0, 8 (m - 0.5), 8 (m - 0.5) - 1):
    bright films are bacterial, dark ones normal. Heatmaps are 8 x 8 means of 4 x 4 pixels / 255.
    With ``last`` "Sigmoid" the three logits stand for three findings. The gate's ``features``, on
    request, are the embedding; its ``lungs``, on request, are the grey levels of the heatmaps' cells.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def constant(name: str, value: object, dtype: type = np.float32) -> onnx.TensorProto:
        return numpy_helper.from_array(np.asarray(value, dtype), name)

    nodes = [
        helper.make_node("Cast", ["films"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["grey", "full"], ["x"]),
        helper.make_node("Transpose", ["x"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "AveragePool", ["planes"], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]
        ),
        helper.make_node("Flatten", ["pooled"], ["embedding"]),
        helper.make_node("Concat", ["pooled", "pooled", "pooled"], ["heatmaps"], axis=1),
        helper.make_node("ReduceMean", ["embedding"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("MatMul", ["mean", "slopes"], ["tilted"]),
        helper.make_node("Add", ["tilted", "offsets"], ["logits"]),
        helper.make_node(
            last, ["logits"], ["probabilities"], **({"axis": 1} if last == "Softmax" else {})
        ),
    ]
    size = TINY_SIZE
    also = []
    if lungs:
        nodes.append(helper.make_node("Squeeze", ["pooled", "first"], ["lungs"]))
        also.append(helper.make_tensor_value_info("lungs", TensorProto.FLOAT, ["n", 8, 8]))
    if features:
        nodes.append(helper.make_node("Identity", ["embedding"], ["features"]))
        also.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 64]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("films", TensorProto.UINT8, ["n", size, size, 1])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, ["n", 3, 8, 8]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 64]),
            *also,
        ],
        [
            constant("full", 255.0),
            constant("slopes", [[0.0, 8.0, 8.0]]),
            constant("offsets", [0.0, -4.0, -5.0]),
            *([constant("first", [1], np.int64)] if lungs else []),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def tiny_meta(**changes: object) -> BundleMeta:
    values: dict[str, object] = {
        "name": "tiny",
        "version": "1",
        "task": "multiclass",
        "labels": ("normal", "bacterial", "viral"),
        "negative": "normal",
        "positive": "PNEUMONIA",
        "kinds": ("bacterial", "viral"),
        "kinds_warning": KINDS_WARNING,
        "warnings": (),
        "size": TINY_SIZE,
        "source_size": 224,
        "calibration": Calibration(prevalence=0.5),
        "conformal": None,
        "operating_points": (
            OperatingPoint("balanced", 0.5, "by hand"),
            OperatingPoint("screen", 0.1, "by hand"),
        ),
        "default_operating_point": "balanced",
        "population": Population("children in tests", (1.0, 5.0), ("AP", "PA")),
        "intended_use": "Tests.",
        "recipe": {},
        "data": {},
        "validation": {},
    }
    return BundleMeta(**(values | changes))  # type: ignore[arg-type]


def scored_meta(**changes: object) -> BundleMeta:
    """At 5 %: NORMAL up to P 0.2, PNEUMONIA from 0.7; bacterial from a share of 0.4, viral from 0.2."""

    def scores(at_1: float, at_5: float) -> tuple[float, ...]:
        return (at_1,) + (at_5,) * 8 + (0.99,) * 90

    questions = {"PNEUMONIA": Sides(scores(0.2, 0.8), scores(0.4, 0.7))}
    kinds = {"bacterial": scores(0.1, 0.4), "viral": scores(0.1, 0.2)}
    return tiny_meta(**({"conformal": Scores(questions, kinds)} | changes))


def findings_meta(**changes: object) -> BundleMeta:
    """Of the tiny network with sigmoids: of a film of mean grey m, Mass has the logit 8 (m - 0.5)."""
    names = ("Device", "Mass", "Nodule")
    points = [
        OperatingPoint(point, threshold, "by hand", name)
        for point, thresholds in (("balanced", (0.6, 0.5, 0.05)), ("screen", (0.6, 0.1, 0.01)))
        for name, threshold in zip(names, thresholds, strict=True)
    ]
    return tiny_meta(
        task="multilabel",
        labels=names,
        negative=None,
        positive="ABNORMAL",
        kinds=(),
        kinds_warning="",
        operating_points=tuple(points),
        **({"calibration": Calibration((1.0,) * 3, (0.0,) * 3)} | changes),
    )


def site_profile(**changes: object) -> SiteProfile:
    """Of a site that belongs to no bundle, unless told."""
    point = SitePoint(OperatingPoint("balanced", 0.4, "by hand"), Interval(0.9, 0.8, 0.95), None)
    values = {
        "name": "ward",
        "created": "2026-01-02",
        "bundle": "tiny 1",
        "bundle_sha256": "0" * 64,
        "films": 40,
        "patients": 30,
        "classes": {"normal": 20, "pneumonia": 20},
        "prevalence": None,
        "calibration": Calibration((0.5,), (1.0,), prevalence=0.5),
        "points": (point,),
        "default_operating_point": "balanced",
        "conformal": Scores({"PNEUMONIA": Sides((0.2, 0.7), (0.5, 0.9))}, {"viral": (0.1,)}),
        "gate_limits": {"distance": 2.5},
        "reference": {"log odds": (-1.0, 0.0, 2.0)},
        "verdict": "no-go",
        "reasons": ("few films",),
    }
    return SiteProfile(**(values | changes))  # type: ignore[arg-type]


def tiny_files(
    folder: Path, last: str = "Softmax", *, features: bool = False, lungs: bool = False
) -> dict[str, Path]:
    """The three files of a tiny bundle, in a folder of parts."""
    folder.mkdir(parents=True, exist_ok=True)
    tiny_model(folder / MODEL, last, features=features, lungs=lungs)
    (folder / CARD).write_text("# tiny\n")
    inputs = np.zeros((1, TINY_SIZE, TINY_SIZE, 1), np.uint8)
    logits = np.array([0.0, -4.0, -5.0])
    odds = np.exp(logits)
    probabilities = odds / odds.sum() if last == "Softmax" else odds / (1 + odds)
    np.savez(folder / GOLDEN, inputs=inputs, probabilities=probabilities[None].astype(np.float32))
    return {name: folder / name for name in (MODEL, GOLDEN, CARD)}
