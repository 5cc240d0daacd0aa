"""Saved weights reach the right layers, whatever their order and their names in the file."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import h5py
    import keras
    import tensorflow as tf
    from keras import layers

    from pneumoscope.train.keras_import import checkpoint, weights

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]


def nested() -> keras.Model:
    """A nested model whose statistics and scales have the same shape."""
    base = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(2, 3, name="conv__a"),
            layers.BatchNormalization(name="norm"),
            layers.DepthwiseConv2D(3, name="depth"),
        ],
        name="base",
    )
    return keras.Sequential([keras.Input((8, 8, 1)), base, layers.Flatten(), layers.Dense(1)])


STORED = {
    "conv/a/kernel:0": np.full((3, 3, 1, 2), 1.0),
    "norm/moving_variance:0": np.array([2.0, 3.0]),
    "norm/gamma:0": np.array([4.0, 5.0]),
    "norm/moving_mean:0": np.array([6.0, 7.0]),
    "norm/beta:0": np.array([8.0, 9.0]),
    "conv/a/bias:0": np.array([10.0, 11.0]),
    "depth/depthwise_kernel:0": np.full((3, 3, 2, 1), 12.0),
    "depth/bias:0": np.array([13.0, 14.0]),
}
"""Weights in an order of their own, with names of Keras 2."""
DENSE = {"dense_7/kernel:0": np.full((32, 1), 15.0), "dense_7/bias:0": np.array([16.0])}


def write(file: Path, groups: dict[str, dict[str, np.ndarray]]) -> Path:
    with h5py.File(file, "w") as content:
        content.attrs["layer_names"] = list(groups)
        for name, arrays in groups.items():
            group = content.create_group(name)
            group.attrs["weight_names"] = list(arrays)
            for weight, array in arrays.items():
                group[weight] = array
    return file


def test_weights_are_found_by_their_names(tmp_path: Path) -> None:
    model = nested()
    weights.load_h5(model, write(tmp_path / "w.h5", {"base": STORED, "dense_7": DENSE}))
    conv, norm, depth = model.layers[0].layers
    assert np.asarray(norm.gamma).tolist() == [4, 5]
    assert np.asarray(norm.beta).tolist() == [8, 9]
    assert np.asarray(norm.moving_mean).tolist() == [6, 7]
    assert np.asarray(norm.moving_variance).tolist() == [2, 3]
    assert np.asarray(conv.bias).tolist() == [10, 11]
    assert np.asarray(depth.kernel).min() == np.asarray(depth.kernel).max() == 12
    assert np.asarray(model.layers[2].bias).tolist() == [16]


def test_weights_without_names_are_taken_in_the_order_of_keras_2(tmp_path: Path) -> None:
    model = nested()
    order = [0, 5, 2, 4, 6, 7, 3, 1]  # what is trained, then the statistics
    arrays = list(STORED.values())
    unnamed = {f"w{i}": arrays[place] for i, place in enumerate(order)}
    weights.load_h5(model, write(tmp_path / "w.h5", {"base": unnamed, "dense_7": DENSE}))
    norm = model.layers[0].layers[1]
    assert np.asarray(norm.gamma).tolist() == [4, 5]
    assert np.asarray(norm.moving_variance).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"base": STORED}, "weights of 1 layers"),
        ({"base": STORED, "dense_7": {"dense/kernel:0": np.ones((3, 1))}}, "'dense_7' do not fit"),
        ({"base": dict(list(STORED.items())[1:]), "dense_7": DENSE}, "'base' do not fit"),
    ],
)
def test_weights_of_another_network(
    groups: dict[str, dict[str, np.ndarray]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(weights.WeightsDoNotFit, match=message):
        weights.load_h5(nested(), write(tmp_path / "w.h5", groups))


def test_a_checkpoint_is_followed_by_its_objects(tmp_path: Path) -> None:
    saved, base = tf.Module(), tf.Module()
    for i, (owner, kinds) in enumerate(
        {"conv/a": ("kernel", "bias"), "norm": ("gamma", "beta", "moving_mean", "moving_variance"),
         "depth": ("depthwise_kernel", "bias")}.items()
    ):  # fmt: skip
        layer = tf.Module()
        for kind in kinds:
            setattr(layer, kind, tf.Variable(STORED[f"{owner}/{kind}:0"], dtype=tf.float32))
        setattr(base, f"layer_with_weights-{i}", layer)
    dense = tf.Module()
    dense.kernel = tf.Variable(np.full((32, 1), 15.0), dtype=tf.float32)
    dense.bias = tf.Variable([16.0])
    setattr(saved, "layer_with_weights-0", base)
    setattr(saved, "layer_with_weights-1", dense)
    tf.train.Checkpoint(saved).write(str(tmp_path / "w"))
    model = nested()
    checkpoint.load(model, tmp_path / "w")
    _, norm, depth = model.layers[0].layers
    assert np.asarray(norm.moving_mean).tolist() == [6, 7]
    assert np.asarray(depth.kernel).min() == 12
    assert np.asarray(model.layers[2].bias).tolist() == [16]
    with pytest.raises(weights.WeightsDoNotFit, match="no kernel that fits"):
        checkpoint.load(
            keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(1, 3)]), tmp_path / "w"
        )


def test_a_checkpoint_has_the_weights_inside_of_layers_by_their_attributes(tmp_path: Path) -> None:
    def recurrent() -> keras.Model:
        x = keras.Input((5, 4))
        attended = layers.MultiHeadAttention(2, 3)(x, x)
        y = layers.Bidirectional(layers.LSTM(3))(attended)
        return keras.Model(x, layers.Dense(1)(y))

    def stored(layer: keras.Layer, *names: str) -> tf.Module:
        part = tf.Module()
        for name in names:
            setattr(part, name, tf.Variable(np.asarray(getattr(layer, name))))
        return part

    keras.utils.set_random_seed(2)
    model, other = recurrent(), recurrent()
    attention, directions, dense = model.layers[1:]
    saved, heads, both = tf.Module(), tf.Module(), tf.Module()
    for name in ("_query_dense", "_key_dense", "_value_dense", "_output_dense"):
        setattr(heads, name, stored(getattr(attention, name), "kernel", "bias"))
    for name in ("forward_layer", "backward_layer"):
        one_way = tf.Module()
        one_way.cell = stored(getattr(directions, name).cell, "kernel", "recurrent_kernel", "bias")
        setattr(both, name, one_way)
    for i, part in enumerate((heads, both, stored(dense, "kernel", "bias"))):
        setattr(saved, f"layer_with_weights-{i}", part)
    tf.train.Checkpoint(saved).write(str(tmp_path / "w"))
    checkpoint.load(other, tmp_path / "w")
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(mine, theirs)


def test_statistics_become_constants() -> None:
    layer = layers.Normalization()
    model = keras.Sequential([keras.Input((4, 4, 3)), layer])
    layer.mean, layer.variance = tf.constant([[[[1.0, 2, 3]]]]), tf.constant([[[[4.0, 4, 4]]]])
    layer.input_mean = layer.input_variance = 1.0  # as if they were given
    weights.freeze_statistics(model)
    assert isinstance(layer.mean, np.ndarray)
    assert np.asarray(layer(np.full((1, 1, 1, 3), 5.0, np.float32))).ravel().tolist() == [2, 1.5, 1]


def test_parts_of_a_layer_with_weights_of_the_same_names_keep_them(tmp_path: Path) -> None:
    def recurrent() -> keras.Model:
        after = layers.Bidirectional(layers.LSTM(3))
        return keras.Sequential([keras.Input((5, 4)), after, layers.Dense(1)])

    model, other = recurrent(), recurrent()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "m.h5")
    weights.load_h5(other, tmp_path / "m.h5")
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(mine, theirs)
