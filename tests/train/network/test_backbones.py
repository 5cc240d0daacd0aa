"""Every backbone: what it computes, how it loads, trains and exports.

Networks have few blocks (see `short_networks`); test_keras_model.py builds whole ones. Exports take
most of the time, so one network of each family goes to ONNX with one head (ResNet50 not at all), and
the plain network with each. ``PNEUMOSCOPE_ALL_HEADS=1 pytest tests/train/network/test_backbones.py -k
onnx`` tries all with all, with all blocks.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from typer.testing import CliRunner

from pneumoscope.cli.app import app
from pneumoscope.decision.calibration import Calibration
from pneumoscope.errors import RecipeError, UsageError
from short_networks import few_blocks
from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    import tf2onnx
    from tf2onnx.convert import from_function

    from pneumoscope.train.data import phantom
    from pneumoscope.train.export import conversion, parity, to_onnx
    from pneumoscope.train.network import backbones, keras_model
    from pneumoscope.train.quiet import no_chatter
    from pneumoscope.train.recipe.settings import SMALLEST_SIZE, Recipe

pytestmark = TRAINING

STOCK = sorted(backbones.STOCK)
# The others are the same code at other depths and widths.
SMALLEST = ["ConvNeXtTiny", "DenseNet121", "EfficientNetV2B0", "MobileNetV2", "MobileNetV3Small"]
# Others are built at 64 pixels, which gives maps of 2 x 2.
SIZES = SMALLEST_SIZE
SIDES = {"Xception": 3, "InceptionV3": 1}
# EfficientNet-Lite 1 and 2 have more blocks than 0: test_efficientnet_lite.py counts them.
BUILT = [name for name in STOCK if name not in ("EfficientNetLite1", "EfficientNetLite2")]
HEADS: dict[str, dict[str, Any]] = {
    "gap": {},
    "flatten": {"head": "flatten", "dense": 8},
    "norm": {"head_batch_norm": True, "dense": 8},
}
ALL = "PNEUMOSCOPE_ALL_HEADS"
FILMS = phantom.films(4, 64)


def recipe_of(name: str, **settings: Any) -> Recipe:
    return Recipe(network=name, size=SIZES.get(name, 64), scaling="own", **settings)


def films_of(name: str) -> np.ndarray:
    return phantom.films(4, SIZES[name]) if name in SIZES else FILMS


def stir(model: keras.Model, films: np.ndarray) -> None:
    """Statistics and scales that are not a fresh layer's, so that every layer counts."""
    rng = np.random.default_rng(0)
    for layer in backbones.flat([model]):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5  # so that one pass moves the statistics
        elif type(layer).__name__ == "LayerScale":
            layer.gamma.assign(rng.uniform(0.1, 1, layer.gamma.shape))
    model(films, training=True)
    for variable in model.get_layer("head_norm").variables if "head_norm" in names(model) else ():
        # Four films differ so little that their own variance would only magnify rounding.
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))


def names(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers]


@pytest.fixture(scope="module", autouse=True)
def _short() -> Iterator[None]:
    with contextlib.nullcontext() if os.environ.get(ALL) else few_blocks():
        yield


@pytest.fixture(scope="module")
def built() -> Callable[[str], keras.Model]:
    """Networks by name, each built once."""
    return functools.cache(lambda name: keras_model.build(recipe_of(name), 3, None))


@pytest.mark.parametrize("name", BUILT)
def test_every_backbone_builds_and_scales(name: str, built: Callable[[str], keras.Model]) -> None:
    backbone = keras_model.backbone_of(built(name))
    size, side = SIZES.get(name, 64), SIDES.get(name, 2)
    assert backbone.input_shape == (None, size, size, 3)
    assert backbone.output_shape[:3] == (None, side, side)
    layers = list(backbones.flat([backbone]))
    # Scaling happens once, in the network, never again inside the backbone.
    assert not {type(layer).__name__ for layer in layers} & {"Rescaling", "Normalization"}
    assert all(getattr(layer, "groups", 1) == 1 for layer in layers)
    norms = [x for x in layers if isinstance(x, keras.layers.BatchNormalization)]
    assert all(norm.momentum == backbones.BATCH_NORM_MOMENTUM for norm in norms)


@pytest.mark.parametrize(
    ("name", "preprocess"),
    [
        ("MobileNetV2", keras.applications.mobilenet_v2.preprocess_input),
        ("ResNet50", keras.applications.resnet50.preprocess_input),
        ("DenseNet121", keras.applications.densenet.preprocess_input),
        ("VGG16", keras.applications.vgg16.preprocess_input),
        ("Xception", keras.applications.xception.preprocess_input),
        ("InceptionV3", keras.applications.inception_v3.preprocess_input),
    ],
)
def test_own_scaling_is_that_of_keras(name: str, preprocess: Any) -> None:
    rgb = np.repeat(FILMS[:1], 3, axis=-1).astype(np.float32)
    assert np.allclose(scaled(name), preprocess(rgb.copy()), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("MobileNetV3Small", "Rescaling"),
        ("EfficientNetV2B0", "Normalization"),
        ("ConvNeXtTiny", "Normalization"),
    ],
)
def test_own_scaling_is_that_inside_the_network(name: str, last: str) -> None:
    whole = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(64, 64, 3)
    )
    inside = next(layer for layer in whole.layers if type(layer).__name__ == last)
    rgb = np.repeat(FILMS[:1], 3, axis=-1).astype(np.float32)
    expected = keras.Model(whole.input, inside.output)(rgb)
    assert np.allclose(scaled(name), keras.ops.convert_to_numpy(expected), atol=1e-4)


