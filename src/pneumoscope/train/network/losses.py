"""Losses on logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.train.recipe.settings import Recipe


def loss_of(
    recipe: Recipe, finding_weights: NDArray[np.float32] | None = None
) -> Callable[[Any, Any], Any]:
    """The loss of a recipe: targets and logits (..., units) to one loss (...) per film.

    Args:
        recipe: Its task, loss and focal_gamma.
        finding_weights: For several findings, (2, findings): weights of films without and with each.
    """
    if recipe.task == "multilabel":
        gamma = recipe.focal_gamma if recipe.loss == "focal" else 0.0
        return MaskedCrossentropy(finding_weights, gamma, name="masked")
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

    Keras' own has alpha built in, which would weigh classes twice, see `Recipe.class_weight_power`.
    """

    def __init__(self, gamma: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gamma = gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        logs = ops.log_softmax(y_pred, axis=-1)
        # At 0 the power has an infinite slope for gamma below 1.
        others = ops.maximum(1 - ops.exp(logs), keras.config.epsilon())
        return -ops.sum(y_true * others**self.gamma * logs, axis=-1)


class MaskedCrossentropy(keras.losses.Loss):  # type: ignore[misc]
    """Mean binary cross-entropy over the findings of a film; unknown ones (NaN) add nothing.

    The sum is divided by the number of findings, not by that of known ones, so a film with few known
    labels counts less.

    Args:
        weights: (2, findings), of films without and with each finding; None for 1.
        gamma: Exponent of the focal loss (Lin et al. 2017); 0 is plain cross-entropy.
    """

    def __init__(
        self, weights: NDArray[np.float32] | None = None, gamma: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.weights, self.gamma = weights, gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        known = ops.logical_not(ops.isnan(y_true))
        # Before any arithmetic: NaN times 0 is NaN.
        y = ops.where(known, y_true, ops.zeros_like(y_true))
        loss = y * ops.softplus(-y_pred) + (1 - y) * ops.softplus(y_pred)
        if self.gamma:
            # (1 - p) ** gamma as a power has an infinite slope at p = 1 for gamma below 1.
            up, down = ops.softplus(-y_pred), ops.softplus(y_pred)  # -log p and -log(1 - p)
            loss = y * ops.exp(-self.gamma * down) * up + (1 - y) * ops.exp(-self.gamma * up) * down
        if self.weights is not None:
            without, present = (ops.array(row) for row in self.weights)
            loss = loss * (y * present + (1 - y) * without)
        return ops.mean(ops.where(known, loss, ops.zeros_like(loss)), axis=-1)


class LungCrossentropy(keras.losses.Loss):  # type: ignore[misc]
    """Mean binary cross-entropy of a lung field: shares and logits (n, h, w, 2) to (n,)."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        loss = y_true * ops.softplus(-y_pred) + (1 - y_true) * ops.softplus(y_pred)
        return ops.mean(loss, axis=(1, 2, 3))
