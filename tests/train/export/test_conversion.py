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

    from pneumoscope.decision.calibration import Calibration
    from pneumoscope.train.export import conversion
    from pneumoscope.train.export.exported import ExportedNetwork
    from pneumoscope.train.network import keras_model
    from pneumoscope.train.quiet import no_chatter
    from pneumoscope.train.recipe.settings import Recipe

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


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_a_calibration_written_into_the_file_is_that_of_the_graph(
    task: str, tmp_path: Path
) -> None:
    """The open values have no trace afterwards but constants of the same names."""
    columns = 2 if task == "binary" else 3
    scale, offset = ((1.7,), (0.4,)) if task != "multilabel" else ((0.5, 1, 2), (-1, 0, 1.5))
    offsets = (0.0, -0.8) if task == "multiclass" else ()
    calibration = Calibration(scale, offset, 1.3, kinds_offsets=offsets)
    recipe = Recipe(size=32, task=task, network="cnn", filters=(4, 6), negative="", scaling="unit")
    keras.utils.set_random_seed(0)
    model = keras_model.build(recipe, columns, None)
    open_file, file = tmp_path / "network.onnx", tmp_path / "model.onnx"
    with no_chatter():
        conversion.convert(keras_model.serving_model(model, None, task), open_file)
    conversion.calibrate(open_file, calibration, file)
    films = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 1)).astype(np.uint8)
    expected = keras_model.serving_model(model, calibration, task)(films)
    outputs = ExportedNetwork(file).outputs(films)
    for name, values in outputs.items():
        assert values == pytest.approx(np.asarray(expected[name]), abs=1e-5), name
    graph = onnx.load(str(file)).graph
    assert [value.name for value in graph.input] == ["films"]
    names = {value.name for value in graph.initializer if value.name.startswith("calibration_")}
    assert names == {f"calibration_{n}" for n in ("scale", "against")} | (
        {f"calibration_kinds_{n}" for n in ("scale", "against")} if task == "multiclass" else set()
    )
