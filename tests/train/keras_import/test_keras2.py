"""Files as Keras 2 wrote them: those of Keras 3, with the configuration put back into its words.

The words were taken from files of tf_keras 2.21 (`axis` as a list, `groups` of DepthwiseConv2D, ends of
networks as lists, the modules of classes).
"""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import h5py
    import keras

    from pneumoscope.train.data import phantom
    from pneumoscope.train.keras_import import importing
    from pneumoscope.train.keras_import.importing import ImportOptions
    from pneumoscope.train.keras_import.keras2 import for_keras3

import pneumoscope
from short_networks import few_blocks

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]

SIZE = 64


def aged(config: Any) -> Any:
    """A configuration in the words of Keras 2."""
    if isinstance(config, list):
        return [aged(entry) for entry in config]
    if not isinstance(config, dict):
        return config
    entries = {key: aged(value) for key, value in config.items()}
    layer = entries.get("config")
    if isinstance(layer, dict):
        if entries.get("class_name") == "DepthwiseConv2D":
            layer["groups"] = 1
        if entries.get("class_name") == "BatchNormalization":
            layer["axis"] = [layer["axis"]]
        for key in ("input_layers", "output_layers"):
            if isinstance(layer.get(key), list) and isinstance(layer[key][0], str):
                layer[key] = [layer[key]]
    if entries.get("class_name") == "Functional":
        entries |= {"module": "tf_keras.src.engine.functional", "registered_name": "Functional"}
    return entries


@pytest.fixture(scope="module")
def notebook() -> keras.Model:
    """MobileNetV2 inside a Sequential, with statistics that are not those of a fresh network."""
    keras.utils.set_random_seed(3)
    with few_blocks():
        base = keras.applications.MobileNetV2(
            include_top=False, weights=None, input_shape=(SIZE, SIZE, 3), alpha=0.35
        )
    films = phantom.films(8, SIZE).repeat(3, -1) / np.float32(255)
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    base(films, training=True)
    return keras.Sequential(
        [
            base,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )


def age(file: Path) -> None:
    """Rewrites a file of Keras 3 in place."""
    if file.suffix == ".h5":
        with h5py.File(file, "r+") as content:
            content.attrs["model_config"] = json.dumps(
                aged(json.loads(content.attrs["model_config"]))
            )
        return
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = aged(json.loads(parts["config.json"]))
    config["compile_config"] = {"loss": {"module": "builtins", "class_name": "function"}}
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_a_model_of_keras_2_gives_the_same_answers(
    notebook: keras.Model, ending: str, tmp_path: Path
) -> None:
    model, file = notebook, tmp_path / f"model{ending}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(file)
    age(file)
    before = file.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception, match=r"groups|axis|Functional|BatchN"):
            keras.saving.load_model(file, compile=False)
    bundle = importing.import_model(
        file, ImportOptions(("normal", "pneumonia"), SIZE), tmp_path / "bundle", lambda _: None
    )
    films = phantom.films(6, SIZE, seed=4)
    said = np.asarray(model(films.repeat(3, -1) / np.float32(255), training=False))[:, 0]
    imported = pneumoscope.load(bundle).run(films).probabilities[:, 1]
    assert np.ptp(said) > 1e-4  # not one answer for all films
    assert imported == pytest.approx(said, abs=1e-4)
    assert file.read_bytes() == before


def test_words_of_keras_3_stay_as_they_are(notebook: keras.Model) -> None:
    config = json.loads(notebook.to_json())
    assert for_keras3(config) == for_keras3(for_keras3(config))
    layer = {"class_name": "BatchNormalization", "config": {"axis": -1, "groups": 4}}
    assert for_keras3(layer) == layer
    two = {"class_name": "Functional", "config": {"output_layers": [["a", 0, 0], ["b", 0, 0]]}}
    assert for_keras3(two) == two


