from __future__ import annotations

import functools
import warnings
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from pneumoscope.decision.calibration import Calibration
from pneumoscope.errors import RecipeError
from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras

    from pneumoscope.train.network import gradcam, keras_model
    from pneumoscope.train.network.calibration_values import values_of
    from pneumoscope.train.recipe.settings import Recipe

pytestmark = TRAINING


@pytest.fixture(scope="module")
def with_tail() -> Callable[[str], keras.Model]:
    """Networks by tail, each built once."""

    def build(tail: str) -> keras.Model:
        keras.utils.set_random_seed(0)
        return keras_model.build(Recipe(size=64, tail=tail), 3, None)

    return functools.cache(build)


@pytest.fixture(scope="module")
def model(with_tail: Callable[[str], keras.Model]) -> keras.Model:
    return with_tail("dilated")


FILMS = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 1)).astype(np.uint8)


def test_standardise_by_hand() -> None:
    film = np.zeros((1, 2, 2, 1), np.uint8)
    film[0, 0] = 200
    out = keras.ops.convert_to_numpy(keras_model.Standardise(0.5, 4.0)(film))
    assert out.shape == (1, 2, 2, 3)
    # Mean 100, standard deviation 100: values +-1, clipped at 0.5, times 4.
    assert np.allclose(out[0, 0], 2)
    assert np.allclose(out[0, 1], -2)


