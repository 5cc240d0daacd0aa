"""Similarity between two heatmaps of one film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array

    Maps = NDArray[np.floating]

_SSIM_SIDE = 32  # cells to which maps are enlarged first, as the window has 11


def rank_correlation(first: Maps, second: Maps) -> Array:
    """Spearman's correlation of maps (n, h, w), pair by pair: (n,); 0 where one is constant."""
    from scipy.stats import rankdata

    a, b = (rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    size = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.where(size > 0, (a * b).sum(axis=1) / np.where(size > 0, size, 1.0), 0.0)


def structural_similarity(first: Maps, second: Maps) -> Array:
    """Mean SSIM of maps (n, h, w), each divided by its maximum, pair by pair: (n,).

    Gaussian window of 1.5 pixels and constants of Wang et al. 2004, at 32 cells a side.
    """
    values = []
    for pair in zip(first, second, strict=True):
        a, b = (enlarged((m / max(float(m.max()), 1e-30))[None], _SSIM_SIDE)[0] for m in pair)
        blur = [cv2.GaussianBlur(x, (11, 11), 1.5) for x in (a, b, a * a, b * b, a * b)]
        mean_a, mean_b = blur[0], blur[1]
        vary = blur[2] - mean_a**2 + blur[3] - mean_b**2
        both = blur[4] - mean_a * mean_b
        top = (2 * mean_a * mean_b + 1e-4) * (2 * both + 9e-4)
        values.append(float((top / ((mean_a**2 + mean_b**2 + 1e-4) * (vary + 9e-4))).mean()))
    return np.array(values)


def enlarged(maps: Maps, side: int) -> Maps:
    """Maps (n, h, w) resized bilinearly to (n, side, side)."""
    if maps.shape[1:] == (side, side):
        return maps
    return np.stack([cv2.resize(m, (side, side), interpolation=cv2.INTER_LINEAR) for m in maps])
