"""Do the heatmaps of a network follow what they are said to show? Measured without any drawn boxes.

No film of the set says where its pneumonia lies. But of a film whose left half belongs to a healthy child and whose
right half to an ill one, the heat of the ill class belongs on the right: the pointing game on composed pictures
(Böhle et al. 2021), here with halves in their anatomical place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.images import resample
from pneumoscope.metrics import patient_bootstrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet

    Look = Callable[
        [NDArray[np.uint8]], tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]
    ]
    """uint8 (n, size, size, 1) to probabilities (n, classes) and heatmaps (n, classes, h, w)."""


def measure(look: Look, films: FilmSet, size: int, draws: int = 2000) -> dict[str, Any] | None:
    """Two figures on the heatmaps of the validation films.

    Args:
        look: The exported network.
        films: All films; those of the split ``"validation"`` are used.
        size: Side of the network's input.
        draws: Of the patient bootstrap.

    Returns:
        ``pointing``: share of the ill class's heat on the ill half of composed films, with
        interval over the patients of the ill halves (0.5 is chance, 1 perfect); ``films``, how many
        were composed; ``same_peak``: share of the films of the ill classes whose peak lies in the
        one most frequent cell (1 / cells would be chance; anatomy alone makes it larger). None
        if there are no films of both kinds. Of several findings, ill is a film with any of them,
        healthy one that is known to have none; the map is that of the most probable finding.
    """
    rows = films.rows("validation")
    targets = films.targets[rows]
    if films.task == "multilabel":
        ill, healthy = np.flatnonzero((targets == 1).any(1)), np.flatnonzero((targets == 0).all(1))
    else:
        ill, healthy = np.flatnonzero(targets[:, 0] == 0), np.flatnonzero(targets[:, 0] == 1)
    if not len(ill) or not len(healthy):
        return None
    first = 0 if films.task == "multilabel" else 1
    inputs = np.stack([resample(films.pixels[row], size) for row in rows])
    rng = np.random.default_rng(0)
    count = min(len(ill), len(healthy))
    ill_halves, healthy_halves = rng.permutation(ill)[:count], rng.permutation(healthy)[:count]
    shares = []
    for side in ("left", "right"):
        half = slice(0, size // 2) if side == "left" else slice(size // 2, size)
        composed = inputs[healthy_halves].copy()
        composed[:, :, half] = inputs[ill_halves][:, :, half]
        heat = _heat(look, composed, first)
        cells = heat.shape[2]
        # A middle column belongs to neither half.
        own = heat[:, :, : cells // 2] if side == "left" else heat[:, :, -(cells // 2) :]
        other = heat[:, :, -(cells // 2) :] if side == "left" else heat[:, :, : cells // 2]
        parts = own.sum(axis=(1, 2)), other.sum(axis=(1, 2))
        # No heat at all points nowhere.
        shares.append(np.where(sum(parts) > 0, parts[0] / np.maximum(sum(parts), 1e-12), 0.5))
    share = np.concatenate(shares)
    patients = [films.films[rows[i]].patient for i in (*ill_halves, *ill_halves)]
    pointing = patient_bootstrap(lambda w: w @ share / w.sum(axis=1), patients, draws)
    peaks = _heat(look, inputs[ill], first).reshape(len(ill), -1).argmax(axis=1)
    return {
        "films": len(share),
        "pointing": asdict(pointing),
        "same_peak": float(np.bincount(peaks).max() / len(ill)),
    }


def _heat(look: Look, inputs: NDArray[np.uint8], first: int) -> NDArray[np.float64]:
    """The map of the likeliest class from ``first`` on, which a positive verdict shows: (n, h, w)."""
    maps = []
    for i in range(0, len(inputs), 64):
        p, heat = look(inputs[i : i + 64, ..., None])
        maps.append(heat[np.arange(len(p)), first + p[:, first:].argmax(axis=1)])
    return np.concatenate(maps).astype(np.float64)
