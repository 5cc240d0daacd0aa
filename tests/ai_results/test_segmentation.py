"""The heatmap as data."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.bundle import Bundle
from pneumoscope.render.heatmap import enlarge
from result_films import made, result_of


@pytest.mark.slow
def test_the_heat_can_be_read_back(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    seg = made(result, "seg")
    heat = enlarge(result.prediction.heatmap, 240, 260)
    stored = np.squeeze(seg.pixel_array)
    assert stored.shape == (240, 260)
    assert stored.max() == 255
    assert stored / 255 == pytest.approx(heat, abs=0.5 / 255 + 1e-6)


def test_it_says_that_heat_is_no_probability(tiny_bundle: Bundle) -> None:
    seg = made(result_of(tiny_bundle), "seg")
    assert (seg.SegmentationType, seg.SegmentationFractionalType) == ("FRACTIONAL", "PROBABILITY")
    assert "not a probability" in seg.ContentDescription
    [segment] = seg.SegmentSequence
    assert segment.SegmentLabel == "Heat for bacterial"
    assert "not a probability" in segment.SegmentDescription
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "130403"
