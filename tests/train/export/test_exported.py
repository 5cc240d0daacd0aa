"""An exported network in one session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pneumoscope.train.export.exported import OUTPUTS, ExportedNetwork
from tiny import TINY_SIZE, tiny_model


def bright() -> np.ndarray:
    return np.full((2, TINY_SIZE, TINY_SIZE, 1), 204, np.uint8)


def test_the_outputs_by_hand(tmp_path: Path) -> None:
    tiny_model(tmp_path / "model.onnx", features=True)
    network = ExportedNetwork(tmp_path / "model.onnx")
    logits = np.array([0.0, 8 * 0.3, 8 * 0.3 - 1])  # of a film of 0.8 of full scale
    expected = np.exp(logits) / np.exp(logits).sum()
    assert network.probabilities(bright())[1] == pytest.approx(expected, abs=1e-6)
    p, maps = network.heatmaps(bright())
    assert p[0] == pytest.approx(expected, abs=1e-6)
    assert maps.shape == (2, 3, 8, 8)
    assert maps == pytest.approx(0.8)
    outputs = network.outputs(bright())
    assert tuple(outputs) == OUTPUTS
    assert outputs["embedding"].shape == (2, 64)
    assert network.gate_features(bright()) == pytest.approx(0.8)


def test_lung_fields_are_not_in_every_network(tmp_path: Path) -> None:
    tiny_model(tmp_path / "plain.onnx")
    assert ExportedNetwork(tmp_path / "plain.onnx").lungs is None
    tiny_model(tmp_path / "model.onnx", lungs=True)
    lungs = ExportedNetwork(tmp_path / "model.onnx").lungs
    assert lungs is not None
    assert lungs(bright()) == pytest.approx(np.full((2, 8, 8), 0.8))


@pytest.mark.parametrize("features", [False, True])
def test_features_for_a_gate_are_not_in_every_network(features: bool, tmp_path: Path) -> None:
    tiny_model(tmp_path / "model.onnx", features=features)
    assert ExportedNetwork(tmp_path / "model.onnx").has_gate_features is features
