from __future__ import annotations

import pytest

from pneumoscope.data.finding_cells import NUMBERS, plain_cell, value_of


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1", 1.0), ("1.0", 1.0), ("1,00", 1.0), ("+1", 1.0), ("1.000000e+00", 1.0), ("0", 0.0), ("0.000", 0.0),
     ("0,0", 0.0), ("-1", None), ("-1.0", None), ("", None), ("TRUE", 1.0), ("Yes", 1.0), ("WAHR", 1.0), ("ja", 1.0),
     ("False", 0.0), ("no", 0.0), ("Falsch", 0.0), ("nein", 0.0)],
)  # fmt: skip
def test_values_of_cells(cell: str, value: float | None) -> None:
    assert value_of(cell) == value


@pytest.mark.parametrize("cell", ["2", "0.5", "1.01", "10", "1e3", "x", "unknown", "0,1"])
def test_other_cells_are_no_values(cell: str) -> None:
    with pytest.raises(KeyError):
        value_of(cell)


def test_words_are_no_numbers() -> None:
    assert NUMBERS[plain_cell("1,0")] == 1.0
    assert plain_cell("Yes") not in NUMBERS
