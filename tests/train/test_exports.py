from __future__ import annotations

import builtins
import json
import os
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    import onnx
    from keras import layers
    from onnx import TensorProto, helper

    from pneumoscope.train.data import phantom
    from pneumoscope.train.formats import convert, from_onnx
    from pneumoscope.train.keras_import import importing

from pneumoscope import bundle as bundles
from pneumoscope.bundle import Bundle
from pneumoscope.errors import ConversionError, DataError, MissingExtra, UsageError
from pneumoscope.installation import install_command
from pneumoscope.train.export.exported import OUTPUTS

# Keras' own saving warns under NumPy 2.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]

FLOAT = ("keras", "savedmodel", "onnx", "litert")


def quiet(text: str) -> None:
    pass


@pytest.fixture(scope="module")
def conv_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small network with the operators that matter: strides, depthwise, dilation, residuals."""
    folder = tmp_path_factory.mktemp("conv")
    keras.utils.set_random_seed(4)
    x = films = keras.Input((64, 64, 3))
    x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(8, 3, 2, "same")(x)))
    x = layers.DepthwiseConv2D(3, 1, "same", dilation_rate=2, activation="relu")(x)
    x = layers.Add()([x, layers.Conv2D(8, 1)(x)])
    x = layers.MaxPooling2D()(layers.Conv2D(12, 3, activation="relu")(x))
    x = layers.Dense(8, "relu")(layers.Flatten()(layers.AveragePooling2D(2)(x)))
    model = keras.Model(films, layers.Dense(2, "softmax")(x))
    model.save(folder / "conv.keras")
    wanted = importing.ImportOptions(("normal", "pneumonia"))
    return importing.import_model(folder / "conv.keras", wanted, folder / "bundle", quiet)


@pytest.fixture(scope="module")
def films_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 drawn films in the Kaggle layout."""
    root = tmp_path_factory.mktemp("films")
    for name in ("NORMAL", "PNEUMONIA"):
        (root / name).mkdir()
    for i, film in enumerate(phantom.films(80, 96, seed=9)[..., 0]):
        Image.fromarray(film).save(root / ("PNEUMONIA" if i % 2 else "NORMAL") / f"{i}.png")
    return root


@pytest.mark.parametrize("name", FLOAT)
def test_every_format_gives_the_same(name: str, conv_bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "out" / "export"
    done = convert.export(conv_bundle, name, out, None, quiet)
    assert done.path == out
    assert [p.name for p in out.parent.iterdir()] == ["export"]
    assert done.parity.max_dp <= 1e-4
    assert done.parity.drawn
    assert done.parity.auc is None
    assert done.megabytes > 0
    assert done.latency_ms > 0


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
    conv_bundle: Bundle, films_folder: Path, tmp_path: Path
) -> None:
    import tensorflow as tf

    # Random weights give every film nearly the same probability: an AUC would be all rounding.
    unlabelled = Path(shutil.copytree(films_folder / "NORMAL", tmp_path / "films"))
    shutil.copytree(films_folder / "PNEUMONIA", unlabelled / "more")
    small = convert.export(conv_bundle, "litert-int8", tmp_path / "m.tflite", unlabelled, quiet)
    whole = convert.export(conv_bundle, "litert", tmp_path / "f.tflite", films_folder, quiet)
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


def test_the_shipped_bundle_in_int8(films_folder: Path, tmp_path: Path) -> None:
    unlabelled = tmp_path / "films"
    unlabelled.mkdir()
    for path in sorted(films_folder.glob("*/*"))[:32]:
        shutil.copyfile(path, unlabelled / f"{path.parent.name}-{path.name}")
    shipped = bundles.open_bundle()
    done = convert.export(shipped, "litert-int8", tmp_path / "m.tflite", unlabelled, quiet)
    assert done.parity.mean_dp <= 0.03
    assert done.megabytes < 0.4 * shipped.model.stat().st_size / 1e6


def test_int8_wants_films(conv_bundle: Bundle, films_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="calibration") as caught:
        convert.export(conv_bundle, "litert-int8", tmp_path / "m", None, quiet)
    assert "--films" in caught.value.hint
    few = tmp_path / "few"
    few.mkdir()
    (few / "0.png").write_bytes((films_folder / "NORMAL" / "0.png").read_bytes())
    with pytest.raises(DataError, match="32 films"):
        convert.export(conv_bundle, "litert-int8", tmp_path / "m", few, quiet)
    assert not (tmp_path / "m").exists()


