"""Weights of the kinds' maps, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.decision.verdict_maps import kind_weights, weighted_maps

P = np.array([[0.2, 0.6, 0.2], [1.0, 0.0, 0.0]])


def test_grad_cam_of_a_kind_counts_by_its_share() -> None:
    weights = kind_weights(P, 0, are_shares=False)
    # The second film is surely normal, and its kinds count alike.
    assert weights == pytest.approx(np.array([[0, 0.75, 0.25], [0, 0.5, 0.5]]))


def test_shares_of_one_map_are_added() -> None:
    assert (kind_weights(P, 1, are_shares=True) == [[1, 0, 1], [1, 0, 1]]).all()


def test_maps_are_summed_film_by_film() -> None:
    maps = np.arange(12.0).reshape(2, 3, 1, 2)
    weights = np.array([[0, 1, 1], [0, 0.75, 0.25]])
    # Film 0: (2 + 4, 3 + 5); film 1: (0.75 * 8 + 0.25 * 10, 0.75 * 9 + 0.25 * 11).
    assert weighted_maps(maps, weights)[:, 0].tolist() == [[6, 8], [8.5, 9.5]]
    assert weighted_maps(maps, np.array([[1, 0, 0]]))[:, 0].tolist() == [[0, 1], [6, 7]]
