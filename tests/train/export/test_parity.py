"""Limits of the differences between ONNX and Keras; `measure` is tested with every backbone."""

from __future__ import annotations

import pytest

from pneumoscope.errors import TrainingError
from pneumoscope.train.export import parity

GOOD = {"films": 3, "max_dp": 1e-4, "max_heatmap_error": 1e-3, "max_embedding_error": 1e-3}


def test_errors_up_to_their_limits_pass() -> None:
    parity.check(GOOD)


@pytest.mark.parametrize("name", ["max_dp", "max_heatmap_error", "max_embedding_error"])
@pytest.mark.parametrize("value", [1.1e-3, float("nan")])
def test_an_error_beyond_its_limit_ends_the_training(name: str, value: float) -> None:
    with pytest.raises(TrainingError, match="ONNX and Keras differ"):
        parity.check(GOOD | {name: value})