@pytest.mark.parametrize(
    ("module", "kind", "expected"),
    [
        ("tf_keras.src.engine.functional", "Functional", "keras.src.models.functional"),
        ("keras.src.engine.sequential", "Sequential", "keras"),
        ("tensorflow.python.keras.layers.core", "Dense", "keras.layers"),
        ("keras.layers", "Dense", "keras.layers"),
    ],
)
def test_modules_that_moved(module: str, kind: str, expected: str) -> None:
    entry = {"module": module, "class_name": kind, "config": {}, "registered_name": kind}
    assert for_keras3(entry)["module"] == expected


@pytest.mark.parametrize(
    ("kind", "settings", "expected"),
    [
        ("SpatialDropout2D", {"rate": 0.1, "trainable": True, "noise_shape": None}, {"rate": 0.1}),
        ("SeparableConv2D", {"filters": 2, "groups": 1, "kernel_initializer": {}}, {"filters": 2}),
        ("Dense", {"units": 2, "kernel_regularizer": {"l2": 1}, "trainable": False},
         {"units": 2, "trainable": False}),
        ("BatchNormalization", {"axis": [3], "fused": None}, {"axis": 3}),
        ("Dense", {"activation": {"class_name": "LeakyReLU", "config": {}}},
         {"activation": {"class_name": "LeakyReLU", "config": {}, "module": "keras.layers",
                         "registered_name": None}}),
        ("TimeDistributed", {"layer": {"class_name": "Conv1D", "config": {}}},
         {"layer": {"class_name": "Conv1D", "config": {}, "module": "keras.layers",
                    "registered_name": None}}),
        ("MultiHeadAttention", {"num_heads": 2, "query_shape": [None, 4, 3], "key_shape": [None, 4, 3],
                                "value_shape": [None, 4, 3]}, {"num_heads": 2}),
        ("DepthwiseConv2D", {"kernel_size": [3, 3], "groups": 4}, {"kernel_size": [3, 3], "groups": 4}),
    ],
)  # fmt: skip
def test_arguments_that_a_layer_has_no_more(
    kind: str, settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert for_keras3({"class_name": kind, "config": settings})["config"] == expected


def test_attention_as_keras_2_wrote_it() -> None:
    """Arguments with names are tensors, ``dot`` is no function, and the shapes it was built for are left out."""
    shape = [None, 4, 3]
    built = {"query_shape": shape, "key_shape": shape, "value_shape": shape}
    x = ["x", 0, 0]

    def layer(kind: str, name: str, nodes: list[Any], **settings: Any) -> dict[str, Any]:
        config = {"name": name, "dtype": "float32", **settings}
        return {"class_name": kind, "name": name, "config": config, "inbound_nodes": nodes}

    heads = layer("MultiHeadAttention", "heads", [[[*x, {"value": x, "key": x}]]],
                  trainable=True, num_heads=2, key_dim=3, attention_axes=[1], **built)  # fmt: skip
    heads["build_config"] = {"input_shape": shape}
    attention = layer(
        "Attention", "dot", [[["heads", 0, 0, {}], [*x, {}]]], trainable=True, score_mode="dot"
    )
    entries = [layer("InputLayer", "x", [], batch_input_shape=shape), heads, attention]
    ends = {"input_layers": [x], "output_layers": [["dot", 0, 0]]}
    config = {"class_name": "Functional", "config": {"name": "m", "layers": entries, **ends}}
    model = keras.Model.from_config(for_keras3(config)["config"])
    given = np.random.default_rng(0).random((2, 4, 3)).astype(np.float32)
    attended = model.get_layer("heads")(given, value=given, key=given)
    expected = model.get_layer("dot")([attended, given])
    assert np.asarray(model(given)) == pytest.approx(np.asarray(expected), abs=1e-6)


def test_the_random_crop_of_keras_2_resizes_at_inference() -> None:
    """That of Keras 3 then changes nothing; only Keras 3 writes ``data_format``."""
    settings = {"name": "crop", "height": 2, "width": 4, "seed": None}
    former = for_keras3({"class_name": "RandomCrop", "config": settings | {"rng_type": "stateful"}})
    layer = keras.layers.Resizing.from_config(former["config"])
    assert former["class_name"] == "Resizing"
    x = np.arange(64, dtype=np.float32).reshape(1, 8, 8, 1)
    # Of 8 x 8 pixels rows 2 to 5 have the shape of 2 x 4; each result is the mean of four pixels.
    expected = [[20.5, 22.5, 24.5, 26.5], [36.5, 38.5, 40.5, 42.5]]
    assert np.asarray(layer(x))[0, ..., 0] == pytest.approx(np.array(expected))
    crop = {"class_name": "RandomCrop", "config": settings | {"data_format": "channels_last"}}
    assert for_keras3(crop) == crop


def test_a_layer_that_does_not_say_whether_it_is_trainable_is_no_operation() -> None:
    node = {"args": [], "kwargs": {}}
    layer = {"class_name": "SpatialDropout2D", "config": {"rate": 0.2, "dtype": "float32"}}
    assert "module" not in for_keras3(layer | {"inbound_nodes": [node]})
    operation = {"class_name": "Add", "config": {"name": "add"}, "inbound_nodes": [node]}
    assert for_keras3(operation)["module"] == "keras.src.ops.numpy"


@pytest.mark.parametrize("kind", ["RandomFlip", "RandomHeight", "RandomContrast", "MixUp"])
def test_layers_that_augment_do_nothing(kind: str) -> None:
    layer = for_keras3({"class_name": kind, "config": {"name": "augment", "factor": 0.2}})
    assert layer["class_name"] == "Activation"
    assert layer["config"] == {"name": "augment", "dtype": "float32", "activation": "linear"}


def test_a_sequential_model_without_a_layer_for_its_input(tmp_path: Path) -> None:
    """As Keras 2.3 and older wrote it; Keras 2.2 has a list of layers in place of the settings."""
    keras.utils.set_random_seed(4)
    inner = keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Conv2D(4, 3, strides=4)])
    model = keras.Sequential(
        [
            inner, keras.layers.LeakyReLU(), keras.layers.Conv2D(4, 3, activation="hard_sigmoid"),
            keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1, "sigmoid"),
        ]
    )  # fmt: skip
    file = tmp_path / "m.h5"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(file)
    with h5py.File(file, "r+") as content:
        config = json.loads(content.attrs["model_config"])
        outer = [e for e in config["config"]["layers"] if e["class_name"] != "InputLayer"]
        shape, *rest = outer[0]["config"]["layers"]
        rest[0]["config"]["batch_input_shape"] = shape["config"]["batch_shape"]
        outer[0]["config"] = {"name": outer[0]["config"]["name"], "layers": rest}
        content.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": outer})
    bundle = importing.import_model(
        file, ImportOptions(("normal", "pneumonia")), tmp_path / "bundle", lambda _: None
    )
    films = phantom.films(4, SIZE)
    x = model.layers[1](inner(films.repeat(3, -1) / np.float32(255)))
    convolution = model.layers[2]
    x = np.asarray(keras.ops.conv(x, convolution.kernel) + convolution.bias)
    maps = np.clip(0.2 * x + 0.5, 0, 1)  # the hard sigmoid of Keras 3 is another one
    said = np.asarray(model.layers[4](maps.mean(axis=(1, 2))))[:, 0]
    assert pneumoscope.load(bundle).run(films).probabilities[:, 1] == pytest.approx(said, abs=1e-5)


@pytest.mark.parametrize(("kind", "settings"), [("Cast", {}), ("Cumsum", {"axis": 1})])
def test_operations_that_have_a_dtype_are_no_layers(kind: str, settings: dict[str, Any]) -> None:
    """As an ``.h5`` of Keras 3 has them."""
    operation = {
        "class_name": kind,
        "config": {"name": kind.lower(), "dtype": "float32", **settings},
        "inbound_nodes": [{"args": [], "kwargs": {}}],
    }
    assert for_keras3(operation)["module"].startswith("keras.src.ops.")


def test_layers_of_the_notebook_are_not_taken_for_those_of_keras() -> None:
    for settings in ({"axis": [1, 2]}, {"score_mode": "dot"}):
        assert "module" not in for_keras3({"class_name": "GroupNorm", "config": settings})
