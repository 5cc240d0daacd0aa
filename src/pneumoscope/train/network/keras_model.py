"""The network in Keras 3, on any of its backends: films, scaling, backbone, head."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from pneumoscope.decision.calibration import FLOOR
from pneumoscope.errors import RecipeError
from pneumoscope.train.network import backbones, lungs, regions
from pneumoscope.train.network.calibration_values import PREFIX, CalibrationValues, values_of
from pneumoscope.train.network.gradcam import HeadGradCam
from pneumoscope.train.network.lungs import FEATURES, LOGITS
from pneumoscope.train.network.stock_changes import BATCH_NORM_MOMENTUM

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.decision.calibration import Calibration
    from pneumoscope.train.recipe.settings import Recipe

POOLED = "pooled"
EMBEDDING = "embedding"


@keras.saving.register_keras_serializable("pneumoscope")
class Standardise(keras.layers.Layer):  # type: ignore[misc]
    """Standardises each film, so that the exposure and contrast of devices do not matter.

    Input: any dtype, (n, rows, columns, 1). Output: float32 (n, rows, columns, 3): each film
    with mean 0 and standard deviation `scale`, clipped at `limit` standard deviations. A scale of
    0.5 gives about the spread of the inputs in [-1, 1] that ImageNet weights were trained on.
    """

    def __init__(self, limit: float = 3.0, scale: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limit, self.scale = limit, scale

    def call(self, films: Any) -> Any:
        x = ops.cast(films, "float32")
        mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
        x = x - mean
        variance = ops.mean(ops.square(x), axis=(1, 2, 3), keepdims=True)
        # Plus one grey level: a blank film stays blank instead of becoming amplified noise.
        x = x / ops.sqrt(variance + 1.0)
        x = ops.clip(x, -self.limit, self.limit) * self.scale
        return ops.concatenate([x, x, x], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], 3)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "limit": self.limit, "scale": self.scale}


@keras.saving.register_keras_serializable("pneumoscope")
class Scale(keras.layers.Layer):  # type: ignore[misc]
    """(film - offset) * scale, channel by channel: (n, rows, columns, 1) to (..., 3) float32."""

    def __init__(self, offset: Any, scale: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.offset, self.scale = tuple(offset), tuple(scale)

    def call(self, films: Any) -> Any:
        x = ops.cast(films, "float32")
        return (x - ops.array(self.offset, "float32")) * ops.array(self.scale, "float32")

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], 3)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "offset": self.offset, "scale": self.scale}


def build(recipe: Recipe, classes: int, weights: str | None) -> Any:
    """A recipe's network: films in, logits out.

    Args:
        recipe: Its network, size, scaling and head are used.
        classes: Number of classes or findings; a binary task has one logit, that of the positive
            class.
        weights: ``"imagenet"`` for Keras' download, a path of a ``.h5`` file, or None for
            random weights.

    Returns:
        A ``keras.Model`` from uint8-valued films (n, size, size, 1) to logits (n, units). Its
        layers ``"features"`` and ``"embedding"`` give the last feature maps and what the last
        dense layer sees, before dropout.

    Raises:
        RecipeError: See `backbones.build`.
        UsageError: See `backbones.build`.
    """
    films = keras.Input((recipe.size, recipe.size, 1), name="films", dtype="uint8")
    x = backbones.build(recipe, weights)(_scaling(recipe)(films))
    # The head computes in float32 even if the backbone uses less.
    x = keras.layers.Activation("linear", name=FEATURES, dtype="float32")(x)
    if recipe.head == "lungs":
        return keras.Model(films, lungs.head(x, recipe, classes), name="pneumoscope")
    pooling = (
        keras.layers.Flatten if recipe.head == "flatten" else keras.layers.GlobalAveragePooling2D
    )
    x = pooling(name=POOLED, dtype="float32")(x)
    if recipe.head_batch_norm:
        norm = keras.layers.BatchNormalization(
            momentum=BATCH_NORM_MOMENTUM, name="head_norm", dtype="float32"
        )
        x = norm(x)
    if recipe.dense:
        x = keras.layers.Dense(recipe.dense, "relu", name="hidden", dtype="float32")(x)
    x = keras.layers.Activation("linear", name=EMBEDDING, dtype="float32")(x)
    if recipe.dropout:
        x = keras.layers.Dropout(recipe.dropout, seed=recipe.seed, name="dropout", dtype="float32")(
            x
        )
    units = 1 if recipe.task == "binary" else classes
    logits = keras.layers.Dense(units, name=LOGITS, dtype="float32")(x)
    return keras.Model(films, logits, name="pneumoscope")


def _scaling(recipe: Recipe) -> Any:
    if recipe.scaling == "standardise":
        return Standardise(recipe.clip, name="standardise")
    if recipe.scaling == "unit":
        return Scale((0.0,) * 3, (1 / 255,) * 3, name="unit")
    return Scale(*backbones.own_scaling(recipe.network), name="own")


def trainee(model: Any, recipe: Recipe) -> Any:
    """What is trained: the network, or its variant for films composed of two."""
    if recipe.head == "lungs":
        return lungs.composed(model, mirrored=recipe.mirror_loss > 0)
    return regional(model) if recipe.regions else model


def regional(model: Any) -> Any:
    """The same network for films composed of two, see `pneumoscope.train.network.regions`.

    Args:
        model: What `build` made, with global average pooling; all weights are shared with it.

    Returns:
        A ``keras.Model`` from films (n, size, size, 1) and shares (n, 2, h, w) to logits
        (n, 2, units): the cells of the film and those of its partner, averaged separately. The
        shares of either are all 0, or sum to 1.
    """
    features = model.get_layer(FEATURES).output
    _, rows, columns, _ = features.shape
    shares = keras.Input((2, rows, columns), name="shares")
    x = RegionalPooling(name="regional_pooling", dtype="float32")([features, shares])
    for layer in layers_of_head(model)[1:]:
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


def head_of(model: Any) -> Any:
    """The layers after the pooling as a separate network: pooled features (n, k) to logits."""
    pooled = model.get_layer(POOLED).output
    x = features = keras.Input(pooled.shape[1:], name="pooled_features")
    for layer in layers_of_head(model)[1:]:
        x = layer(x)
    return keras.Model(features, x, name="head")


def pooling_of(model: Any) -> Any:
    """The layers before the head: films to pooled features (n, k)."""
    return keras.Model(model.input, model.get_layer(POOLED).output, name="pooling")


def map_side(model: Any) -> int:
    """Cells along each side of the last map."""
    return int(model.get_layer(FEATURES).output.shape[1])


def backbone_of(model: Any) -> Any:
    """The part of a network that `backbones.build` made."""
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def set_trainable(model: Any, recipe: Recipe, *, whole: bool, keep_statistics: bool) -> None:
    """Sets which weights the next phase changes.

    Args:
        model: What `build` made.
        recipe: The layers before its ``train_from`` or ``train_last`` do not change.
        whole: Train the backbone too, not only the head.
        keep_statistics: Keep every BatchNorm at its pretrained statistics and affine parameters.

    Raises:
        RecipeError: See `check`.
    """
    backbone = backbone_of(model)
    backbone.trainable = whole
    if not whole:
        return
    first = _first_trained(recipe, backbone.layers)
    for i, layer in enumerate(backbone.layers):
        layer.trainable = i >= first
        for part in backbones.flat([layer]) if keep_statistics else ():
            if isinstance(part, keras.layers.BatchNormalization):
                part.trainable = False


def check(model: Any, recipe: Recipe) -> None:
    """Refuses settings that do not suit the network, before anything is trained.

    Args:
        model: What `build` made.
        recipe: Its ``train_from``, ``train_last`` and ``regions`` are checked.

    Raises:
        RecipeError: The backbone has no layer of that name, or fewer layers, or too small a map.
    """
    _first_trained(recipe, backbone_of(model).layers)
    _, rows, columns, _ = model.get_layer(FEATURES).output.shape
    if recipe.regions and (rows != columns or rows < regions.MIN_SIDE):
        raise RecipeError(
            f"recipe: regions needs a square map of {regions.MIN_SIDE} x {regions.MIN_SIDE} cells "
            f"or more; {recipe.network} makes {rows} x {columns} of {recipe.size} pixels",
            "Take a larger size, for MobileNetV2 an undilated or dilated tail, or regions = 0.",
        )


def _first_trained(recipe: Recipe, layers: list[Any]) -> int:
    if recipe.train_last:
        if recipe.train_last > len(layers):
            raise RecipeError(
                f"recipe: train_last is {recipe.train_last}",
                f"{recipe.network} has {len(layers)} layers.",
            )
        return len(layers) - recipe.train_last
    names = [layer.name for layer in layers]
    if not recipe.train_from:
        return 0
    if recipe.train_from not in names:
        near = [name for name in names if recipe.train_from in name][:6]
        near = near or difflib.get_close_matches(recipe.train_from, names, 3, 0.5)
        raise RecipeError(
            f"recipe: train_from is {recipe.train_from!r}, no layer of {recipe.network}",
            (f"Near it: {', '.join(near)}. " if near else "")
            + f"Its layers: {', '.join(names[:4])}, ..., {', '.join(names[-4:])}.",
        )
    return names.index(recipe.train_from)


def layers_of_head(model: Any) -> list[Any]:
    """From the pooling of the feature maps to the logits, in order."""
    return list(model.layers[model.layers.index(model.get_layer(POOLED)) :])


def serving_model(
    model: Any,
    calibration: Calibration | None,
    task: str = "multiclass",
    favoured: NDArray[np.float32] | None = None,
) -> Any:
    """The network as it is shipped: films in; probabilities, heatmaps and embedding out.

    Args:
        model: What `build` made, trained.
        calibration: Makes the logits calibrated probabilities. None leaves its values open: they are
            further inputs of the network, named after the fields of `CalibrationValues`.
        task: With ``"multilabel"`` each logit gives a probability by itself.
        favoured: What a head that reads the lungs subtracts from the evidence, see
            `lungs.outputs_and_logits`.

    Returns:
        A ``keras.Model`` from uint8 (n, size, size, 1) to ``probabilities`` (n, classes),
        ``heatmaps`` (n, classes, h, w) and ``embedding`` (n, features), float32. One logit gives
        two classes, the negative one first. Heatmaps are Grad-CAM, see `gradcam`; a head that reads
        the lungs has its own, and the output ``lungs`` (n, h, w), see `lungs`.
    """
    outputs, logits = _outputs_and_logits(model, task, favoured)
    columns = logits.shape[-1]
    if calibration is None:
        values = _open_values(columns, task)
        inputs = [*model.inputs, *(value for value in values if value is not None)]
    else:
        values, inputs = values_of(calibration, columns - 1), model.input
    named = keras.layers.Activation("linear", name="probabilities")
    outputs = {"probabilities": named(_calibrated(logits, values, task)), **outputs}
    return keras.Model(inputs, outputs, name="serving")


def _outputs_and_logits(
    model: Any, task: str, favoured: NDArray[np.float32] | None
) -> tuple[dict[str, Any], Any]:
    """The other outputs of `serving_model`, and the logits."""
    if reads_lungs(model):
        return lungs.outputs_and_logits(model, task, favoured)
    features = model.get_layer(FEATURES).output
    embedding = model.get_layer(EMBEDDING).output
    heatmaps = HeadGradCam(layers_of_head(model), name="heatmaps")(features)
    logits = model.get_layer(LOGITS)(embedding)
    return {"heatmaps": heatmaps, "embedding": embedding}, logits


def _open_values(columns: int, task: str) -> CalibrationValues:
    """The values that a task needs as inputs of a network with this many logits."""

    def value(name: str, count: int) -> Any:
        return keras.Input(batch_shape=(count,), name=PREFIX + name)

    count = columns if task == "multilabel" else 1
    has_kinds = task != "multilabel" and columns > 1
    return CalibrationValues(
        scale=value("scale", count),
        against=value("against", count),
        kinds_scale=value("kinds_scale", 1) if has_kinds else None,
        kinds_against=value("kinds_against", columns - 1) if has_kinds else None,
    )


def reads_lungs(model: Any) -> bool:
    """Whether the head is that of `lungs`."""
    return any(layer.name == lungs.EVIDENCE for layer in model.layers)


def _calibrated(logits: Any, values: CalibrationValues, task: str) -> Any:
    """Probabilities from logits; the same as `Calibration.apply` to uncalibrated probabilities."""
    if task == "multilabel":
        return ops.sigmoid(logits * values.scale - values.against)
    if logits.shape[-1] == 1:
        return _two(logits * values.scale - values.against)
    p = ops.maximum(ops.softmax(logits), FLOOR)
    ill = ops.log(ops.sum(p[:, 1:], axis=-1, keepdims=True)) - ops.log(p[:, :1])
    sides = _two(ill * values.scale - values.against)
    kinds = ops.softmax(logits[:, 1:] * values.kinds_scale - values.kinds_against)
    return ops.concatenate([sides[:, :1], sides[:, 1:] * kinds], axis=-1)


def _two(log_odds: Any) -> Any:
    """(1 - p, p) from log odds (n, 1): the softmax of (-z/2, z/2) is the sigmoid, exact on both sides.

    Not the softmax of (0, z): zeros for a variable number of films cannot be expressed in all formats.
    """
    return ops.softmax(ops.concatenate([log_odds * -0.5, log_odds * 0.5], axis=-1))
