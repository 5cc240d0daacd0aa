from __future__ import annotations

import pytest

from pneumoscope.data.class_names import (
    is_negative,
    kept_spellings,
    negative_first,
    negative_of,
    plain_name,
)


@pytest.mark.parametrize(
    "name",
    ["NORMAL", "Normal", " normal ", "No Finding", "No_Finding", "no-findings", "Healthy", "0_normal",
     "1. Normal", "Non-Pneumonia", "NoPneumonia", "NORMAL (1)", "normal - Copy", "unauffa\u0308llig", "NO PNEUMONIA", "negative", "none", "neg", "gesund", "Unauffällig"],
)  # fmt: skip
def test_names_of_healthy_films(name: str) -> None:
    assert is_negative(name)


@pytest.mark.parametrize("name", ["abnormal", "not normal", "pneumonia", "0", "", "no", "finding"])
def test_names_of_other_films(name: str) -> None:
    assert not is_negative(name)


def test_a_name_that_denies_another_is_the_negative_one() -> None:
    assert negative_of(["COVID", "non-COVID"]) == "non-COVID"
    assert negative_of(["no_TB", "tb"]) == "no_TB"
    assert negative_of(["non-COVID", "tb"]) is None  # denies something else
    assert negative_of(["non-COVID", "COVID", "normal"]) == "normal"


def test_the_negative_name_comes_first() -> None:
    assert negative_first(["flu", "Healthy", "tb"]) == ("Healthy", "flu", "tb")
    assert negative_first(["0", "1"], "1") == ("1", "0")
    assert negative_first(["a", "b"]) == ("a", "b")


def test_spellings_of_a_class() -> None:
    films = {"NORMAL": 4, "Normal": 5, "healthy": 5, "Lung_Opacity": 1, "lung opacity": 1, "tb": 3}
    kept = kept_spellings(films)
    assert kept == {
        "NORMAL": "Normal", "Normal": "Normal", "healthy": "Normal",
        "Lung_Opacity": "Lung_Opacity", "lung opacity": "Lung_Opacity", "tb": "tb",
    }  # fmt: skip
    assert plain_name(" Lung__Opacity ") == "lung opacity"


def test_numbers_as_names_of_classes() -> None:
    """Where a cell is empty, pandas writes 1 as 1.0; -1 and 1 were taken for one class."""
    assert kept_spellings({"0": 2, "0.0": 1, "1,0": 3, "1": 1, "-1": 1, "-1.00": 2}) == {
        "0": "0", "0.0": "0", "1": "1,0", "1,0": "1,0", "-1": "-1.00", "-1.00": "-1.00",
    }  # fmt: skip
    assert plain_name("1.5") == "1 5"
