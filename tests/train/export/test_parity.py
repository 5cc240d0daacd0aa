"""Limits of the differences between ONNX and Keras; `measure` is tested with every backbone."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.decision.calibration import Calibration
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


def test_calibration_changes_only_the_difference_of_probabilities() -> None:
    keras = np.array([[0.5, 0.5], [0.8, 0.2]], np.float32)
    compared = parity.Comparison(GOOD, keras)
    # Log odds 0 and log(1/4), doubled: 1/2, and 1/16 against 1.
    actual = np.array([[0.5, 0.5], [16 / 17, 1 / 17 + 0.003]])
    after = compared.calibrated(Calibration((2.0,)), 0, actual)
    assert after.parity == GOOD | {"max_dp": pytest.approx(0.003, abs=1e-6)}
