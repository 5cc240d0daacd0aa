"""Similarity of heatmaps."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("cv2")

from pneumoscope.evidence.evaluation.heatmap_similarity import (
    rank_correlation,
    structural_similarity,
)

stats = pytest.importorskip("scipy.stats")


def test_rank_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random((5, 8, 8)), rng.integers(0, 4, (5, 8, 8)).astype(float)
    wanted = [
        stats.spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(rank_correlation(first, second), wanted)
    np.testing.assert_allclose(rank_correlation(first, -first), -1)
    np.testing.assert_array_equal(rank_correlation(first, np.zeros_like(first)), 0)


def test_structural_similarity_of_a_map_with_itself_is_one() -> None:
    rng = np.random.default_rng(0)
    maps = rng.random((3, 8, 8))
    np.testing.assert_allclose(structural_similarity(maps, 7 * maps), 1, atol=1e-6)
    assert (structural_similarity(maps, 1 - maps) < 0).all()
    assert (np.abs(structural_similarity(maps, np.zeros_like(maps))) < 0.1).all()


def test_structural_similarity_of_flat_maps_by_hand() -> None:
    # Of two flat maps only the means differ; 1 and 0 after division by the maximum.
    flat, blank = np.full((1, 32, 32), 5.0), np.zeros((1, 32, 32))
    np.testing.assert_allclose(structural_similarity(flat, blank), 1e-4 / (1 + 1e-4), rtol=1e-6)
