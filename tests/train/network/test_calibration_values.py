"""A calibration as arrays of the graph."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.decision.calibration import Calibration
from pneumoscope.train.network.calibration_values import values_of


def test_offsets_are_subtracted_and_the_temperature_divides() -> None:
    calibration = Calibration((1.7,), (0.4,), 1.25, kinds_offsets=(0.0, -0.8))
    values = values_of(calibration, 2)
    expected = {
        "scale": [1.7], "against": [-0.4], "kinds_scale": [0.8], "kinds_against": [0.0, 0.8],
    }  # fmt: skip
    for name, value in values._asdict().items():
        assert value == pytest.approx(np.array(expected[name])), name
        assert value.dtype == np.float32


def test_without_offsets_of_the_kinds_there_are_zeros() -> None:
    assert values_of(Calibration(), 3).kinds_against.tolist() == [0, 0, 0]


def test_several_findings_have_a_value_each() -> None:
    values = values_of(Calibration((0.5, 1.0, 2.0), (-1.0, 0.0, 1.5)), 2)
    assert values.scale.tolist() == [0.5, 1.0, 2.0]
    assert values.against.tolist() == [1.0, 0.0, -1.5]
