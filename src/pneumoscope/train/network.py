"""The network, in Keras 3, on any of its backends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

if TYPE_CHECKING:
    from pneumoscope.train.recipe import Recipe

EMBEDDING = "embedding"
LOGITS = "logits"
FEATURES = "features"

BATCH_NORM_MOMENTUM = 0.95
"""``keras.applications`` has 0.999: after a short fine-tuning the statistics would still be ImageNet's."""

# Blocks of MobileNetV2's last stage (output stride 32) and their depthwise layers.
_LAST_STRIDE = "block_13"
_LAST_DEPTHWISE = ("block_14_depthwise", "block_15_depthwise", "block_16_depthwise")


@keras.saving.register_keras_serializable("pneumoscope")
class Standardise(keras.layers.Layer):  # type: ignore[misc]
    """Per-film standardisation, so that exposure and contrast of the device do not matter.

    Input: any dtype, (n, rows, columns, 1). Output: float32 (n, rows, columns, 3): each film
    with mean 0 and standard deviation `scale`, clipped at `limit` standard deviations. A scale of
    0.5 gives about the spread of the inputs in [-1, 1] that the ImageNet weights know.
    """

    def __init__(self, limit: float = 3.0, scale: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limit, self.scale = limit, scale

    def call(self, films: Any) -> Any:
        x = ops.cast(films, "float32")
        mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
        x = x - mean
        variance = ops.mean(ops.square(x), axis=(1, 2, 3), keepdims=True)
        # One grey level: a blank film stays blank instead of becoming amplified noise.
        x = x / ops.sqrt(variance + 1.0)
        x = ops.clip(x, -self.limit, self.limit) * self.scale
        return ops.concatenate([x, x, x], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], 3)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "limit": self.limit, "scale": self.scale}


def build(recipe: Recipe, classes: int, weights: str | None) -> Any:
    """The flagship network: films in, logits out.

    Args:
        recipe: Size, dropout and tail of the network.
        classes: Number of outputs.
        weights: ``"imagenet"`` for Keras' download, a path of a ``.h5`` file, or None for
            random weights.

    Returns:
        A ``keras.Model`` from uint8-valued films (n, size, size, 1) to logits (n, classes). Its
        layers ``"features"`` and ``"embedding"`` give the last feature maps and their averages.
    """
    films = keras.Input((recipe.size, recipe.size, 1), name="films", dtype="uint8")
    backbone = _backbone(recipe.size, recipe.tail, weights)
    x = backbone(Standardise(recipe.clip, name="standardise")(films))
    x = keras.layers.Activation("linear", name=FEATURES)(x)
    x = keras.layers.GlobalAveragePooling2D(name=EMBEDDING, dtype="float32")(x)
    if recipe.dropout:
        x = keras.layers.Dropout(recipe.dropout, seed=recipe.seed, name="dropout")(x)
    logits = keras.layers.Dense(classes, name=LOGITS, dtype="float32")(x)
    return keras.Model(films, logits, name="pneumoscope")


def regional(model: Any) -> Any:
    """The same network for films composed of two, see `pneumoscope.train.regions`.

    Args:
        model: What `build` made; all weights are shared with it.

    Returns:
        A ``keras.Model`` from films (n, size, size, 1) and shares (n, 2, h, w) to logits
        (n, 2, classes): each film's own cells and its partner's, averaged apart. The shares of
        either are 0, or sum to 1.
    """
    features = model.get_layer(FEATURES).output
    _, rows, columns, _ = features.shape
    shares = keras.Input((2, rows, columns), name="shares")
    x = RegionalPooling(name="regional_pooling", dtype="float32")([features, shares])
    for layer in model.layers[model.layers.index(model.get_layer(EMBEDDING)) + 1 :]:
        x = layer(x)
    return keras.Model([model.input, shares], x, name="regional")


@keras.saving.register_keras_serializable("pneumoscope")
class RegionalPooling(keras.layers.Layer):  # type: ignore[misc]
    """Features (n, h, w, k) and shares (n, r, h, w) to averages by share (n, r, k)."""

    def call(self, inputs: Any) -> Any:
        features, shares = inputs
        _, regions, rows, columns = shares.shape
        flat = ops.reshape(features, (-1, rows * columns, features.shape[-1]))
        return ops.matmul(ops.reshape(shares, (-1, regions, rows * columns)), flat)

    def compute_output_shape(self, input_shape: Any) -> Any:
        features, shares = input_shape
        return (features[0], shares[1], features[-1])


