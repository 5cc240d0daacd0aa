from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pneumoscope.errors import UsageError
from pneumoscope.records import (
    Explanation,
    FilmFacts,
    Finding,
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


def test_heat_that_speaks_for_a_healthy_film_is_drawn_in_one_cool_colour() -> None:
    heat = np.array([[1.0, 0.0], [0.6, 1.0]], np.float32)
    colours = heatmap.colour_map(heat, 2, 2, healthy=True)
    assert (colours[..., :3] == heatmap.HEALTHY).all()
    # 0.6 is half way from 0.35 to 0.85 of the peak; all is half as opaque as heat of an illness.
    assert colours[..., 3].tolist() == [[128, 0], [64, 128]]
    mixed = heatmap.overlay(np.zeros((2, 2), np.float32), heat, 0.5, healthy=True)
    assert mixed[0, 0].tolist() == [16, 44, 49]


def test_an_outcome_called_normal_gets_the_cool_colour() -> None:
    normal = predicted(reliable=True)
    assert normal.prediction is not None
    ill = replace(normal, prediction=replace(normal.prediction, called="PNEUMONIA"))
    absent = replace(
        normal, prediction=replace(normal.prediction, findings=(Finding("mass", 0.1, 0.5, False),))
    )
    # The hottest spot is the first cell.
    red, _, blue = heatmap.overlay_of(normal)[3, 3].astype(int)
    assert blue > red + 20
    for outcome in (ill, absent):  # the map of an absent finding is still that of the finding
        red, _, blue = heatmap.overlay_of(outcome)[3, 3].astype(int)
        assert red > blue + 20


def test_opacity_zero_is_the_film() -> None:
    pixels = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
    mixed = heatmap.overlay(pixels, np.ones((4, 4), np.float32), opacity=0)
    assert (mixed == np.rint(pixels * 255)[..., None]).all()


def test_the_colour_table_runs_from_blue_to_red() -> None:
    table = heatmap.colour_table().astype(int)
    assert table.shape == (256, 3)
    assert table[40, 2] > table[40, 0] + 50
    assert table[230, 0] > table[230, 2] + 100


def left_half(field: float = 1.0) -> np.ndarray:
    lungs = np.zeros((4, 4), np.float32)
    lungs[:, :2] = field
    return lungs


def test_the_outline_is_a_line_between_lung_and_no_lung() -> None:
    picture = heatmap.outline(left_half(), 100, 200)
    assert (picture.shape, picture.dtype) == ((100, 200, 4), np.uint8)
    assert (picture[..., :3] == heatmap.OUTLINE).all()
    opacity = picture[50, :, 3]
    # Bicubic enlargement keeps the step in the middle; the line has 1.5 pixels, its edge 1 more.
    assert np.flatnonzero(opacity).tolist() == [99, 100]
    assert opacity[99] == opacity[100] > 150
    assert not heatmap.outline(left_half(0.4), 100, 200)[..., 3].any()
    assert not heatmap.outline(np.ones((4, 4), np.float32), 100, 200)[..., 3].any()


@pytest.mark.parametrize("shape", [(37, 90), (300, 211), (3, 3)])
def test_no_pixel_of_the_outline_is_left_out(shape: tuple[int, int]) -> None:
    """Only pixels near the line are looked at; here, all are."""
    field = np.random.default_rng(5).random((6, 7)).astype(np.float32)
    rows, columns = shape
    smooth = np.asarray(Image.fromarray(field).resize((columns, rows), Image.Resampling.BICUBIC))
    slope = np.hypot(*np.gradient(smooth))
    distance = np.abs(smooth - 0.5) / np.maximum(slope, 1e-6)
    opacity = np.rint(255 * np.clip(1.25 - distance, 0, 1))  # 1.5 pixels wide, its edge 1 more
    assert (heatmap.outline(field, rows, columns)[..., 3] == opacity).all()


def test_a_large_film_has_a_wider_outline() -> None:
    opacity = heatmap.outline(left_half(), 40, 1280)[20, :, 3]
    assert np.flatnonzero(opacity == 255).tolist() == [638, 639, 640, 641]


def test_the_overlay_of_a_film_with_lungs_outlines_them() -> None:
    outcome = predicted(reliable=True)
    assert outcome.prediction is not None
    plain = heatmap.overlay_of(outcome)
    rows, columns, _ = plain.shape
    known = replace(outcome, prediction=replace(outcome.prediction, lungs=left_half()))
    expected = heatmap.overlay_of(known)
    line = heatmap.outline(left_half(), rows, columns).astype(float)
    opacity = line[..., 3:] / 255
    blended = (1 - opacity) * plain + opacity * line[..., :3]
    assert np.abs(expected - blended).max() <= 1.5
    assert (heatmap.overlay_of(known, 0) == heatmap.overlay_of(outcome, 0)).all()
    beside = heatmap.outline(left_half(), rows, columns)[..., 3] == 0
    assert beside.any()
    assert (expected[beside] == plain[beside]).all()
    assert (expected[~beside] != plain[~beside]).any()


def test_an_outcome_without_film_cannot_be_drawn() -> None:
    with pytest.raises(UsageError, match="no film"):
        heatmap.overlay_of(Outcome("x.png", 0))


def predicted(*, reliable: bool, heatmap: bool = True) -> Outcome:
    explanation = Explanation("fast", reliable, 0.3, 0.4, {"inside": 0.3}, "told")
    prediction = Prediction(
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
    film = Radiograph(np.full((100, 200), 0.5, np.float32), prediction.facts)
    return Outcome("x.png", 0, prediction, film=film)


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


@pytest.mark.parametrize(("rows", "columns"), [(100, 400), (400, 100), (64, 64), (37, 501)])
@pytest.mark.parametrize("cell", [(0, 0), (2, 6), (7, 7), (5, 1)])
def test_a_hot_cell_lies_at_its_own_place_of_any_film(
    rows: int, columns: int, cell: tuple[int, int]
) -> None:
    small = np.zeros((8, 8), np.float32)
    small[cell] = 3.0
    big = heatmap.enlarge(small, rows, columns)
    assert big.shape == (rows, columns)
    row, column = np.unravel_index(big.argmax(), big.shape)
    assert (row * 8 // rows, column * 8 // columns) == cell
    # Bicubic interpolation reaches two cells far, not further.
    far = np.abs(np.arange(rows)[:, None] * 8 / rows - cell[0] - 0.5) > 3
    assert big[np.broadcast_to(far, big.shape)].max(initial=0.0) < 1e-6


def test_a_map_need_not_be_square() -> None:
    small = np.zeros((2, 6), np.float32)
    small[1, 4] = 1
    big = heatmap.enlarge(small, 20, 60)
    assert np.unravel_index(big.argmax(), big.shape)[0] >= 10
    assert 40 <= np.unravel_index(big.argmax(), big.shape)[1] < 50


def test_opacity_follows_the_heat_between_35_and_85_percent_of_the_peak() -> None:
    # Of one column, so that interpolation changes nothing along it.
    heat = np.array([[0.0], [0.3], [0.35], [0.6], [0.85], [1.0]], np.float32)
    heat = heat.repeat(4, 1)
    colours = heatmap.colour_map(heat, 6, 4)
    assert colours.shape == (6, 4, 4)
    # 255 * (heat - 0.35) / 0.5, in [0, 255].
    assert colours[:, 0, 3].tolist() == pytest.approx([0, 0, 0, 127.5, 255, 255], abs=1)
    np.testing.assert_array_equal(
        colours[:, 0, :3], heatmap.colour_table()[np.rint(255 * heat[:, 0]).astype(int)]
    )


def test_an_overlay_by_hand() -> None:
    pixels = np.array([[0.25, 1.5], [-1.0, 0.5]], np.float32)  # beyond [0, 1] is clipped
    mixed = heatmap.overlay(pixels, np.ones((2, 2), np.float32), opacity=0.4)
    hot = heatmap.colour_table()[255].astype(float)
    for (i, j), grey in np.ndenumerate(np.array([[63.75, 255.0], [0.0, 127.5]])):
        assert mixed[i, j].tolist() == [round(0.6 * grey + 0.4 * c) for c in hot]


def test_the_scale_of_a_map_makes_no_difference() -> None:
    pixels = np.full((24, 24), 0.5, np.float32)
    heat = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    first, second = (heatmap.overlay(pixels, scale * heat) for scale in (1e-6, 1e6))
    assert np.abs(first.astype(int) - second.astype(int)).max() <= 1


def test_a_film_without_heat_stays_as_it_is() -> None:
    pixels = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    mixed = heatmap.overlay(pixels, np.zeros((4, 4), np.float32))
    assert (mixed == np.rint(255 * pixels)[..., None]).all()
    assert (heatmap.colour_map(np.zeros((4, 4), np.float32), 8, 8)[..., 3] == 0).all()
