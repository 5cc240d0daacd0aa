"""The classical lung field beside that of a network, by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2")

from pneumoscope.evidence.evaluation.lung_check import dice, lung_check
from pneumoscope.evidence.statistics.intervals import Bootstrap


def columns(*counts: int) -> np.ndarray:
    """Masks of 4 x 8 pixels, the first columns of which are lung."""
    return np.stack([np.tile(np.arange(8) < count, (4, 1)) for count in counts])


def test_dice_by_hand() -> None:
    # 2 * 4 of 4 + 4; 2 * 2 of 2 + 6; nothing in common with nothing; both empty.
    assert dice(columns(4, 2, 0, 0), columns(4, 6, 3, 0)).tolist() == [1.0, 0.5, 0.0, 1.0]


def test_films_with_doubts_count_in_one_mean_only() -> None:
    boot = Bootstrap.of([str(i) for i in range(4)], seed=0)
    masks = columns(4, 2, 0, 0), columns(4, 6, 3, 0)
    check = lung_check(masks, np.array([True, True, False, False]), {}, {}, boot)
    assert check.dice.value == pytest.approx(2.5 / 4)
    assert check.dice_without_doubts.value == pytest.approx(0.75)
    none = lung_check(masks, np.zeros(4, bool), {}, {}, boot)
    assert none.dice_without_doubts.value is None
    assert "doubts on every film" in none.dice_without_doubts.note