def scaled(name: str) -> np.ndarray:
    return keras.ops.convert_to_numpy(keras_model.Scale(*backbones.own_scaling(name))(FILMS[:1]))


@pytest.mark.parametrize("name", ["ConvNeXtTiny", "EfficientNetV2B0", "MobileNetV3Small"])
def test_the_weights_of_keras_give_the_same_maps(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the download and from a file: as keras.applications with its own scaling inside."""
    keras.utils.set_random_seed(0)
    make = getattr(keras.applications, name)
    rgb = np.repeat(FILMS, 3, axis=-1).astype(np.float32)
    small = make(include_top=False, weights=None, input_shape=(64, 64, 3))
    stir(small, rgb)
    expected = keras.ops.convert_to_numpy(small(rgb, training=False))
    file = tmp_path / "keras.weights.h5"
    small.save_weights(file)  # convolutions have the same weights for films of any size
    # Keras' networks call it there.
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: str(file))
    scaled = keras_model.Scale(*backbones.own_scaling(name))(FILMS)
    for weights in ("imagenet", str(file)):
        backbone = backbones.build(recipe_of(name), weights)
        maps = keras.ops.convert_to_numpy(backbone(scaled, training=False))
        assert maps.std() > 0.01
        assert np.allclose(maps, expected, atol=1e-3 * np.abs(expected).max()), weights


def test_a_download_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str, origin: str, **_: Any) -> str:
        raise Exception(f"URL fetch failure on {origin}: None -- [Errno -2] no name")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", offline)
    with pytest.raises(
        UsageError, match=r"EfficientNetV2B0 cannot be downloaded \(URL fetch"
    ) as caught:
        backbones.build(recipe_of("EfficientNetV2B0"), "imagenet")
    assert "--weights none" in caught.value.hint
    assert "--weights FILE" in caught.value.hint


def test_weights_of_another_network_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbones, "_plain", functools.cache(backbones._plain))
    other = tmp_path / "other.weights.h5"
    large = keras.applications.MobileNetV3Large
    large(include_top=False, weights=None, input_shape=(64, 64, 3)).save_weights(other)
    text, empty = tmp_path / "text.h5", tmp_path / "weights.txt"
    text.write_text("no HDF5")
    empty.touch()
    for file in (other, text, empty, tmp_path):
        with pytest.raises(UsageError, match="do not fit MobileNetV3Small") as caught:
            backbones.build(recipe_of("MobileNetV3Small"), str(file))
        assert "without its top" in caught.value.hint


def every_case() -> list[tuple[str, str]]:
    if os.environ.get(ALL):
        return [(name, head) for name in (*STOCK, "cnn") for head in HEADS]
    networks = ["cnn"] * len(HEADS) + SMALLEST
    return list(zip(networks, itertools.cycle(HEADS), strict=False))


@pytest.mark.parametrize(("name", "head"), every_case())
def test_onnx_computes_the_same(name: str, head: str, tmp_path: Path) -> None:
    """Probabilities, embedding, and heatmaps as automatic differentiation has them."""
    keras.utils.set_random_seed(0)
    model = keras_model.build(recipe_of(name, **HEADS[head]), 3, None)
    films = films_of(name)
    stir(model, films)
    serving = keras_model.serving_model(model, Calibration((1.3,), (0.4,), 1.2))
    attempt = mock.patch.object(tf2onnx.convert, "from_function", wraps=from_function)
    with attempt as attempts, no_chatter(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx's own
        conversion.convert(serving, tmp_path / "model.onnx")
    assert attempts.call_count == 1  # none of tf2onnx's steps failed
    errors = parity.measure(model, serving, tmp_path / "model.onnx", films).parity
    assert errors["max_dp"] <= 1e-4
    assert errors["max_heatmap_error"] <= 1e-3
    assert errors["max_embedding_error"] <= 1e-3
    heatmaps = keras.ops.convert_to_numpy(serving(films)["heatmaps"])
    assert heatmaps.shape[:2] == (4, 3)
    assert (heatmaps.max(axis=(1, 2, 3)) > 0).all()


@pytest.mark.parametrize("name", [*SMALLEST, "ResNet50"])
def test_layer_wise_unfreezing(name: str, built: Callable[[str], keras.Model]) -> None:
    """By name or count the same layers learn, and BatchNorm does not."""
    model = built(name)
    backbone = keras_model.backbone_of(model)
    first = len(backbone.layers) - 20
    by_name = recipe_of(name, train_from=names(backbone)[first])
    for recipe in (recipe_of(name, train_last=20), by_name):
        keras_model.check(model, recipe)
        keras_model.set_trainable(model, recipe, whole=True, keep_statistics=True)
        learns = [bool(layer.trainable_variables) for layer in backbone.layers]
        assert not any(learns[:first])
        for layer, does in zip(backbone.layers[first:], learns[first:], strict=True):
            is_norm = isinstance(layer, keras.layers.BatchNormalization)
            assert does == (bool(layer.weights) and not is_norm), layer.name
        assert any(learns)


def test_a_convolution_too_many() -> None:
    with pytest.raises(RecipeError, match="used up after 4"):
        backbones.build(recipe_of("cnn", filters=(4,) * 6), None)
    # 64 -> 62 -> 31 -> 29 -> 14 -> 12 -> 6 -> 4 -> 2
    assert backbones.build(recipe_of("cnn", filters=(4,) * 4), None).output_shape == (None, 2, 2, 4)


def test_unknown_networks() -> None:
    with pytest.raises(RecipeError, match="MobilNet") as caught:
        backbones.build(recipe_of("MobilNet"), None)
    for name in (*STOCK, "cnn"):
        assert name in caught.value.hint


def test_help_and_docs_name_every_network() -> None:
    shown = CliRunner().invoke(app, ["train", "--help"], env={"NO_COLOR": "1", "COLUMNS": "300"})
    page = Path(__file__).parents[3] / "docs" / "how-to" / "train.md"
    for name in (*STOCK, "cnn"):
        assert re.search(rf"\b{name}\b", shown.stdout), name
        assert f"`{name}`" in page.read_text(encoding="utf-8"), name


NETWORKS = """
import keras

def build(recipe):
    films = keras.Input((recipe.size, recipe.size, 3))
    inner = keras.Sequential([
        keras.layers.Conv2D(6, 3, strides=4, groups=3, activation="gelu"),
        keras.layers.BatchNormalization(),
    ])
    return keras.Model(films, inner(films))

def raises(recipe):
    return inside(recipe)

def inside(recipe):
    raise KeyError("nothing here")

def nothing(recipe):
    pass

def pooled(recipe):
    films = keras.Input((recipe.size, recipe.size, 3))
    return keras.Model(films, keras.layers.GlobalAveragePooling2D()(films))

def any_size(recipe):
    films = keras.Input((None, None, 3))
    return keras.Model(films, keras.layers.Conv2D(6, 3)(films))

def two_outputs(recipe):
    films = keras.Input((recipe.size, recipe.size, 3))
    return keras.Model(films, [films, films])

class Subclass(keras.Model):
    pass

def uncalled(recipe):
    return Subclass()

number = 3
"""


@pytest.fixture
def users_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the working directory, which is not on Python's path."""
    module = f"own_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{module}.py").write_text(NETWORKS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [p for p in __import__("sys").path if p])
    return module


