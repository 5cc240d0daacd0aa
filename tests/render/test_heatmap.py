from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.errors import UsageError
from pneumoscope.records import (
    Explanation,
    FilmFacts,
    GateReport,
    OperatingPoint,
    Outcome,
    Prediction,
    Radiograph,
)
from pneumoscope.render import heatmap


def test_enlarge_puts_the_peak_at_one_and_in_its_place() -> None:
    small = np.zeros((8, 8), np.float32)
    small[2, 5] = 0.25
    big = heatmap.enlarge(small, 80, 160)
    assert big.shape == (80, 160)
    assert big.dtype == np.float32
    assert 0.9 < big.max() <= 1.0
    row, column = np.unravel_index(big.argmax(), big.shape)
    assert (row // 10, column // 20) == (2, 5)
    assert big[60:].max() == 0


def test_an_empty_heatmap_stays_empty() -> None:
    assert heatmap.enlarge(np.zeros((8, 8), np.float32), 20, 20).max() == 0


def test_overlay_leaves_cold_regions_grey_and_colours_hot_ones() -> None:
    pixels = np.full((40, 40), 0.5, np.float32)
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    mixed = heatmap.overlay(pixels, heat)
    assert mixed.shape == (40, 40, 3)
    assert mixed.dtype == np.uint8
    assert (mixed[30:, 30:] == 128).all()
    red, green, _ = mixed[3, 3].astype(int)
    assert red > green + 30


def test_opacity_zero_is_the_film() -> None:
    pixels = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
    mixed = heatmap.overlay(pixels, np.ones((4, 4), np.float32), opacity=0)
    assert (mixed == np.rint(pixels * 255)[..., None]).all()


def test_the_colour_table_runs_from_blue_to_red() -> None:
    table = heatmap.colour_table().astype(int)
    assert table.shape == (256, 3)
    assert table[40, 2] > table[40, 0] + 50
    assert table[230, 0] > table[230, 2] + 100


def test_an_outcome_without_film_cannot_be_drawn() -> None:
    with pytest.raises(UsageError, match="no film"):
        heatmap.overlay_of(Outcome("x.png", 0))


def predicted(*, reliable: bool, heatmap: bool = True) -> Outcome:
    explanation = Explanation("fast", reliable, 0.3, 0.4, {"inside": 0.3}, "told")
    found = Prediction(
        label="NORMAL",
        called="NORMAL",
        positive="PNEUMONIA",
        p_positive=0.1,
        p_unadjusted=0.1,
        prevalence=None,
        probabilities={"normal": 0.9, "ill": 0.1},
        classes=("NORMAL",),
        error=None,
        kinds=(),
        subtype=None,
        findings=(),
        operating_point=OperatingPoint("balanced", 0.5, "by hand"),
        heatmap=np.eye(8, dtype=np.float32) if heatmap else None,
        heatmap_class="normal",
        facts=FilmFacts("PNG", 100, 200),
        gate=GateReport("ok", (), {}),
        forced=False,
        explanation=explanation if heatmap else None,
        warnings=(),
        timings_ms={},
        bundle="tiny 1",
        bundle_sha256="0" * 64,
        profile=None,
    )
    film = Radiograph(np.full((100, 200), 0.5, np.float32), found.facts)
    return Outcome("x.png", 0, found, film=film)


def test_words_stand_in_place_of_a_heatmap_that_does_not_hold() -> None:
    shown = heatmap.overlay_of(predicted(reliable=True)).astype(int)
    hidden = heatmap.overlay_of(predicted(reliable=False)).astype(int)
    assert shown.shape == hidden.shape == (100, 200, 3)
    assert (np.ptp(shown, axis=2) > 20).sum() > 500
    # The film itself stays as it is; the words are in a band along its lower end.
    assert (hidden[:70] == 128).all()
    words = np.ptp(hidden[70:], axis=2) > 40
    assert 200 < words.sum() < 0.5 * words.size


@pytest.mark.parametrize("shape", [(64, 64), (30, 400), (400, 30), (2000, 1500)])
def test_words_fit_any_film(shape: tuple[int, int]) -> None:
    pixels = np.full(shape, 0.5, np.float32)
    drawn = heatmap.unexplained(pixels)
    assert drawn.shape == (*shape, 3)
    assert (drawn != 128).any()


def test_a_heatmap_that_nobody_asked_for_cannot_be_drawn() -> None:
    with pytest.raises(UsageError, match="no heatmap"):
        heatmap.overlay_of(predicted(reliable=True, heatmap=False))