def test_the_shipped_network_comes_back(tmp_path: Path) -> None:
    """MobileNetV2 with all three outputs."""
    import onnxruntime

    shipped = bundles.open_bundle()
    model = from_onnx.keras_model(shipped.model)
    films = phantom.films(4, shipped.meta.size)
    found = model(films)
    session = onnxruntime.InferenceSession(str(shipped.model))
    for output in OUTPUTS:
        (expected,) = session.run([output], {"films": films})
        assert np.abs(np.asarray(found[output]) - expected).max() <= 1e-4, output
    assert model.input_shape == (None, shipped.meta.size, shipped.meta.size, 1)


def test_the_tiny_network_comes_back(tiny_bundle: Bundle) -> None:
    dark = np.full((1, 32, 32, 1), 51, np.uint8)
    logits = np.array([0.0, 8 * (0.2 - 0.5), 8 * (0.2 - 0.5) - 1])
    expected = np.exp(logits) / np.exp(logits).sum()
    found = from_onnx.keras_model(tiny_bundle.model)(dark)["probabilities"]
    assert np.allclose(np.asarray(found)[0], expected, atol=1e-5)


def graph(path: Path, *nodes: onnx.NodeProto, domain: str = "") -> Path:
    """Films (n, 4, 4, 1) uint8 as float "x", then the nodes up to "y"."""
    first = helper.make_node("Cast", ["films"], ["x"], to=TensorProto.FLOAT)
    whole = helper.make_graph(
        [first, *nodes],
        "g",
        [helper.make_tensor_value_info("films", TensorProto.UINT8, ["n", 4, 4, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(np.arange(16, dtype=np.float32).reshape(4, 4, 1), "grid")],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(whole, opset_imports=opsets, ir_version=8), str(path))
    return path


@pytest.mark.parametrize(
    "nodes",
    [
        [("Transpose", ["x"], "a", {"perm": [0, 3, 1, 2]}), ("ReduceMean", ["a"], "y", {"axes": [1, 2], "keepdims": 0})],
        [("Transpose", ["x"], "a", {"perm": [0, 2, 3, 1]}), ("Softmax", ["a"], "y", {"axis": 3})],
        [("Transpose", ["x"], "a", {"perm": [0, 3, 2, 1]}), ("Add", ["a", "x"], "y", {})],
        [("Transpose", ["x"], "a", {"perm": [0, 3, 2, 1]}), ("Mul", ["grid", "a"], "y", {})],
        [("Transpose", ["x"], "a", {"perm": [0, 3, 2, 1]}), ("Concat", ["a", "a"], "y", {"axis": 2})],
        [("Sub", ["grid", "x"], "a", {}), ("Transpose", ["a"], "b", {"perm": [0, 3, 1, 2]}), ("LeakyRelu", ["b"], "y", {"alpha": 0.3})],
        [("HardSigmoid", ["x"], "y", {"alpha": 0.01, "beta": 0.1})],
        [("Transpose", ["x"], "a", {"perm": [0, 3, 1, 2]}), ("MaxPool", ["a"], "b", {"kernel_shape": [2, 2], "strides": [2, 2]}), ("Flatten", ["b"], "y", {})],
        [("Sub", ["grid", "x"], "a", {}), ("Transpose", ["a"], "b", {"perm": [0, 3, 1, 2]}), ("MaxPool", ["b"], "y", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]})],
        [("Relu", ["x"], "a", {}), ("Transpose", ["a"], "b", {"perm": [0, 3, 1, 2]}), ("MaxPool", ["b"], "y", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]})],
    ],
)  # fmt: skip
def test_the_same_as_onnx_runtime(nodes: list[tuple[str, list[str], str, dict[str, Any]]], tmp_path: Path) -> None:  # fmt: skip
    """Asymmetric films through transpositions and paddings."""
    import onnxruntime

    made = [helper.make_node(kind, ins, [out], **more) for kind, ins, out, more in nodes]
    file = graph(tmp_path / "g.onnx", *made)
    films = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1)).astype(np.uint8)
    (expected,) = onnxruntime.InferenceSession(str(file)).run(None, {"films": films})
    found = np.asarray(from_onnx.keras_model(file)(films)["y"])
    assert found.shape == expected.shape
    assert np.allclose(found, expected, atol=1e-4)


