"""Which cells of the picture a network that reads the lungs favours, whatever a film shows.

A cell of a film and the mirrored cell of its mirror image see the same anatomy, so they should get the same
evidence. On average over many ill films and their mirror images they don't: if either lung may give the verdict, a
network learns to take it from the same side of the picture every time, with flips in training as well. Half of this
difference is therefore subtracted from the evidence when the network is exported. That changes the verdict and its
heatmap alike, and needs no training.

The difference grows with the evidence, so it is subtracted as far as the evidence is strong: where there is nothing to
see, nothing changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumoscope.decision.probability import logistic
from pneumoscope.train.network.lungs import EVIDENCE, LUNGS, STRONG

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH = 32
_MOST = 3.0
"""Largest value. From 4 on, a cell with more evidence could end up with less."""
_PRIOR_FILMS = 1.0
"""Films that favour no cell, added to each cell: those that are hardly ever on a lung stay near 0."""


def favoured_cells(model: Any, films: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much more log odds of illness each cell gets than its mirrored cell, halved, where the evidence is strong.

    This is the slope of a regression, cell by cell: of half the difference on how strong the evidence is.

    Args:
        model: What `pneumoscope.train.network.keras_model.build` made, with the head ``"lungs"``, trained.
        films: Ill films, uint8 (n, size, size, 1).

    Returns:
        float32 (h, w), for `pneumoscope.train.network.lungs.outputs_and_logits`; the negative of its own
        mirror image.
    """
    maps = keras.Model(model.input, [model.get_layer(name).output for name in (LUNGS, EVIDENCE)])
    rows, columns = maps.output[1].shape[1:3]
    products, squares = np.zeros((rows, columns)), np.full((rows, columns), _PRIOR_FILMS)
    for i in range(0, len(films), _BATCH):
        part = films[i : i + _BATCH]
        field, evidence = _field_and_evidence(maps, part)
        field_there, evidence_there = (
            x[:, :, ::-1] for x in _field_and_evidence(maps, part[:, :, ::-1])
        )
        weight = np.minimum(field, field_there)  # only where both see a lung
        strength = logistic((evidence + evidence_there) / 2 - STRONG)
        products += (weight * strength * (evidence - evidence_there) / 2).sum(axis=0)
        squares += (weight * strength**2).sum(axis=0)
    slope = products / squares
    # With the mirror images as films too, whose mirror images are the films.
    favoured = (slope - slope[:, ::-1]) / 2
    return np.asarray(np.clip(favoured, -_MOST, _MOST), np.float32)


def _field_and_evidence(
    maps: Any, films: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lung field and the log odds of illness of each cell, (n, h, w)."""
    lungs, evidence = (np.asarray(x, np.float64) for x in maps(np.ascontiguousarray(films)))
    return logistic(lungs.max(axis=-1)), evidence[..., 0]
