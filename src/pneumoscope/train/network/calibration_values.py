"""The values of a calibration, as the graph of a network takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from pneumoscope.decision.calibration import Calibration

PREFIX = "calibration_"
"""Begins the names of the graph's inputs for these values, as in ``calibration_scale``."""


class CalibrationValues(NamedTuple):
    """Arrays or tensors, float32 (1,), with several findings one value for each.

    Attributes:
        scale: Factor of the log odds.
        against: Subtracted after scaling: int8 leaves "sub" in float (see `formats`), whereas "add"
            joins residual branches.
        kinds_scale: Factor of the logits of the kinds.
        kinds_against: Subtracted from them after scaling, (kinds,).
    """

    scale: Any
    against: Any
    kinds_scale: Any
    kinds_against: Any


def values_of(calibration: Calibration, kinds: int) -> CalibrationValues:
    """The values of a calibration as float32 arrays.

    Args:
        calibration: The calibration.
        kinds: Number of the positive classes.
    """
    offsets = calibration.kinds_offsets or (0.0,) * kinds
    return CalibrationValues(
        scale=np.array(calibration.scale, np.float32),
        against=-np.array(calibration.offset, np.float32),
        kinds_scale=np.array([1.0 / calibration.kinds_temperature], np.float32),
        kinds_against=-np.array(offsets, np.float32),
    )
