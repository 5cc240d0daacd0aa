"""Losses on logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumoscope.train.recipe import Recipe


def loss_of(recipe: Recipe) -> Callable[[Any, Any], Any]:
    """The loss of a recipe: targets and logits (..., units) to one loss (...) per film."""
    if recipe.loss == "focal":
        if recipe.task == "binary":
            return keras.losses.BinaryFocalCrossentropy(
                gamma=recipe.focal_gamma, from_logits=True, name="focal"
            )
        return _Focal(recipe.focal_gamma, name="focal")
    if recipe.task == "binary":
        return keras.losses.BinaryCrossentropy(from_logits=True)
    return keras.losses.CategoricalCrossentropy(from_logits=True)


class _Focal(keras.losses.Loss):  # type: ignore[misc]
    """Focal loss over a softmax (Lin et al. 2017), in logarithms, without its class weights alpha.

    Keras' own has alpha built in, which `Recipe.class_weight_power` already does.
    """

    def __init__(self, gamma: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gamma = gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        logs = ops.log_softmax(y_pred, axis=-1)
        return -ops.sum(y_true * (1 - ops.exp(logs)) ** self.gamma * logs, axis=-1)
