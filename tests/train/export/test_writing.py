"""A bundle from its parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")

import pneumoscope
from pneumoscope.bundle import open_bundle
from pneumoscope.decision.gate import FRONTAL, Heads
from pneumoscope.train.export import writing
from pneumoscope.train.export.exported import ExportedNetwork
from pneumoscope.train.gate.features import Axes
from pneumoscope.train.gate.fitting import Fitted
from tiny import TINY_SIZE, tiny_meta, tiny_model


def test_golden_outputs_are_those_of_the_network(tmp_path: Path) -> None:
    tiny_model(tmp_path / "model.onnx")
    golden = writing.golden_of(ExportedNetwork(tmp_path / "model.onnx"), TINY_SIZE)
    assert golden["inputs"].shape == (writing.GOLDEN_FILMS, TINY_SIZE, TINY_SIZE, 1)
    bundle = writing.write(tmp_path / "bundle", tmp_path / "model.onnx", tiny_meta(), golden)
    assert {p.name for p in bundle.path.iterdir()} == {
        "model.onnx", "golden.npz", "README.md", "bundle.json",
    }  # fmt: skip
    assert pneumoscope.load(bundle).check() == 0.0


def test_a_gate_is_projected_into_the_model(tmp_path: Path) -> None:
    tiny_model(tmp_path / "model.onnx", features=True)
    golden = writing.golden_of(ExportedNetwork(tmp_path / "model.onnx"), TINY_SIZE)
    axes = Axes(
        mean=np.zeros(64, np.float32),
        scale=np.full(64, 0.5, np.float32),
        axes=np.full((64, 2), 1 / 64, np.float32),
        centre=np.array([0.0, 1.0], np.float32),
    )
    heads = Heads(
        kinds=(FRONTAL, "noise-like"),
        weights=np.zeros((2, 2), np.float32),
        bias=np.zeros(2, np.float32),
        mirror=np.zeros(3, np.float32),
    )
    measured = {
        "learned": {"plain": 9}, "plain": {"films": 3, "refused": 0.0}, "stress": {"blur": 0.0},
        "augmented": 0.0, "changed": {"mirrored": {"recognised": 1.0}},
    }  # fmt: skip
    limits = {"unsuitable": 0.5, "distance": 9.0}
    gate = Fitted(axes, heads, {"limits": limits, "measured": measured})
    meta = tiny_meta(gate=gate.record)
    bundle = writing.write(tmp_path / "bundle", tmp_path / "model.onnx", meta, golden, gate)
    # The mean of cells of 0.8 over a scale of 0.5, along both axes, less the centre.
    bright = np.full((1, TINY_SIZE, TINY_SIZE, 1), 204, np.uint8)
    features = ExportedNetwork(bundle.model).gate_features(bright)
    assert features[0] == pytest.approx([1.6, 0.6], abs=1e-6)
    assert open_bundle(bundle.path).gate == bundle.path / "gate.npz"
    with np.load(bundle.path / "gate.npz") as stored:
        assert stored["kinds"].tolist() == list(heads.kinds)


def test_an_older_bundle_is_replaced(tmp_path: Path) -> None:
    for version in ("1", "2"):
        tiny_model(tmp_path / "model.onnx")
        golden = writing.golden_of(ExportedNetwork(tmp_path / "model.onnx"), TINY_SIZE)
        writing.write(
            tmp_path / "bundle", tmp_path / "model.onnx", tiny_meta(version=version), golden
        )
    assert open_bundle(tmp_path / "bundle").meta.version == "2"