def map_side(model: Any) -> int:
    """Cells along each side of the last map."""
    return int(model.get_layer(FEATURES).output.shape[1])


def backbone_of(model: Any) -> Any:
    """The pretrained part of a network that `build` made."""
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def set_trainable(model: Any, recipe: Recipe, *, whole: bool, keep_statistics: bool) -> None:
    """Says which weights the next phase changes.

    Args:
        model: What `build` made.
        recipe: Its ``frozen_blocks`` stay as they are.
        whole: Train the backbone too, not only the head.
        keep_statistics: Keep every BatchNorm at its pretrained statistics and affine parameters.
    """
    backbone = backbone_of(model)
    backbone.trainable = whole
    if not whole:
        return
    for layer in backbone.layers:
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        frozen = _part(layer.name) < recipe.frozen_blocks or (is_norm and keep_statistics)
        layer.trainable = not frozen


def _part(layer: str) -> int:
    """Position of a layer's block in MobileNetV2: stem 0, expanded_conv 1, block_1 2, ..."""
    if layer.startswith("block_"):
        return int(layer.split("_")[1]) + 1
    if layer.startswith("expanded_conv"):
        return 1
    return 18 if layer.startswith(("Conv_1", "out_")) else 0


def serving_model(model: Any, temperature: float) -> Any:
    """The network as it is shipped: films in; probabilities, heatmaps and embedding out.

    Grad-CAM needs no gradient here: with global average pooling and one dense layer the gradient
    of logit c at every pixel of feature map A_k is w_kc / (h w), so its Grad-CAM is exactly
    relu(sum_k w_kc A_k) / (h w) (Selvaraju et al. 2017, with CAM of Zhou et al. 2016).

    Args:
        model: What `build` made, trained.
        temperature: Divisor of the logits (Guo et al. 2017).

    Returns:
        A ``keras.Model`` from uint8 (n, size, size, 1) to ``probabilities`` (n, classes),
        ``heatmaps`` (n, classes, h, w) and ``embedding`` (n, features), float32.
    """
    features = model.get_layer(FEATURES).output
    embedding = model.get_layer(EMBEDDING).output
    head = model.get_layer(LOGITS)
    heatmaps = GradCam(head, name="heatmaps")(features)
    scaled = keras.layers.Rescaling(1.0 / temperature, name="temperature")(head(embedding))
    probabilities = keras.layers.Softmax(name="probabilities")(scaled)
    return keras.Model(
        model.input,
        {"probabilities": probabilities, "heatmaps": heatmaps, "embedding": embedding},
        name="serving",
    )


class GradCam(keras.layers.Layer):  # type: ignore[misc]
    """Grad-CAM of every class in closed form: (n, h, w, k) to (n, classes, h, w)."""

    def __init__(self, head: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._head = head

    def call(self, features: Any) -> Any:
        x = ops.cast(features, "float32")
        _, rows, columns, _ = x.shape
        cam = ops.matmul(x, self._head.kernel) / (rows * columns)
        return ops.transpose(ops.relu(cam), (0, 3, 1, 2))


def _backbone(size: int, tail: str, weights: str | None) -> Any:
    stock = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(size, size, 3)
    )
    model = _changed(stock, tail)
    if weights == "imagenet":
        source = keras.applications.MobileNetV2(
            include_top=False, weights="imagenet", input_shape=(224, 224, 3)
        )
        model.set_weights(source.get_weights())
    elif weights is not None:
        stock.load_weights(weights)
        model.set_weights(stock.get_weights())
    return model


def _changed(stock: Any, tail: str) -> Any:
    """The same layers and weights, with the tail's strides and a usable BatchNorm momentum.

    Without its stride the last stage sees a map twice as fine; with dilation 2 its kernels keep
    their reach on the film. At 128 pixels that gives heatmaps of 8 x 8 in place of 4 x 4.
    """
    config = stock.get_config()
    for layer in config["layers"]:
        name, settings = layer["config"]["name"], layer["config"]
        if layer["class_name"] == "BatchNormalization":
            settings["momentum"] = BATCH_NORM_MOMENTUM
        if tail == "strided":
            continue
        if name == f"{_LAST_STRIDE}_pad":
            settings["padding"] = [[1, 1], [1, 1]]
        elif name == f"{_LAST_STRIDE}_depthwise":
            settings["strides"] = [1, 1]
        elif name in _LAST_DEPTHWISE and tail == "dilated":
            settings["dilation_rate"] = [2, 2]
    return keras.Model.from_config(config)
