from __future__ import annotations

import pytest

from pneumoscope.data.class_names import (
    denying_besides,
    healthy_besides,
    is_negative,
    is_unknown,
    kept_spellings,
    negative_first,
    negative_of,
    plain_name,
)


@pytest.mark.parametrize(
    "name",
    ["NORMAL", "Normal", " normal ", "No Finding", "No_Finding", "no-findings", "Healthy", "0_normal",
     "1. Normal", "Non-Pneumonia", "NoPneumonia", "NORMAL (1)", "normal - Copy", "unauffa\u0308llig", "NO PNEUMONIA", "negative", "none", "neg", "gesund", "\uff2eormal", "Unauffällig", "is_normal",
     "health", "Normalbefund", "ohne Befund", "o.B.", "keine Pneumonie", "Sano", "Saudável", "sain", "sem achados"],
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


@pytest.mark.parametrize(
    ("denying", "other"),
    [("without_TB", "with_TB"), ("COVID-negative", "COVID-positive"), ("TB_NO", "TB_YES"),
     ("Negative for pneumonia", "pneumonia"), ("no TB", "TB positive"), ("ohne_TB", "mit_TB"), ("sin COVID", "COVID"),
     ("COVID_NEGATIVO", "COVID_POSITIVO")],
)  # fmt: skip
def test_ways_to_deny(denying: str, other: str) -> None:
    assert negative_of([other, denying]) == denying
    assert negative_of([denying, "atypical"]) is None
    assert denying_besides(["NORMAL", other, denying]) == [denying]


@pytest.mark.parametrize(
    "name",
    ["normal2", "NormalCXR", "NORMALIMAGES", "Normalfilme", "norm", "controls", "uninfected", "HealthyLungs", "Copy of normal",
     "Noraml", "Norml", "Helthy"],
)  # fmt: skip
def test_names_that_speak_of_healthy_films(name: str) -> None:
    assert healthy_besides(["NORMAL", "TB", name]) == [name]
    assert healthy_besides(["TB", name]) == []  # a training asks for the healthy class


@pytest.mark.parametrize(
    "name", ["abnormal", "not normal", "unhealthy", "nodule", "normothermia", "normalised", "minimal", "subnormal",
             "AbNormal", "ab-normal", "Ab_Normal", "ab normal", "AbNORMAL", "subNormal", "UnHealthy"]
)  # fmt: skip
def test_names_that_do_not_speak_of_healthy_films(name: str) -> None:
    assert healthy_besides(["NORMAL", name]) == denying_besides(["NORMAL", name]) == []


@pytest.mark.parametrize("name", ["near normal", "NearNormal", "Normal variant", "normal_variants"])
def test_names_that_leave_open_whether_films_are_healthy(name: str) -> None:
    """Beside healthy films they are an error; alone they are not taken for the healthy class."""
    assert healthy_besides(["Normal", name]) == [name]
    assert not is_negative(name)
    assert negative_of([name, "TB"]) is None


@pytest.mark.parametrize("name", ["0", "0.0", "no", "FALSE"])
def test_denials_beside_healthy_films_leave_open_whether_theirs_are(name: str) -> None:
    """Films of class 0 beside those of class normal were taken for ill."""
    assert healthy_besides(["normal", "pneumonia", name]) == [name]
    assert healthy_besides(["pneumonia", name]) == []


@pytest.mark.parametrize("name", ["unknown", "Unlabeled", "?", "N/A", "TODO", "unbekannt"])
def test_names_that_tell_no_class(name: str) -> None:
    assert is_unknown(name)
    assert not is_unknown(f"{name} pneumonia")


def test_words_about_reports_tell_no_class_among_findings() -> None:
    assert is_unknown("exclude", finding=True)
    assert not is_unknown("unchanged")  # a class beside "worse"


def test_the_negative_name_comes_first() -> None:
    assert negative_first(["flu", "Healthy", "tb"]) == ("Healthy", "flu", "tb")
    assert negative_first(["0", "1"], "1") == ("1", "0")
    assert negative_first(["a", "b"]) == ("a", "b")


def test_a_sign_is_a_name_of_its_own() -> None:
    """A dash for "not known" was one class with the healthy films, and "+" beside "-" was the negative one."""
    assert negative_of(["+", "-"]) is None
    assert negative_of(["-", "TB"]) is None
    assert kept_spellings({"normal": 2, "-": 1, "_": 1}) == {"normal": "normal", "-": "-", "_": "_"}


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
