from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras import layers

    from pneumoscope.train.network import gradcam

from pneumoscope.errors import ConversionError

pytestmark = pytest.mark.train

RNG = np.random.default_rng(3)
FEATURES = np.maximum(RNG.normal(0.3, 1, (5, 4, 3, 6)), 0).astype(np.float32)


def lively_norm() -> layers.BatchNormalization:
    """BatchNorm with statistics and parameters that are not 0 and 1."""
    norm = layers.BatchNormalization()
    norm.build((None, 6))
    norm.set_weights([RNG.uniform(0.5, 2, 6), RNG.normal(0, 1, 6), RNG.normal(0, 1, 6), RNG.uniform(0.2, 3, 6)])  # fmt: skip
    return norm


def dense(units: int, activation: str | None = None) -> layers.Dense:
    return layers.Dense(units, activation, bias_initializer="random_normal")


HEADS = {
    "gap": lambda: [layers.GlobalAveragePooling2D(), dense(3, "softmax")],
    "gap-sigmoid": lambda: [layers.GlobalAveragePooling2D(), dense(1, "sigmoid")],
    "gap-dense": lambda: [layers.GlobalAveragePooling2D(), dense(16, "relu"), layers.Dropout(0.5), dense(3)],
    "flatten": lambda: [layers.Flatten(), dense(16, "relu"), dense(2, "softmax")],
    "flatten-sigmoid": lambda: [layers.Flatten(), dense(16, "relu"), layers.Dropout(0.5), dense(1, "sigmoid")],
    "reshape": lambda: [layers.Reshape((72,)), dense(16), layers.ReLU(6.0), dense(2)],
    "norm": lambda: [layers.GlobalAveragePooling2D(), lively_norm(), dense(16, "relu"), dense(3)],
    "max": lambda: [layers.GlobalMaxPooling2D(), dense(8, "relu"), dense(3)],
    "deep": lambda: [layers.Flatten(), dense(16), layers.Activation("relu"), dense(8, "tanh"), dense(8, "elu"), dense(4, "leaky_relu"), dense(3)],
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_closed_form_is_grad_cam_by_autodiff(name: str) -> None:
    keras.utils.set_random_seed(0)
    head = HEADS[name]()
    x = FEATURES
    for layer in head:
        x = layer(x)
    heatmaps = keras.ops.convert_to_numpy(gradcam.HeadGradCam(head)(FEATURES))
    reference = gradcam.autodiff_grad_cam(FEATURES, head)
    classes = max(head[-1].units, 2)
    assert heatmaps.shape == reference.shape == (5, classes, 4, 3)
    peak = reference.max(axis=(2, 3), keepdims=True)
    assert (peak.max(axis=(1, 2, 3)) > 0).all()
    assert (np.abs(heatmaps - reference) <= 1e-3 * np.maximum(peak, peak.max() * 1e-3)).all()


def test_one_logit_explains_both_classes_by_hand() -> None:
    """Two channels, weights 1 and -1 behind average pooling: m = (a - b) / 4 in 4 cells."""
    features = np.zeros((1, 2, 2, 2), np.float32)
    features[0, 0, 0] = 8, 0
    features[0, 1, 1] = 0, 4
    head = [layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid")]
    head[1](head[0](features))
    head[1].set_weights([np.array([[1.0], [-1.0]]), np.zeros(1)])
    first, second = keras.ops.convert_to_numpy(gradcam.HeadGradCam(head)(features))[0]
    assert second.tolist() == [[2, 0], [0, 0]]
    assert first.tolist() == [[0, 0], [0, 1]]


def test_forward_gives_logits_without_their_activation() -> None:
    head = [layers.GlobalAveragePooling2D(), dense(3, "softmax")]
    probabilities = keras.ops.convert_to_numpy(head[1](head[0](FEATURES)))
    *_, embedding, logits = map(keras.ops.convert_to_numpy, gradcam.forward(FEATURES, head))
    e = np.exp(logits)
    assert np.allclose(e / e.sum(axis=1, keepdims=True), probabilities, atol=1e-5)
    assert np.allclose(embedding, FEATURES.mean(axis=(1, 2)), atol=1e-5)


@pytest.mark.parametrize(
    ("head", "named"),
    [
        ([layers.GlobalAveragePooling2D()], "GlobalAveragePooling2D"),
        ([layers.Dense(3), layers.Dense(3)], "Dense"),
        ([layers.Flatten(), layers.Dense(3), layers.Dropout(0.1)], "Dropout"),
        ([layers.Flatten(), layers.LayerNormalization(), layers.Dense(3)], "LayerNormalization"),
        ([layers.Flatten(), layers.Dense(3, "softplus"), layers.Dense(3)], "softplus"),
        ([layers.Reshape((4, 18)), layers.Dense(3)], "Reshape"),
    ],
)
def test_other_heads_are_refused_by_name(head: list[layers.Layer], named: str) -> None:
    with pytest.raises(ConversionError, match=named):
        gradcam.HeadGradCam(head)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
def test_a_quantized_layer_is_refused() -> None:
    """Its kernel has whole numbers: the heatmap was another network's."""
    model = keras.Sequential(
        [keras.Input((2, 2, 3)), layers.GlobalAveragePooling2D(), layers.Dense(1)]
    )
    model.layers[-1].quantize("int8")
    with pytest.raises(ConversionError, match="is quantized"):
        gradcam.check(model.layers)
