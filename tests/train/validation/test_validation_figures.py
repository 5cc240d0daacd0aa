"""All figures of a network on validation films."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cv2")

import bright_films
from pneumoscope.train.validation.calibrate import calibrate
from pneumoscope.train.validation.figures import measure
from pneumoscope.train.validation.predictions import predict_all


def probabilities(x: np.ndarray) -> np.ndarray:
    p = np.clip(x.mean(axis=(1, 2, 3)) / 255, 0.01, 0.99)
    return np.stack([1 - p, 0.9 * p, 0.1 * p], axis=1)


def look(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heat where it is bright."""
    maps = x[:, None, ::8, ::8, 0].astype(np.float32).repeat(3, axis=1)
    return probabilities(x), np.maximum(maps - 128, 0)


def test_bright_films_by_hand() -> None:
    films = bright_films.films()
    validation = predict_all(probabilities, films, 64)
    figures = measure(calibrate(validation, films.names, "PNEUMONIA"), look, films, 64)
    assert (figures["films"], figures["classes"]) == (40, 3)
    assert figures["plain"]["auc"]["value"] == 1.0
    assert figures["operating_point"]["name"] == "balanced"
    assert figures["heatmaps"]["pointing"]["value"] == 1.0
    assert figures["statistics_baseline"] == {}  # there is no film to learn from