def test_exposure_and_contrast_do_not_matter(model: keras.Model) -> None:
    film = (FILMS // 4 + 60).astype(np.uint8)
    brighter = (film + 50).astype(np.uint8)
    a, b = (keras.ops.convert_to_numpy(model(x, training=False)) for x in (film, brighter))
    assert np.allclose(a, b, atol=1e-3)


def test_a_blank_film_gives_finite_logits(model: keras.Model) -> None:
    out = keras.ops.convert_to_numpy(model(np.full((1, 64, 64, 1), 7, np.uint8)))
    assert np.isfinite(out).all()


@pytest.mark.parametrize(("tail", "side"), [("strided", 2), ("undilated", 4), ("dilated", 4)])
def test_the_tail_sets_the_heatmap(
    tail: str, side: int, with_tail: Callable[[str], keras.Model]
) -> None:
    built = with_tail(tail)
    assert built.get_layer(keras_model.FEATURES).output.shape == (None, side, side, 1280)


def test_the_tails_share_their_weights(with_tail: Callable[[str], keras.Model]) -> None:
    shapes = [[v.shape for v in with_tail(tail).variables] for tail in ("strided", "dilated")]
    assert shapes[0] == shapes[1]


def autodiff(model: keras.Model) -> np.ndarray:
    features = keras.Model(model.input, model.get_layer(keras_model.FEATURES).output)(FILMS)
    return gradcam.autodiff_grad_cam(features, keras_model.layers_of_head(model))


def test_closed_form_heatmaps_are_grad_cam(model: keras.Model) -> None:
    serving = keras_model.serving_model(model, Calibration((1.7,), (0.4,), 1.2))
    closed = keras.ops.convert_to_numpy(serving(FILMS)["heatmaps"])
    reference = autodiff(model)
    peak = reference.max(axis=(1, 2, 3), keepdims=True)
    assert peak.min() > 0
    assert (np.abs(closed - reference) / peak).max() <= 1e-3


SMALL = {"network": "cnn", "filters": (8, 12), "scaling": "unit"}
HEADS = [
    {"task": "binary"},
    {"task": "binary", "head": "flatten", "dense": 16} | SMALL,
    {"task": "binary", "head_batch_norm": True, "dense": 16, "dropout": 0.5} | SMALL,
    {"head_batch_norm": True} | SMALL,
    {"head": "flatten", "dense": 16} | SMALL,
]


@pytest.mark.parametrize("settings", HEADS, ids=lambda s: "-".join(map(str, s.values())))
def test_every_head_has_its_closed_form(few_blocks: None, settings: dict[str, object]) -> None:
    keras.utils.set_random_seed(1)
    recipe = Recipe(size=64, **settings)  # type: ignore[arg-type]
    built = keras_model.build(recipe, 2 if recipe.task == "binary" else 3, None)
    # Statistics and scales that are not the ones of a fresh BatchNorm.
    rng = np.random.default_rng(0)
    for variable in built.get_layer("head_norm").variables if recipe.head_batch_norm else ():
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    outputs = keras_model.serving_model(built, Calibration((1.3,), (0.4,), 1.2))(FILMS)
    closed = keras.ops.convert_to_numpy(outputs["heatmaps"])
    reference = autodiff(built)
    assert closed.shape == reference.shape
    peak = reference.max(axis=(1, 2, 3), keepdims=True)
    assert peak.min() > 0
    assert (np.abs(closed - reference) / peak).max() <= 1e-3
    p = keras.ops.convert_to_numpy(outputs["probabilities"])
    assert p.shape == (4, closed.shape[1])
    assert np.allclose(p.sum(axis=1), 1, atol=1e-6)


CALIBRATION = Calibration((1.7,), (0.4,), 1.3, kinds_offsets=(0.0, -0.8))


def test_one_logit_is_the_sigmoid_of_the_positive_class() -> None:
    keras.utils.set_random_seed(0)
    built = keras_model.build(
        Recipe(size=64, task="binary", network="cnn", scaling="unit"), 2, None
    )
    logit = keras.ops.convert_to_numpy(built(FILMS, training=False))
    assert logit.shape == (4, 1)
    outputs = keras_model.serving_model(built, CALIBRATION, "binary")(FILMS)
    p = keras.ops.convert_to_numpy(outputs["probabilities"])
    assert np.allclose(p[:, 1], 1 / (1 + np.exp(-1.7 * logit[:, 0] - 0.4)), atol=1e-6)


def test_the_graph_calibrates_as_numpy_does(model: keras.Model) -> None:
    logits = 5 * keras.ops.convert_to_numpy(model(FILMS, training=False)).astype(np.float64)
    e = np.exp(logits)
    calibrated = keras_model._calibrated(
        keras.ops.convert_to_tensor(logits, "float32"), values_of(CALIBRATION, 2), "multiclass"
    )
    expected = CALIBRATION.apply(e / e.sum(axis=1, keepdims=True), 0)
    assert np.allclose(keras.ops.convert_to_numpy(calibrated), expected, atol=1e-6)


def test_findings_are_calibrated_one_by_one() -> None:
    logits = np.array([[-3.0, 0.0, 8.0], [1.0, 2.0, -9.0]])
    calibration = Calibration((0.5, 1.0, 2.0), (-1.0, 0.0, 1.5))
    calibrated = keras_model._calibrated(
        keras.ops.convert_to_tensor(logits, "float32"), values_of(calibration, 2), "multilabel"
    )
    expected = calibration.apply(1 / (1 + np.exp(-logits)), None)
    assert np.allclose(keras.ops.convert_to_numpy(calibrated), expected, atol=1e-6)


@pytest.mark.parametrize("size", [1.0, 30.0, 1e4])
def test_calibration_survives_any_logits(size: float) -> None:
    logits = size * np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    calibrated = keras_model._calibrated(
        keras.ops.convert_to_tensor(logits, "float32"), values_of(CALIBRATION, 2), "multiclass"
    )
    p = keras.ops.convert_to_numpy(calibrated)
    assert np.isfinite(p).all()
    assert np.allclose(p.sum(axis=1), 1, atol=1e-6)


def trainable(model: keras.Model) -> set[str]:
    return {v.path.split("/")[-2] for v in model.trainable_variables}


def test_the_phases_train_what_they_should(few_blocks: None) -> None:
    model = keras_model.build(Recipe(size=64), 3, None)
    keras_model.set_trainable(model, Recipe(), whole=False, keep_statistics=False)
    assert trainable(model) == {"logits"}
    keras_model.set_trainable(
        model, Recipe(train_from="block_4_expand"), whole=True, keep_statistics=True
    )
    assert not {"Conv1", "expanded_conv_project", "block_3_project"} & trainable(model)
    assert {"block_4_project", "block_16_project", "Conv_1", "logits"} <= trainable(model)
    assert not any("BN" in name or name.startswith("bn_") for name in trainable(model))
    keras_model.set_trainable(model, Recipe(), whole=True, keep_statistics=False)
    assert {"Conv1", "bn_Conv1", "block_1_project", "block_1_project_BN"} <= trainable(model)


BAD = [
    ({"train_from": "block_4"}, "train_from", "block_4_expand"),
    ({"train_from": "x"}, "train_from", "Conv1"),
    ({"train_last": 999}, "train_last", "154 layers"),
    ({"regions": 0.5, "tail": "strided"}, "2 x 2", "regions = 0"),
]


@pytest.mark.parametrize(("settings", "message", "hint"), BAD)
def test_a_recipe_that_its_network_cannot_follow(
    with_tail: Callable[[str], keras.Model],
    model: keras.Model,
    settings: dict[str, object],
    message: str,
    hint: str,
) -> None:
    recipe = Recipe(size=64, **settings)  # type: ignore[arg-type]
    built = with_tail(recipe.tail) if "regions" in settings else model
    with pytest.raises(RecipeError, match=message) as caught:
        keras_model.check(built, recipe)
    assert hint in caught.value.hint
    keras_model.check(
        model, Recipe(size=64, tail="dilated", regions=0.5, train_from="block_4_expand")
    )


def test_regional_averages_by_hand(model: keras.Model) -> None:
    """Everything in the first part is the plain network; two halves average to it."""
    regional = keras_model.regional(model)
    side = keras_model.map_side(model)
    shares = np.zeros((4, 2, side, side), np.float32)
    shares[:, 0] = 1 / side**2
    whole = keras.ops.convert_to_numpy(regional([FILMS, shares], training=False))
    plain = keras.ops.convert_to_numpy(model(FILMS, training=False))
    assert whole.shape == (4, 2, 3)
    near = 1e-3 * np.abs(plain).max()  # of random weights the logits are tiny
    assert np.allclose(whole[:, 0], plain, atol=near)
    shares[:, 0, :, : side // 2] = 2 / side**2
    shares[:, 0, :, side // 2 :] = 0
    shares[:, 1] = shares[:, 0, :, ::-1]
    halves = keras.ops.convert_to_numpy(regional([FILMS, shares], training=False))
    assert np.allclose(halves.mean(axis=1), plain, atol=near)
    assert not np.allclose(halves[:, 0], halves[:, 1], atol=10 * near)
