"""Finer maps from a feature pyramid on MobileNetV2."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

import keras

from pneumoscope.errors import RecipeError
from pneumoscope.train.network import backbones, keras_model
from pneumoscope.train.recipe.settings import Recipe

pytestmark = pytest.mark.usefixtures("few_blocks")

PLAIN = Recipe(size=64, source_size=64)


@pytest.fixture(scope="module")
def with_tail() -> Callable[[str], keras.Model]:
    """Networks with a pyramid by tail, each built once."""

    def build(tail: str) -> keras.Model:
        recipe = Recipe(size=64, source_size=64, tail=tail, pyramid=32)
        return keras_model.build(recipe, 3, None)

    return functools.cache(build)


@pytest.fixture(scope="module")
def plain() -> keras.Model:
    keras.utils.set_random_seed(3)
    return backbones.build(PLAIN, None)


@pytest.mark.parametrize("tail", ["strided", "undilated"])
def test_maps_have_stride_eight(tail: str, with_tail: Callable[[str], keras.Model]) -> None:
    model = with_tail(tail)
    assert keras_model.backbone_of(model).output_shape == (None, 8, 8, 32)
    assert keras_model.map_side(model) == 8


def test_what_is_kept_of_the_backbone(
    plain: keras.Model, with_tail: Callable[[str], keras.Model]
) -> None:
    pyramid = keras_model.backbone_of(with_tail(PLAIN.tail))
    names = {layer.name for layer in pyramid.layers}
    assert "block_16_project_BN" in names
    assert "Conv_1" not in names
    # 320 and 192 channels to 32 with biases, 3 x 3 per channel, 32 to 32, two BatchNorms.
    added = (320 + 1 + 192 + 1 + 9 + 32) * 32 + 2 * 4 * 32
    left_out = 320 * 1280 + 4 * 1280
    assert pyramid.count_params() == plain.count_params() + added - left_out


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras reads h5 files
def test_the_start_weights_are_those_of_the_plain_network(
    plain: keras.Model, tmp_path: object
) -> None:
    file = f"{tmp_path}/start.weights.h5"
    plain.save_weights(file)
    pyramid = backbones.build(Recipe(size=64, source_size=64, pyramid=32), file)
    for name in ("Conv1", "block_6_expand", "block_16_project"):
        ours, theirs = (m.get_layer(name).get_weights()[0] for m in (pyramid, plain))
        np.testing.assert_array_equal(ours, theirs)


def test_both_levels_reach_the_maps(with_tail: Callable[[str], keras.Model]) -> None:
    model = keras_model.backbone_of(with_tail(PLAIN.tail))
    film = np.random.default_rng(0).normal(size=(1, 64, 64, 3)).astype(np.float32)
    before = np.asarray(model(film))
    for level in ("pyramid_top", "pyramid_middle"):
        layer = model.get_layer(level)
        weights = layer.get_weights()
        layer.set_weights([w + 1 for w in weights])  # untrained, the deep maps are next to nothing
        assert np.abs(np.asarray(model(film)) - before).max() > 1e-3
        layer.set_weights(weights)


@pytest.mark.parametrize(
    "changes", [{"network": "ResNet50"}, {"size": 80, "source_size": 80}, {"pyramid": -1}]
)
def test_recipes_that_cannot_have_one(changes: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=r"pyramid|size"):
        Recipe(**{"size": 64, "source_size": 64, "pyramid": 32, **changes})  # type: ignore[arg-type]
