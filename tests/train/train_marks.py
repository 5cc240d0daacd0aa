"""Marks of tests that train."""

from __future__ import annotations

import pytest

TRAINING = [
    pytest.mark.train,
    # Keras 3.15 with NumPy 2 on TensorFlow.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