def test_a_network_of_the_users_own_exports(users_module: str, tmp_path: Path) -> None:
    from pneumoscope.train.fit import loop

    recipe = Recipe(network=f"{users_module}:build", size=64)
    backbones.check(recipe.network)
    model = keras_model.build(recipe, 3, None)
    assert model.get_layer(keras_model.FEATURES).output.shape == (None, 16, 16, 6)
    keras_model.set_trainable(model, recipe, whole=True, keep_statistics=True)
    # A kernel and a bias; of the nested BatchNorm nothing; the head's two.
    assert len(model.trainable_variables) == 4
    loop.save(model, tmp_path / "weights.npz")
    target = tmp_path / "model.onnx"
    record = to_onnx.export_onnx(recipe, 3, tmp_path / "weights.npz", target, FILMS).parity
    assert record["films"] == 4
    assert target.is_file()


@pytest.mark.parametrize(
    ("function", "message", "hint"),
    [
        ("missing", "cannot be imported .AttributeError", "working directory"),
        ("number", "is not a function", "3"),
        ("raises", "failed .KeyError: 'nothing here'", "line 13"),
        ("nothing", "is not a backbone", "(None, 64, 64, 3)"),
        ("pooled", "is not a backbone", "(None, h, w, k)"),
        ("any_size", "is not a backbone", "(None, 64, 64, 3)"),
        ("two_outputs", "is not a backbone", "keras.Model"),
        ("uncalled", "is not a backbone", "keras.Model"),
    ],
)
def test_functions_that_give_no_network(
    users_module: str, function: str, message: str, hint: str
) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        backbones.build(recipe_of(f"{users_module}:{function}"), None)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "ModuleNotFoundError"),
        ("def build(:", "SyntaxError.*line 1"),
        ("1 / 0", "ZeroDivisionError"),
        ("import no_such_package", "no_such_package"),
    ],
)
def test_modules_that_cannot_be_imported(
    users_module: str, content: str | None, message: str
) -> None:
    """Before any film is read."""
    if content is not None:
        Path(f"bad_{users_module}.py").write_text(content)
    with pytest.raises(RecipeError, match=f"cannot be imported.*{message}"):
        backbones.check(f"bad_{users_module}:build")
