"""What an epoch is worth, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.train.validation import scores

NAN = np.nan

# The first finding is told apart but for one pair of four, the second is known on two films, the
# third on no film.
TARGETS = np.array(
    [[1, 1, NAN], [1, NAN, NAN], [0, NAN, NAN], [0, 0, NAN], [NAN, NAN, NAN]], np.float32
)

P = np.array([[0.9, 0.8, 0.5], [0.4, 0.1, 0.5], [0.6, 0.1, 0.5], [0.2, 0.3, 0.5], [0.99, 0.5, 0.5]])


def test_epoch_scores_by_hand() -> None:
    epoch = scores.of_findings(P, TARGETS)
    assert epoch.auc == pytest.approx((0.75 + 1.0) / 2)
    assert epoch.accuracy == pytest.approx(4 / 6)
    given_to_truth = [0.9, 0.4, 0.4, 0.8, 0.8, 0.7]
    assert epoch.loss == pytest.approx(-np.mean(np.log(given_to_truth)))
