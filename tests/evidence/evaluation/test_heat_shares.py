"""How much of a heatmap lies in the lungs, by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("sklearn")

from pneumoscope.evidence.evaluation.heat_shares import heat_shares
from pneumoscope.evidence.statistics.intervals import Bootstrap


def test_heat_shares_by_hand() -> None:
    heat = np.zeros((12, 2, 2, 2))
    heat[:, 0] = [[3.0, 1.0], [0.0, 0.0]]
    masks = np.zeros((12, 4, 4), bool)
    masks[:, :2, :1] = True  # half of the upper left cell
    bodies = np.ones((12, 4, 4), bool)
    bodies[:, :, 2:] = False
    targets = np.array([[1.0, 0.0]] * 11 + [[0.0, 1.0]])
    boot = Bootstrap.of([str(i) for i in range(12)])
    shares = heat_shares(heat, masks, bodies, targets, ("a", "b"), boot)
    assert shares["a"].films == 11
    assert shares["a"].in_lungs.value == pytest.approx(0.375)  # half of 3 of 4
    assert shares["a"].area_of_lungs == 0.125
    assert shares["a"].outside_body.value == pytest.approx(0.25)
    assert shares["a"].area_outside_body == 0.5
    assert (shares["b"].films, shares["b"].blank) == (0, 1)
    assert shares["b"].in_lungs.value is None
