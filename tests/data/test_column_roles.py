from __future__ import annotations

from pathlib import Path

import pytest

from drawn import name_films
from pneumoscope.data.column_roles import (
    film_column,
    is_lateral,
    label_column,
    split_column,
    view_column,
)
from pneumoscope.data.table_files import Row
from pneumoscope.data.tables import FINDING_CELLS


def rows(header: list[str], *cells: str) -> list[Row]:
    return [
        Row(dict(zip(header, row.split(","), strict=True)), 2 + i) for i, row in enumerate(cells)
    ]


def test_a_column_of_classes_by_its_name_and_its_words() -> None:
    header = ["Class", "diagnosis", "report"]
    table = rows(header, "0,normal,a", "1,tb,b", "1,,c")
    assert label_column(header, table, FINDING_CELLS) == "diagnosis"  # Class has numbers only
    assert label_column(["report"], table, FINDING_CELLS) is None
    reports = rows(["finding"], *(f"report {i}" for i in range(21)))  # a text for each film
    assert label_column(["finding"], reports, FINDING_CELLS) is None
    assert label_column(["finding"], reports * 2, FINDING_CELLS) == "finding"


def test_a_column_of_splits_by_its_cells() -> None:
    header = ["kind", "Dataset_type"]
    assert split_column(header, rows(header, "a,TRAIN", "b,TEST")) == "Dataset_type"
    assert split_column(header, rows(header, "a,TRAIN", "b,")) is None
    assert split_column(header, rows(header, "a,test", "b,test")) is None  # nothing for training
    assert split_column(header, []) is None


def test_a_column_of_films_by_its_cells(tmp_path: Path) -> None:
    name_films(tmp_path, "x/a.png", "x/b.png", "masks/c.png")
    header = ["case", "film"]
    assert film_column(header, rows(header, "1,a", "2,D:\\x\\b.png", "3,c"), tmp_path) == "film"
    assert film_column(header, rows(header, "1,a", "2,c", "3,d"), tmp_path) is None  # a third
    assert film_column(header, [], tmp_path) is None
    assert film_column([], [], tmp_path) is None


def test_views(tmp_path: Path) -> None:
    assert view_column(["path", "ViewPosition"]) == "ViewPosition"
    assert view_column(["path", "View", "Frontal/Lateral"]) == "Frontal/Lateral"
    assert view_column(["path"]) is None


@pytest.mark.parametrize(("view", "lateral"), [("Lateral", True), ("LL", True), ("L", True), ("PA", False), ("", False), ("AP Supine", False)])  # fmt: skip
def test_views_from_the_side(view: str, lateral: bool) -> None:
    assert is_lateral(view) is lateral
