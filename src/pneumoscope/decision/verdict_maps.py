"""The heatmap of a positive verdict as a whole, from those of its kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def kind_weights(
    probabilities: NDArray[np.floating[Any]], negative: int, *, are_shares: bool
) -> NDArray[np.float64]:
    """Weights of the maps of all classes, whose sum is the map of the positive verdict as a whole.

    A head that reads the lungs divides one map of evidence among the kinds, cell by cell: their sum is
    that evidence. Grad-CAM follows the gradient of a logit. The positive verdict's is log sum exp of the
    kinds' logits, whose gradient is that of each kind times its share of P(positive).

    Args:
        probabilities: (n, classes), of the network.
        negative: Position of the class that means "nothing found".
        are_shares: Whether the maps of the kinds are shares of one map, as those of such a head.

    Returns:
        float64 (n, classes); 0 for the negative class.
    """
    is_kind = np.arange(probabilities.shape[1]) != negative
    if are_shares:
        return np.tile(is_kind.astype(np.float64), (len(probabilities), 1))
    weights = np.asarray(probabilities, np.float64) * is_kind
    total = weights.sum(axis=1, keepdims=True)
    # A film that is surely normal has no shares: all kinds count alike.
    shares = weights / np.where(total > 0, total, 1)
    return np.asarray(np.where(total > 0, shares, is_kind / is_kind.sum()))


def weighted_maps(
    heatmaps: NDArray[np.floating[Any]], weights: NDArray[np.floating[Any]]
) -> NDArray[np.float32]:
    """Sums the maps (n, classes, h, w) of every film with the weights (n or 1, classes)."""
    return np.asarray((heatmaps * weights[..., None, None]).sum(axis=1), np.float32)


def maps_of(
    heatmaps: NDArray[np.floating[Any]], label: int, weights: NDArray[np.floating[Any]] | None
) -> NDArray[np.floating[Any]]:
    """The maps (n, h, w) that are shown, from those of all classes (n, classes, h, w).

    Args:
        heatmaps: See above.
        label: Position of the class that is shown if there are no weights.
        weights: (classes,), of the map of each class; None for that of ``label`` alone.
    """
    return heatmaps[:, label] if weights is None else weighted_maps(heatmaps, weights[None])
