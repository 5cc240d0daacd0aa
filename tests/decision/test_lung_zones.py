"""The zones of the lungs with the most heat, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pneumoscope.decision.explain import Subject
from pneumoscope.decision.lung_regions import GRID, lung_grid, resized
from pneumoscope.decision.lung_zones import between, hottest_zones, named_zones, thirds
from pneumoscope.records import FilmFacts, GateReason, GateReport, Prediction, ZoneHeat
from predictions import prediction

CELLS = 16
FILM = np.full((32, 32), 100, np.uint8)


def two_lungs(*, gap: float = 0.0) -> np.ndarray:
    """Lungs of 12 rows and 4 columns each, from row 2 on; 4 columns of ``gap`` between them."""
    field = np.zeros((CELLS, CELLS))
    field[2:14, 2:6] = field[2:14, 10:14] = 1
    field[2:14, 6:10] = gap
    return field


def heat_at(*places: tuple[int, int, float]) -> np.ndarray:
    heat = np.zeros((CELLS, CELLS))
    for row, column, value in places:
        heat[row, column] = value
    return heat


def zones_of(heatmap: np.ndarray, field: np.ndarray, *, sides: bool = True) -> tuple[ZoneHeat, ...]:
    return hottest_zones(lung_grid(field), resized(heatmap), sides=sides)


# Rows 2 to 5 are the upper third, 6 to 9 the middle one, 10 to 13 the lower one.
@pytest.mark.parametrize(
    ("row", "column", "name"),
    [
        (3, 3, "right upper zone"),
        (8, 4, "right middle zone"),
        (12, 3, "right lower zone"),
        (4, 11, "left upper zone"),
        (7, 12, "left middle zone"),
        (11, 11, "left lower zone"),
    ],
)
def test_each_zone_has_its_name(row: int, column: int, name: str) -> None:
    (zone,) = zones_of(heat_at((row, column, 2.0)), two_lungs())
    assert zone.name == name
    assert zone.share == pytest.approx(1.0)


def test_zones_with_half_of_the_hottest_zone_s_heat_are_named_hottest_first() -> None:
    # 4, 3 and 1 of 8 parts; an eighth is less than half of the hottest one.
    heat = heat_at((4, 12, 3.0), (12, 3, 4.0), (8, 3, 1.0))
    first, second = zones_of(heat, two_lungs())
    assert (first.name, second.name) == ("right lower zone", "left upper zone")
    assert [first.share, second.share] == pytest.approx([0.5, 0.375])


def test_shares_are_of_all_heat() -> None:
    (zone,) = zones_of(heat_at((3, 3, 1.0), (3, 8, 3.0)), two_lungs())
    assert zone.share == pytest.approx(0.25)


def test_without_sides_a_zone_is_that_of_both_lungs() -> None:
    heat = heat_at((12, 3, 1.0), (12, 12, 1.0), (3, 3, 2.0))
    named = zones_of(heat, two_lungs(), sides=False)
    assert [zone.name for zone in named] == ["upper zone", "lower zone"]
    assert [zone.share for zone in named] == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("field", [two_lungs(gap=1.0), two_lungs() * (np.arange(CELLS) < 8)])
def test_a_field_that_is_not_two_lungs_has_no_sides(field: np.ndarray) -> None:
    assert between(lung_grid(field)) is None
    (zone,) = zones_of(heat_at((3, 3, 1.0)), field)
    assert zone.name == "upper zone"


def test_no_heat_on_the_lungs_names_no_zone() -> None:
    assert zones_of(heat_at((8, 8, 1.0)), two_lungs()) == ()
    assert zones_of(heat_at(), two_lungs()) == ()
    assert zones_of(heat_at((3, 3, 1.0)), two_lungs() * 0) == ()


def test_lungs_are_cut_in_the_middle_between_them() -> None:
    # The columns 6 to 9 of 16 are empty: of 64, those from 24 to 39 but for the edges.
    assert between(lung_grid(two_lungs())) == GRID // 2
    # Lungs that touch below are cut where the least lung is.
    field = two_lungs()
    field[11:14, 6:10] = 1
    assert between(lung_grid(field)) == pytest.approx(GRID // 2, abs=2)


def test_thirds_of_a_lung_by_hand() -> None:
    lung = np.zeros((10, 4), bool)
    lung[1:10, 1:3] = True
    assert [list(range(10))[third] for third in thirds(lung)] == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    # Edges at 1, 3.67, 6.33 and 9: the middle of row 3 is above the first inner one, that of row 6 below the second.
    assert thirds(lung[:9]) == (slice(1, 4), slice(4, 6), slice(6, 9))


def subject(lungs: np.ndarray | None) -> Subject:
    return Subject(
        film=FILM, heatmap=heat_at((12, 3, 1.0)), label=1, negative=0, name="PNEUMONIA", lungs=lungs
    )


def names(p: Prediction, lungs: np.ndarray | None, **facts: str) -> list[str]:
    film = replace(FilmFacts(format="DICOM", rows=32, columns=32), **facts)
    return [zone.name for zone in named_zones(p, subject(lungs), p.explanation, film)]


def test_only_positive_verdicts_with_a_reliable_heatmap_name_zones() -> None:
    shown = prediction()
    assert shown.explanation is not None
    assert names(shown, two_lungs()) == ["right lower zone"]
    assert names(shown, None) == []
    for label in ("NORMAL", "UNDETERMINED", "REFUSED"):
        assert names(prediction(label=label), two_lungs()) == []
    assert names(prediction(explanation=None), two_lungs()) == []
    hidden = replace(shown.explanation, reliable=False)
    assert names(prediction(explanation=hidden), two_lungs()) == []


def test_a_film_that_is_said_to_be_mirrored_has_no_sides() -> None:
    mirrored = GateReason("mirrored", "note", "left and right look exchanged", "")
    gate = GateReport("note", (mirrored,), {})
    assert names(prediction(gate=gate), two_lungs()) == ["lower zone"]
    assert names(prediction(), two_lungs(), row_direction="R") == ["lower zone"]
    assert names(prediction(), two_lungs(), row_direction="L") == ["right lower zone"]
