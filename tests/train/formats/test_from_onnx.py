"""Networks that come back from ONNX to Keras."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from onnx_graphs import graph

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import onnx
    from onnx import helper

    from pneumoscope.train.data import phantom
    from pneumoscope.train.formats import from_onnx

from pneumoscope import bundle as bundles
from pneumoscope.bundle import Bundle
from pneumoscope.errors import ConversionError
from pneumoscope.train.export.exported import OUTPUTS

# Keras' own saving warns under NumPy 2.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]


def test_the_shipped_network_comes_back(tmp_path: Path) -> None:
    """MobileNetV2 with all three outputs."""
    import onnxruntime

    shipped = bundles.open_bundle()
    model = from_onnx.keras_model(shipped.model)
    films = phantom.films(4, shipped.meta.size)
    outputs = model(films)
    session = onnxruntime.InferenceSession(str(shipped.model))
    for output in OUTPUTS:
        (expected,) = session.run([output], {"films": films})
        assert np.abs(np.asarray(outputs[output]) - expected).max() <= 1e-4, output
    assert model.input_shape == (None, shipped.meta.size, shipped.meta.size, 1)


def test_the_tiny_network_comes_back(tiny_bundle: Bundle) -> None:
    dark = np.full((1, 32, 32, 1), 51, np.uint8)
    logits = np.array([0.0, 8 * (0.2 - 0.5), 8 * (0.2 - 0.5) - 1])
    expected = np.exp(logits) / np.exp(logits).sum()
    probabilities = from_onnx.keras_model(tiny_bundle.model)(dark)["probabilities"]
    assert np.allclose(np.asarray(probabilities)[0], expected, atol=1e-5)


def test_an_unknown_operator_is_named(tmp_path: Path) -> None:
    file = graph(tmp_path / "g.onnx", helper.make_node("CumSum", ["x", "axis"], ["y"]))
    model = onnx.load(str(file))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(1), "axis"))
    onnx.save(model, str(file))
    with pytest.raises(ConversionError, match="CumSum"):
        from_onnx.keras_model(file)
    fused = helper.make_node("FusedConv", ["x", "grid"], ["y"], domain="com.microsoft")
    with pytest.raises(ConversionError, match=r"com\.microsoft\.FusedConv"):
        from_onnx.keras_model(graph(tmp_path / "h.onnx", fused))
