"""Deletion and insertion of what a heatmap shows."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("cv2")

from labelled_films import bright_spots
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation import heatmap_deletion
from pneumoscope.evidence.evaluation.views import outputs_of
from pneumoscope.runtime import Classifier


def test_deletion_and_insertion_of_what_counts(tiny_bundle: Bundle) -> None:
    classifier = Classifier(tiny_bundle)
    spots = bright_spots()
    result = heatmap_deletion.perturbation(classifier, spots)
    p = float(outputs_of(classifier, spots.pixels).probabilities[0, 1])
    assert result.fractions[0] == 0
    assert result.fractions[-1] == 1
    for curve in result.deletion:
        assert curve.probability[0] == pytest.approx(p, abs=1e-6)
    for curve in result.insertion:
        assert curve.probability[-1] == pytest.approx(p, abs=1e-6)
    heat = result.deletion[0]
    assert heat.order == heatmap_deletion.HEAT
    # The network counts brightness, the map shows it: without the bright spot the answer falls at once.
    assert heat.probability[2] < p - 0.05
    for curve in result.deletion[1:]:
        assert curve.gain is not None
        assert curve.gain.value is not None
        assert curve.gain.value > 0
    json.dumps(asdict(result), allow_nan=False)


def test_area_is_that_under_the_mean_curve(tiny_bundle: Bundle) -> None:
    result = heatmap_deletion.perturbation(Classifier(tiny_bundle), bright_spots())
    for curve in (*result.deletion, *result.insertion):
        area = np.trapezoid(curve.probability, result.fractions)
        assert curve.area.value == pytest.approx(area)


def test_blank_maps_are_left_out(tiny_bundle: Bundle) -> None:
    spots = bright_spots()
    spots.pixels[:3] = 0
    result = heatmap_deletion.perturbation(Classifier(tiny_bundle), spots)
    assert (result.films, result.left_out) == (17, 3)
    spots.pixels[:] = 0
    with pytest.raises(UsageError, match="blank"):
        heatmap_deletion.perturbation(Classifier(tiny_bundle), spots)