def test_an_unknown_operator_is_named(tmp_path: Path) -> None:
    file = graph(tmp_path / "g.onnx", helper.make_node("CumSum", ["x", "axis"], ["y"]))
    model = onnx.load(str(file))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(1), "axis"))
    onnx.save(model, str(file))
    with pytest.raises(ConversionError, match="CumSum"):
        from_onnx.keras_model(file)
    own = helper.make_node("FusedConv", ["x", "grid"], ["y"], domain="com.microsoft")
    with pytest.raises(ConversionError, match=r"com\.microsoft\.FusedConv"):
        from_onnx.keras_model(graph(tmp_path / "h.onnx", own))


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


def test_a_format_that_differs_is_not_written(
    conv_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = convert.FORMATS["onnx"]
    wrong = replace(whole, load=lambda path: lambda films: np.roll(whole.load(path)(films), 1, 1))
    monkeypatch.setattr(convert, "FORMATS", {"onnx": whole, "wrong": wrong})
    (tmp_path / "old").write_text("before")
    with pytest.raises(ConversionError, match="exceeds") as caught:
        convert.export(conv_bundle, "wrong", tmp_path / "old", None, quiet)
    assert "Nothing was written" in caught.value.hint
    assert (tmp_path / "old").read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["old"]


def test_an_auc_that_differs_is_an_error() -> None:
    near = convert.Parity(100, False, 0.005, 0.001, 0, 0.950, 0.952)
    convert._check_parity("litert", near)
    with pytest.raises(ConversionError, match=r"AUC differs by 0\.0040"):
        convert._check_parity("litert", replace(near, auc=0.948))
    with pytest.raises(ConversionError, match="mean"):
        convert._check_parity("litert-int8", replace(near, mean_dp=0.031))
    with pytest.raises(ConversionError, match="exceeds"):
        convert._check_parity("litert", replace(near, max_dp=float("nan")))


def test_older_exports_are_replaced_and_nothing_else(tiny_bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "saved"
    convert.export(tiny_bundle, "savedmodel", out, None, quiet)
    (out / "stale").write_text("x")
    convert.export(tiny_bundle, "savedmodel", out, None, quiet)
    assert not (out / "stale").exists()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("x")
    for name in ("savedmodel", "onnx"):
        with pytest.raises(UsageError, match="no export of this format"):
            convert.export(tiny_bundle, name, precious, None, quiet)
    assert (precious / "thesis.txt").read_text() == "x"


def test_wrong_wishes(tiny_bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown") as caught:
        convert.export(tiny_bundle, "coreml", tmp_path / "x", None, quiet)
    assert "litert" in caught.value.hint
    with pytest.raises(DataError, match="no such folder"):
        convert.export(tiny_bundle, "onnx", tmp_path / "x", tmp_path / "nowhere", quiet)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no film can be read"):
        convert.export(tiny_bundle, "onnx", tmp_path / "x", tmp_path / "empty", quiet)
    assert not (tmp_path / "x").exists()


def command(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pneumoscope", "export", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=os.environ | {"NO_COLOR": "1"},
    )


def test_the_command(tiny_bundle: Bundle, film_files: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    done = command(tiny_bundle.path, "--films", film_files, "--json", cwd=work)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["format"], facts["path"], facts["parity"]["films"]) == ("onnx", "tiny.onnx", 2)
    assert (work / "tiny.onnx").read_bytes() == tiny_bundle.model.read_bytes()
    plain = command(tiny_bundle.path, "--format", "litert", cwd=work)
    assert "verdicts changed" in plain.stdout, plain.stderr
    assert (work / "tiny.tflite").is_file()


@pytest.mark.parametrize("arguments", [["nowhere"], ["--format", "coreml"], ["--films", "nowhere"]])
def test_the_command_says_what_is_wrong(arguments: list[str], tmp_path: Path) -> None:
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_real_films(films_dir: Path, tmp_path: Path) -> None:
    """The shipped bundle in float LiteRT, on a few films of either class."""
    done = convert.export(
        bundles.open_bundle(), "litert", tmp_path / "m.tflite", films_dir / "chest_xray" / "val", quiet
    )  # fmt: skip
    assert done.parity.max_dp <= 1e-3
    assert done.parity.auc == pytest.approx(done.parity.auc_onnx, abs=1e-3)
