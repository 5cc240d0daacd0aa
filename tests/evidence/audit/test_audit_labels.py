from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from pneumoscope.evidence.audit.labels import doubtful, probabilities


def test_the_confident_joint_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.55, 0.45]])
    # Thresholds: class 0 (0.9 + 0.8 + 0.1) / 3 = 0.6, class 1 (0.8 + 0.7 + 0.45) / 3 = 0.65.
    # Film 2 is called 0 and passes 0.65 of class 1; film 5 leans to 0, but 0.55 is below 0.6.
    assert doubtful(p, labels) == [(2, 1, True), (5, 0, False)]


def test_flipped_labels_come_first() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)
    embedding = rng.normal(size=(200, 8)).astype(np.float32)
    embedding[:, 0] += 6 * labels
    flipped = [3, 50, 120, 160]
    labels[flipped] = 1 - labels[flipped]
    p = probabilities(embedding, labels, np.arange(200), 5)
    assert {film for film, _, _ in doubtful(p, labels)[:4]} == set(flipped)
    # A class's threshold is the mean of its films, so only some of the clear ones pass it.
    assert any(sure for _, _, sure in doubtful(p, labels)[:4])
