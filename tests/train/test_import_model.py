from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras import layers

    from pneumoscope.train.data import phantom
    from pneumoscope.train.keras_import import importing, serving
    from pneumoscope.train.keras_import.importing import ImportOptions

import pneumoscope
from pneumoscope.bundle import Bundle
from pneumoscope.errors import ConversionError, PneumoscopeError, UsageError

# Keras' own saving warns under NumPy 2.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]

TWO = ("normal", "pneumonia")
SIZE = 64


def quiet(text: str) -> None:
    pass


def conv(filters: int) -> layers.Layer:
    return layers.Conv2D(filters, 3, activation="relu", bias_initializer="random_uniform")


def cnn(units: int, activation: str | None, channels: int = 3) -> keras.Model:
    """The three-class notebook's network, small."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, channels)), conv(8), layers.MaxPooling2D(), conv(8),
            layers.MaxPooling2D(), layers.Flatten(), layers.Dense(16, "relu"),
            layers.Dropout(0.5), layers.Dense(units, activation),
        ]
    )  # fmt: skip


def nested() -> keras.Model:
    """A base without a top inside, as the MobileNetV2 notebooks have it."""
    keras.utils.set_random_seed(2)
    base = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(SIZE, SIZE, 3), alpha=0.35
    )
    x = inputs = keras.Input((SIZE, SIZE, 3))
    for layer in [base, layers.GlobalAveragePooling2D(), layers.BatchNormalization(), layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")]:  # fmt: skip
        x = layer(x)
    return keras.Model(inputs, x)


def pooled_base() -> keras.Model:
    """The pooling lies inside the nested base, and the top ends in a layer of its own."""
    keras.utils.set_random_seed(2)
    base = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(SIZE, SIZE, 3), alpha=0.35, pooling="avg"
    )
    return keras.Sequential([base, layers.Dense(2), layers.Activation("softmax")])


def augmenting() -> keras.Model:
    """Augmentation inside the model, which must do nothing here."""
    keras.utils.set_random_seed(5)
    after = [layers.RandomFlip(), layers.RandomRotation(0.1), conv(8), layers.MaxPooling2D()]
    return functional(*after, layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid"))


MODELS: dict[str, tuple[Callable[[], keras.Model], tuple[str, ...]]] = {
    "cnn-softmax": (lambda: cnn(3, "softmax"), ("normal", "bacterial", "viral")),
    "cnn-grey-sigmoid": (lambda: cnn(1, "sigmoid", channels=1), TWO),
    "cnn-logits": (lambda: cnn(1, None), TWO),
    "nested": (nested, TWO),
    "pooled-base": (pooled_base, TWO),
    "augmenting": (augmenting, TWO),
}


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("name", MODELS)
def test_a_notebooks_model_becomes_a_bundle(name: str, ending: str, tmp_path: Path) -> None:
    make, labels = MODELS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make()
        model.save(tmp_path / f"model{ending}")
    bundle = importing.import_model(
        tmp_path / f"model{ending}", ImportOptions(labels, SIZE), tmp_path / "bundle", quiet
    )
    classifier = pneumoscope.load(bundle)
    assert classifier.check() <= 1e-5
    films = phantom.films(4, SIZE)
    outputs = classifier.run(films)
    channels = model.input_shape[-1]
    said = np.asarray(model(np.repeat(films, channels, -1) / np.float32(255), training=False))
    if name == "cnn-logits":
        said = 1 / (1 + np.exp(-said))
    expected = np.concatenate([1 - said, said], axis=1) if said.shape[1] == 1 else said
    assert np.abs(outputs.probabilities - expected).max() <= 1e-4
    assert outputs.heatmaps.shape[:2] == (4, len(labels))
    assert outputs.heatmaps.max() > 0
    assert bundle.meta.validation["parity"]["max_heatmap_error"] <= 1e-3


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("models") / "mine.keras"
    cnn(1, "sigmoid").save(file)
    return file


@pytest.fixture(scope="module")
def two_classes(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return importing.import_model(
        model_file, ImportOptions(TWO), tmp_path_factory.mktemp("bundles") / "two", quiet
    )


def test_two_classes_have_no_subtype(two_classes: Bundle, tmp_path: Path) -> None:
    classifier = pneumoscope.load(two_classes)
    labels = set()
    for level in (0, 60, 120, 255):
        Image.fromarray(np.full((240, 240), level, np.uint8)).save(tmp_path / "film.png")
        prediction = classifier.predict(tmp_path / "film.png")
        labels.add(prediction.label)
        assert prediction.subtype is None
        assert prediction.warnings == ()
        assert prediction.heatmap_class == prediction.label.lower()
    assert prediction.operating_point.name == "imported"


def test_the_card_says_that_nothing_is_known(two_classes: Bundle) -> None:
    assert two_classes.meta.population.text == "unknown: imported model"
    assert two_classes.meta.population.age_years is None
    card = (two_classes.path / "README.md").read_text()
    assert "not validated here" in card
    assert "not chosen on any film" in card


@pytest.mark.parametrize("scaling", serving.SCALINGS)
def test_each_scaling_is_what_keras_does(scaling: str) -> None:
    films = phantom.films(2, 8)
    found = keras.ops.convert_to_numpy(serving.Scaled(3, scaling)(films))
    rgb = np.repeat(films, 3, axis=-1).astype(np.float32)
    apps = keras.applications
    expected = {
        "unit": rgb / 255,
        "none": rgb,
        "minus-one-to-one": apps.mobilenet_v2.preprocess_input(rgb.copy()),
        "imagenet": apps.resnet50.preprocess_input(rgb.copy()),
        "imagenet-torch": apps.densenet.preprocess_input(rgb.copy()),
    }[scaling]
    assert np.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ("normal",)}, "two or more"),
        ({"labels": ("normal", "normal")}, "two or more"),
        ({"labels": ("normal", "bacterial", "viral")}, "gives 2 classes, --labels names 3"),
        ({"size": 150}, "takes 64 x 64 pixels, not 150 x 150"),
        ({"channels": 1}, "takes 3 channels, not 1"),
        ({"negative": "healthy"}, "not among the labels"),
        ({"scaling": "twice"}, "unknown"),
    ],
)
def test_what_does_not_go_with_the_model(
    changes: dict[str, object], message: str, model_file: Path, tmp_path: Path
) -> None:
    wanted = ImportOptions(**({"labels": TWO} | changes))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=message) as caught:
        importing.import_model(model_file, wanted, tmp_path / "out", quiet)
    assert caught.value.hint
    assert not list(tmp_path.iterdir())


def functional(*after: layers.Layer) -> keras.Model:
    x = inputs = keras.Input((SIZE, SIZE, 3))
    for layer in after:
        x = layer(x)
    return keras.Model(inputs, x)


def joined() -> keras.Model:
    inputs = keras.Input((SIZE, SIZE, 3))
    x = conv(4)(inputs)
    both = [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)]
    return keras.Model(inputs, layers.Dense(1, "sigmoid")(layers.Concatenate()(both)))


REFUSED: dict[str, tuple[Callable[[], keras.Model], str]] = {
    "multi-label": (lambda: cnn(2, "sigmoid"), "2 independent findings"),
    "lambda": (
        lambda: functional(
            layers.Lambda(lambda x: x / 255), layers.Flatten(), layers.Dense(1, "sigmoid")
        ),
        "code of its own",
    ),
    "joined": (joined, "joins several inputs"),
    "attention": (
        lambda: functional(
            conv(4), layers.Reshape((3844, 4)), layers.Dense(2), layers.Flatten(), layers.Dense(1)
        ),
        "more than one axis",
    ),
}


def test_what_onnx_cannot_say_is_an_error(tmp_path: Path) -> None:
    grouped = layers.Conv2D(8, 3, groups=2)  # Keras compiles these as functions of their own
    model = functional(conv(4), grouped, layers.Flatten(), layers.Dense(1, "sigmoid"))
    model.save(tmp_path / "model.keras")
    with pytest.raises(ConversionError, match="ONNX"):
        importing.import_model(
            tmp_path / "model.keras", ImportOptions(TWO), tmp_path / "out", quiet
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", REFUSED)
def test_structures_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    make, message = REFUSED[name]
    make().save(tmp_path / "model.keras")
    with pytest.raises(ConversionError, match=message) as caught:
        importing.import_model(
            tmp_path / "model.keras", ImportOptions(TWO), tmp_path / "out", quiet
        )
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


def test_lambda_in_a_legacy_file_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        REFUSED["lambda"][0]().save(tmp_path / "model.h5")
    with pytest.raises(ConversionError, match="code of its own"):
        importing.import_model(tmp_path / "model.h5", ImportOptions(TWO), tmp_path / "out", quiet)


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "model.txt", "none.keras"])
def test_files_that_are_no_model(name: str, tmp_path: Path) -> None:
    if not name.startswith("none"):
        (tmp_path / name).write_bytes(b"not a model")
    with pytest.raises(PneumoscopeError) as caught:
        importing.import_model(tmp_path / name, ImportOptions(TWO), tmp_path / "out", quiet)
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    cnn(1, "sigmoid").save_weights(tmp_path / "only.weights.h5")
    with pytest.raises(ConversionError, match="not a saved Keras model"):
        importing.import_model(
            tmp_path / "only.weights.h5", ImportOptions(TWO), tmp_path / "out", quiet
        )


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pneumoscope", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NO_COLOR": "1"},
    )


def test_the_command(model_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    done = command("import", model_file, "--labels", "normal, pneumonia", "--size", SIZE, "--out", out, "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parity"]["max_dp"] <= 1e-4
    Image.fromarray(np.full((240, 240), 90, np.uint8)).save(tmp_path / "film.png")
    read = command("predict", tmp_path / "film.png", "--bundle", out)
    assert read.returncode == 0, read.stderr
    assert "acterial" not in read.stdout


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    done = command("import", tmp_path / "no.h5", "--labels", "a,b", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
    assert command("import", tmp_path / "no.h5").returncode == 2


@pytest.mark.parametrize("labels", [("COVID", "NORMAL"), ("normal", "covid")])
def test_the_class_called_normal_is_the_negative_one(
    tmp_path: Path, labels: tuple[str, str]
) -> None:
    """Keras' folder readers sort class names, so NORMAL is often not the first."""
    cnn(2, "softmax").save(tmp_path / "m.keras")
    bundle = importing.import_model(
        tmp_path / "m.keras", ImportOptions(labels=labels), tmp_path / "bundle", quiet
    )
    assert bundle.meta.negative.lower() == "normal"
    assert bundle.meta.positive == "COVID"


def test_labels_without_a_negative_class_need_one_named(tmp_path: Path) -> None:
    cnn(2, "softmax").save(tmp_path / "m.keras")
    with pytest.raises(UsageError, match="means that nothing was found") as caught:
        importing.import_model(
            tmp_path / "m.keras", ImportOptions(labels=("a", "b")), tmp_path / "bundle", quiet
        )
    assert "--negative" in caught.value.hint
    assert not (tmp_path / "bundle").exists()
