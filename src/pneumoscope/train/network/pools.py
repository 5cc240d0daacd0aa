"""Pooling over all cells by one layer or by several: the first step of a head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import layers, ops

if TYPE_CHECKING:
    from collections.abc import Sequence

CONCATENATED, ADDED, AVERAGED = "concatenated", "added", "averaged"
"""How the results of several branches are joined."""


class Pools(keras.layers.Layer):  # type: ignore[misc]
    """Branches that each pool the feature maps to one value per channel.

    Average and maximum pooling both pass on gradients that sum to g_k over the cells of channel k, so
    Grad-CAM needs the sum of the branches' gradients only.

    Input: (n, h, w, k). Output: float32 (n, k), or (n, branches * k) if they are concatenated.

    Args:
        branches: Layers of each branch, in order: a pooling layer, then any that keep the values.
        join: `CONCATENATED`, `ADDED` or `AVERAGED`; does not matter for one branch.
    """

    def __init__(
        self, branches: Sequence[Sequence[Any]], join: str = CONCATENATED, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._branches = [list(branch) for branch in branches]
        self.join = join

    def call(self, features: Any) -> Any:
        results = []
        for branch in self._branches:
            x = features
            for layer in branch:
                x = layer(x, training=False)
            results.append(ops.reshape(x, (-1, features.shape[-1])))
        if self.join == CONCATENATED:
            return ops.concatenate(results, axis=-1)
        total = sum(results[1:], start=results[0])
        return total / len(results) if self.join == AVERAGED else total

    def summed(self, gradient: Any) -> Any:
        """The gradient of every logit with respect to a channel, summed over its cells.

        Args:
            gradient: (n or 1, logits, d), with respect to the output of this layer.

        Returns:
            (n or 1, logits, k).
        """
        count = len(self._branches)
        if self.join == CONCATENATED:
            logits, width = gradient.shape[1:]
            parts = ops.reshape(gradient, (-1, logits, count, width // count))
            return ops.sum(parts, axis=2)
        return gradient * count if self.join == ADDED else gradient


def pools_to_one_cell(layer: Any) -> bool:
    """Whether a layer is average or maximum pooling; with one cell as output, it covers all."""
    return isinstance(
        layer,
        layers.GlobalAveragePooling2D
        | layers.GlobalMaxPooling2D
        | layers.AveragePooling2D
        | layers.MaxPooling2D,
    )
