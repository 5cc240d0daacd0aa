from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from pneumoscope.evidence.audit.shortcuts import FILE
from readings import auc, measured, reading

pytestmark = pytest.mark.usefixtures("few_trees")


def test_few_films_that_separate_completely_have_an_exact_interval() -> None:
    truth = np.array([True] * 7 + [False] * 13)
    shortcuts = measured(reading(truth, ["A"] * 20, np.arange(20.0)), truth)
    score = next(s for s in shortcuts.scores if s.feature == "bytes")
    # Clopper and Pearson of 7 trials without a failure: 0.025^(1 / 7)
    assert (score.auc.value, score.auc.high) == (1.0, 1.0)
    assert score.auc.low == pytest.approx(0.5904, abs=1e-4)


def test_a_number_counts_either_way_and_constants_count_for_nothing() -> None:
    truth = np.array([True] * 10 + [False] * 10)
    number = np.arange(20.0)
    number[[9, 10]] = number[[10, 9]]  # one pair of 100 in the wrong order
    shortcuts = measured(reading(truth, ["A"] * 20, number), truth)
    assert auc(shortcuts, FILE, "bytes") == pytest.approx(0.99)
    bytes_score = next(s for s in shortcuts.scores if s.feature == "bytes")
    assert bytes_score.words == "median 4.5 in ill, 14.5 in well"
    width = next(s for s in shortcuts.scores if s.feature == "width")
    assert (width.constant, width.auc.value) == (True, 0.5)
    assert width.words == "the same for all films: 224"


def test_missing_numbers_rank_in_the_middle() -> None:
    truth = np.array([True] * 10 + [False] * 10)
    number = np.r_[np.full(5, np.nan), np.arange(10.0, 15), np.arange(10.0)]
    shortcuts = measured(reading(truth, ["A"] * 20, number), truth)
    # The median of the known numbers is 7: five ill films rank there, above 7 and with 1 of 10 well
    # ones, so (5 x 10 + 5 x (7 + 0.5)) / 100.
    assert auc(shortcuts, FILE, "bytes") == pytest.approx(0.875)
