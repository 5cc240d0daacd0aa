from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras

    from pneumoscope.train import export, network
    from pneumoscope.train.recipe import Recipe

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return network.build(Recipe(size=64, tail="dilated"), 3, None)


FILMS = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 1)).astype(np.uint8)


def test_standardise_by_hand() -> None:
    film = np.zeros((1, 2, 2, 1), np.uint8)
    film[0, 0] = 200
    out = keras.ops.convert_to_numpy(network.Standardise(0.5, 4.0)(film))
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
def test_the_tail_sets_the_heatmap(tail: str, side: int) -> None:
    built = network.build(Recipe(size=64, tail=tail), 3, None)
    assert built.get_layer(network.FEATURES).output.shape == (None, side, side, 1280)


def test_the_tails_share_their_weights() -> None:
    shapes = [
        [v.shape for v in network.build(Recipe(size=64, tail=t), 3, None).variables]
        for t in ("strided", "dilated")
    ]
    assert shapes[0] == shapes[1]


def test_closed_form_heatmaps_are_grad_cam(model: keras.Model) -> None:
    serving = network.serving_model(model, 1.7)
    closed = keras.ops.convert_to_numpy(serving(FILMS)["heatmaps"])
    reference = export.autodiff_grad_cam(model, FILMS)
    peak = reference.max(axis=(1, 2, 3), keepdims=True)
    assert peak.min() > 0
    assert (np.abs(closed - reference) / peak).max() <= 1e-3


def test_temperature_divides_the_logits(model: keras.Model) -> None:
    logits = keras.ops.convert_to_numpy(model(FILMS, training=False))
    found = keras.ops.convert_to_numpy(network.serving_model(model, 2.0)(FILMS)["probabilities"])
    e = np.exp(logits / 2)
    assert np.allclose(found, e / e.sum(1, keepdims=True), atol=1e-5)


def trainable(model: keras.Model) -> set[str]:
    return {v.path.split("/")[-2] for v in model.trainable_variables}


def test_the_phases_train_what_they_should() -> None:
    model = network.build(Recipe(size=64), 3, None)
    network.set_trainable(model, Recipe(), whole=False, keep_statistics=False)
    assert trainable(model) == {"logits"}
    network.set_trainable(model, Recipe(frozen_blocks=5), whole=True, keep_statistics=True)
    assert not {"Conv1", "expanded_conv_project", "block_3_project"} & trainable(model)
    assert {"block_4_project", "block_16_project", "Conv_1", "logits"} <= trainable(model)
    assert not any("BN" in name or name.startswith("bn_") for name in trainable(model))
    network.set_trainable(model, Recipe(), whole=True, keep_statistics=False)
    assert {"Conv1", "bn_Conv1", "block_1_project", "block_1_project_BN"} <= trainable(model)


def test_regional_averages_by_hand(model: keras.Model) -> None:
    """Everything in the first part is the plain network; two halves average to it."""
    regional = network.regional(model)
    side = network.map_side(model)
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
