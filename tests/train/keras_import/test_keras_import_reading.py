"""Files that are read, and files that are not."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from notebook_models import REFUSED, TWO, cnn

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras

    from pneumoscope.train.keras_import import importing, reading, saved
    from pneumoscope.train.keras_import.importing import ImportOptions

from pneumoscope.errors import ConversionError, PneumoscopeError

# Keras' own saving warns under NumPy 2.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]


def quiet(text: str) -> None:
    pass


def test_lambda_in_a_legacy_file_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        REFUSED["lambda"][0]().save(tmp_path / "model.h5")
    with pytest.raises(ConversionError, match="contains code"):
        importing.import_model(tmp_path / "model.h5", ImportOptions(TWO), tmp_path / "out", quiet)


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "model.txt", "none.keras"])
def test_files_that_are_no_model(name: str, tmp_path: Path) -> None:
    if not name.startswith("none"):
        (tmp_path / name).write_bytes(b"not a model")
    with pytest.raises(PneumoscopeError) as caught:
        importing.import_model(tmp_path / name, ImportOptions(TWO), tmp_path / "out", quiet)
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("key", ["activation", "recurrent_activation"])
def test_an_activation_of_the_notebook_is_code_also_where_only_its_name_is_saved(
    key: str, tmp_path: Path
) -> None:
    """As SavedModels of Keras 2 have it: to save the model in another form would not help."""
    config = json.loads(cnn(1, "sigmoid").to_json())
    config["config"]["layers"][-1]["config"][key] = "my_swish"
    (tmp_path / "model.json").write_text(json.dumps(config))
    cnn(1, "sigmoid").save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ConversionError, match=r"contains code \(function 'my_swish'\)"):
        importing.import_model(tmp_path / "model.json", ImportOptions(TWO), tmp_path / "out", quiet)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_model_can_keep_the_half_precision_of_the_notebook(ending: str, tmp_path: Path) -> None:
    """bfloat16 also in its weights, which HDF5 stores without a type."""
    keras.utils.set_random_seed(3)
    half = {"dtype": "bfloat16"}
    after = [keras.layers.Conv2D(8, 3, **half), keras.layers.Flatten(), keras.layers.Dense(2, **half)]  # fmt: skip
    model = keras.Sequential([keras.Input((16, 16, 1)), *after])
    model.save(tmp_path / f"model{ending}")
    x = np.random.default_rng(4).random((2, 16, 16, 1), np.float32)
    said = np.asarray(model(x)).astype(np.float32)
    source = saved.locate(tmp_path / f"model{ending}", None)
    assert np.array_equal(np.asarray(reading.load(source, keep_half=True)(x)), said)
    exact = np.asarray(reading.load(source)(x))
    assert 0 < np.abs(exact - said).max() < 0.02


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    cnn(1, "sigmoid").save_weights(tmp_path / "only.weights.h5")
    with pytest.raises(ConversionError, match="not a saved Keras model"):
        importing.import_model(
            tmp_path / "only.weights.h5", ImportOptions(TWO), tmp_path / "out", quiet
        )


def test_weights_of_another_network_are_refused_with_the_cause(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(cnn(1, "sigmoid").to_json())
    cnn(1, "sigmoid", channels=1).save_weights(tmp_path / "grey.weights.h5")
    options = ImportOptions(TWO, weights=tmp_path / "grey.weights.h5")
    with pytest.raises(
        ConversionError, match=r"cannot read it \(Layer '.*' expected|shape"
    ) as caught:
        importing.import_model(tmp_path / "model.json", options, tmp_path / "out", quiet)
    assert caught.value.hint == "Are these the weights of this model?"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_of_a_training_that_diverged_are_refused(value: float, tmp_path: Path) -> None:
    """Infinite ones gave a bundle without heatmaps that always says the same."""
    model = cnn(1, "sigmoid")
    weights = model.get_weights()
    weights[-2][0] = value
    model.set_weights(weights)
    model.save(tmp_path / "model.keras")
    with pytest.raises(ConversionError, match="weights are infinite or no numbers") as refused:
        importing.import_model(
            tmp_path / "model.keras", ImportOptions(TWO, heatmap=False), tmp_path / "out", quiet
        )
    assert "diverged" in refused.value.hint
    assert not (tmp_path / "out").exists()


def test_names_of_layers_that_tensorflow_does_not_take(tmp_path: Path) -> None:
    """JAX and PyTorch take any."""
    inner = keras.Sequential(
        [keras.Input((62, 62, 4)), keras.layers.GlobalAveragePooling2D(name="Mittel 1")],
        name="_Kopf ä",
    )
    inputs = keras.Input((64, 64, 3), name="Röntgenbild")
    maps = keras.layers.Conv2D(4, 3, name="Faltung: 1")(inputs)
    output = keras.layers.Dense(1, "sigmoid", name="出力")(inner(maps))
    model = keras.Model(inputs, output, name="mein Modell")
    model.save(tmp_path / "model.keras")
    bundle = importing.import_model(
        tmp_path / "model.keras", ImportOptions(TWO), tmp_path / "out", quiet
    )
    assert bundle.meta.validation["parity"]["max_dp"] < 1e-6
    assert bundle.meta.heatmaps


@pytest.mark.parametrize(("first", "second"), [("卷积", "池化"), ("a b", "a:b"), ("a b", "a_b")])
def test_names_that_differ_only_in_what_tensorflow_does_not_take(
    first: str, second: str, tmp_path: Path
) -> None:
    inputs = keras.Input((64, 64, 3))
    maps = keras.layers.Conv2D(4, 3, name=first)(inputs)
    maps = keras.layers.Conv2D(4, 3, name=second)(maps)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(pooled)).save(tmp_path / "model.keras")
    bundle = importing.import_model(
        tmp_path / "model.keras", ImportOptions(TWO), tmp_path / "out", quiet
    )
    assert bundle.meta.validation["parity"]["max_dp"] < 1e-6


def test_a_model_without_an_input_says_what_it_lacks(tmp_path: Path) -> None:
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    with pytest.warns(UserWarning, match="not yet been built"):
        model.save(tmp_path / "model.keras")
    with pytest.raises(ConversionError, match="not yet been built") as refused:
        importing.import_model(
            tmp_path / "model.keras", ImportOptions(TWO), tmp_path / "out", quiet
        )
    assert "keras.Input" in refused.value.hint
