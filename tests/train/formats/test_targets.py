"""What each format is made of."""

from __future__ import annotations

import builtins
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx_graphs import graph

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import onnx
    from onnx import helper

    from pneumoscope.train.formats import convert

from pneumoscope import bundle as bundles
from pneumoscope.bundle import Bundle
from pneumoscope.errors import ConversionError, MissingExtra
from pneumoscope.installation import install_command

# Keras' own saving warns under NumPy 2.
pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning"),
]


def quiet(text: str) -> None:
    pass


def test_openvino(conv_bundle: Bundle, tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="needs the [openvino] extra")
    done = convert.export(conv_bundle, "openvino", tmp_path / "ir", None, quiet)
    assert done.parity.max_dp <= 1e-4
    assert {p.name for p in done.path.iterdir()} == {"model.xml", "model.bin"}


def test_openvino_is_optional(
    conv_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "openvino":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra) as caught:
        convert.export(conv_bundle, "openvino", tmp_path / "ir", None, quiet)
    assert install_command("openvino") in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_int8_computes_convolutions_in_int8(
    conv_bundle: Bundle, labelled_films: Path, tmp_path: Path
) -> None:
    import tensorflow as tf

    # Random weights give every film nearly the same probability: an AUC would be all rounding.
    unlabelled = Path(shutil.copytree(labelled_films / "NORMAL", tmp_path / "films"))
    shutil.copytree(labelled_films / "PNEUMONIA", unlabelled / "more")
    small = convert.export(conv_bundle, "litert-int8", tmp_path / "m.tflite", unlabelled, quiet)
    whole = convert.export(conv_bundle, "litert", tmp_path / "f.tflite", labelled_films, quiet)
    assert small.megabytes < 0.6 * whole.megabytes
    assert small.parity.films == 40  # the other half calibrated
    assert small.parity.mean_dp <= 0.03
    assert whole.parity.auc is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(str(small.path))
    tensors = {t["index"]: t["dtype"] for t in interpreter.get_tensor_details()}
    kinds = [
        tensors[operation["inputs"][1]]
        for operation in interpreter._get_ops_details()
        if operation["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D")
    ]
    assert kinds.count(np.int8) >= 3


def test_the_shipped_bundle_in_int8(films_dir: Path, tmp_path: Path) -> None:
    # Real films: on drawn ones the network is in doubt, and int8 moves doubtful probabilities most.
    unlabelled = tmp_path / "films"
    unlabelled.mkdir()
    for path in sorted((films_dir / "chest_xray" / "train").glob("*/*"))[::130]:
        shutil.copyfile(path, unlabelled / path.name)
    shipped = bundles.open_bundle()
    done = convert.export(shipped, "litert-int8", tmp_path / "m.tflite", unlabelled, quiet)
    assert done.parity.mean_dp <= 0.03
    assert done.megabytes < 0.4 * shipped.model.stat().st_size / 1e6


@pytest.mark.parametrize("name", ["litert", "litert-int8"])
def test_an_operator_that_litert_lacks_is_named(name: str, tmp_path: Path) -> None:
    file = graph(tmp_path / "g.onnx", helper.make_node("Erf", ["x"], ["y"]))
    films = np.zeros((16, 4, 4, 1), np.uint8)
    with pytest.raises(ConversionError, match="cannot express this network: Erf") as caught:
        convert.FORMATS[name].write(file, tmp_path / "m.tflite", films)
    assert "openvino" in caught.value.hint
    assert not (tmp_path / "m.tflite").exists()


def test_a_gelu_of_erf_is_one_of_litert(tmp_path: Path) -> None:
    """As the exact GELU comes out of the export to ONNX."""
    import tensorflow as tf

    nodes = [
        ("Mul", ["root", "x"], "scaled"), ("Erf", ["scaled"], "erf"), ("Add", ["erf", "one"], "sum"),
        ("Mul", ["half", "x"], "halved"), ("Mul", ["halved", "sum"], "y"),
    ]  # fmt: skip
    file = graph(tmp_path / "g.onnx", *(helper.make_node(k, ins, [out]) for k, ins, out in nodes))
    model = onnx.load(str(file))
    for name, value in {"root": 0.5**0.5, "one": 1.0, "half": 0.5}.items():
        constant = onnx.numpy_helper.from_array(np.array(value, np.float32), name)
        model.graph.initializer.append(constant)
    onnx.save(model, str(file))
    convert.FORMATS["litert"].write(file, tmp_path / "m.tflite", np.zeros(0, np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(str(tmp_path / "m.tflite"))
    assert "GELU" in {operation["op_name"] for operation in interpreter._get_ops_details()}
