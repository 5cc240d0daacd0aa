"""From a Keras model to an ONNX file; whole networks are converted in the tests of backbones."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    import onnx
    from keras import layers

    from pneumoscope.train.export import conversion
    from pneumoscope.train.export.exported import ExportedNetwork
    from pneumoscope.train.quiet import no_chatter

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]


def serving() -> keras.Model:
    """A convolution of ones over a film / 255, its mean as probability and as embedding."""
    films = keras.Input((8, 8, 1), name="films", dtype="uint8")
    x = layers.Rescaling(1 / 255)(films)
    maps = layers.Conv2D(1, 1, activation="gelu", kernel_initializer="ones", name="conv")(x)
    mean = layers.GlobalAveragePooling2D()(maps)
    named = {
        "probabilities": layers.Activation("linear", name="probabilities")(mean),
        "heatmaps": layers.Permute((3, 1, 2), name="heatmaps")(maps),
        "embedding": layers.Activation("linear", name="embedding")(mean),
    }
    return keras.Model(films, named)


def test_the_file_computes_the_same_and_names_its_outputs(tmp_path: Path) -> None:
    model = serving()
    films = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    expected = np.asarray(model(films)["heatmaps"])
    with no_chatter():
        conversion.convert(model, tmp_path / "model.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    outputs = ExportedNetwork(tmp_path / "model.onnx").outputs(films)
    assert outputs["heatmaps"] == pytest.approx(expected, abs=1e-6)
    graph = onnx.load(str(tmp_path / "model.onnx")).graph
    assert [value.type.tensor_type.shape.dim[0].dim_param for value in graph.output] == [
        "n" for _ in graph.output
    ]
    assert "Erf" in {node.op_type for node in graph.node}  # the exact GELU
