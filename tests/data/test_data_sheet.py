from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope import data
from pneumoscope.data.sheet import (
    SHEET,
    UNKNOWN,
    DataSheet,
    positive_of_kind,
    read_sheet,
    sheet_for,
    shipped_sheet,
    shipped_sheets,
)
from pneumoscope.errors import DataError
from pneumoscope.records import Population

FULL = """
source = "Films of the ward"
attribution = "The ward, 2026."
licence = "CC BY 4.0"
positive = "TUBERCULOSIS"
kinds = ["active", "latent"]
kinds_warning = "active or latent: a film does not tell"
warnings = ["trained on one ward"]

[population]
text = "adults of one ward"
age_years = [18, 90]
views = ["PA"]
"""


def written(folder: Path, text: str) -> Path:
    (folder / SHEET).write_text(text)
    return folder / SHEET


def test_a_data_sheet_is_read_whole(tmp_path: Path) -> None:
    assert read_sheet(written(tmp_path, FULL)) == DataSheet(
        source="Films of the ward",
        attribution="The ward, 2026.",
        licence="CC BY 4.0",
        positive="TUBERCULOSIS",
        kinds=("active", "latent"),
        kinds_warning="active or latent: a film does not tell",
        warnings=("trained on one ward",),
        population=Population("adults of one ward", (18.0, 90.0), ("PA",)),
    )


def test_every_key_may_be_left_out(tmp_path: Path) -> None:
    assert read_sheet(written(tmp_path, "")) == UNKNOWN
    population = read_sheet(written(tmp_path, '[population]\ntext = "adults"')).population
    assert population == Population("adults", None, ())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("positive = ", "not TOML"),
        ("colour = 1", "unknown key colour"),
        ("positive = 3", "positive is not a text"),
        ('kinds = "viral"', "kinds is not a list of texts"),
        ("warnings = [1]", "warnings is not a list of texts"),
        ('[population]\nviews = ["PA"]', "population.text is missing"),
        ('population = "adults"', "population is not a table"),
        ('[population]\ntext = "x"\nsize = 3', "unknown key population.size"),
        ('[population]\ntext = "x"\nage_years = [9, 1]', "not \\[youngest, oldest\\]"),
        ('[population]\ntext = "x"\nage_years = ["a", 1]', "a"),
    ],
)
def test_what_no_data_sheet_says_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(DataError, match=why) as error:
        read_sheet(written(tmp_path, text))
    assert SHEET in str(error.value)
    assert "data.md" in error.value.hint


@pytest.mark.parametrize(
    ("labels", "positive", "kinds"),
    [
        (("normal", "bacterial", "viral"), "PNEUMONIA", ("bacterial", "viral")),
        (("normal", "pneumonia"), "PNEUMONIA", ()),
        (("normal", "tuberculosis"), "TUBERCULOSIS", ()),
        (("normal", "covid", "tuberculosis"), "ABNORMAL", ("covid", "tuberculosis")),
    ],
)
def test_what_is_not_negative_has_a_name(
    labels: tuple[str, ...], positive: str, kinds: tuple[str, ...]
) -> None:
    sheet = sheet_for(labels, "normal")
    assert sheet.positive_name(labels, "normal") == positive
    assert sheet.kinds_of(labels, "normal") == kinds
    assert bool(sheet.warning_of(kinds)) == ("viral" in labels)


def test_pneumonia_warns_of_the_subtype() -> None:
    warning = shipped_sheet("kermany").warning_of(("bacterial", "viral"))
    assert "cannot tell them apart" in warning


def test_a_sheet_names_the_verdict_whatever_the_classes_are_called(tmp_path: Path) -> None:
    sheet = read_sheet(written(tmp_path, FULL))
    assert sheet.positive_name(("normal", "abnormal"), "normal") == "TUBERCULOSIS"
    assert sheet.kinds_of(("normal", "abnormal"), "normal") == ()
    assert sheet.kinds_of(("Normal", "Active", "Latent"), "Normal") == ("Active", "Latent")
    assert sheet.warning_of(("Active",)).startswith("active or latent")


def test_several_findings_have_no_kinds() -> None:
    sheet = shipped_sheet("kermany")
    assert sheet.positive_name(("Mass", "Nodule"), None) == "ABNORMAL"
    assert sheet.kinds_of(("Mass", "Nodule"), None) == ()


def test_a_kind_tells_its_verdict() -> None:
    assert positive_of_kind("Viral") == "PNEUMONIA"
    assert positive_of_kind("covid") is None


def test_the_shipped_sheets_say_all_that_readers_need() -> None:
    assert shipped_sheets()
    for sheet in shipped_sheets():
        assert all((sheet.source, sheet.licence, sheet.positive, sheet.population))
        assert sheet.attribution.endswith(".")


def test_a_folder_of_films_takes_its_data_sheet(films_in_classes: Path) -> None:
    assert data.find(films_in_classes).sheet == UNKNOWN
    written(films_in_classes, FULL)
    listing = data.find(films_in_classes)
    assert (listing.sheet.positive, listing.source) == ("TUBERCULOSIS", "Films of the ward")
    written(films_in_classes, 'licence = "CC0"')
    assert data.find(films_in_classes).source == f"class folders of {films_in_classes.name}"


@pytest.fixture
def films_in_classes(tmp_path: Path) -> Path:
    for kind in ("normal", "tuberculosis"):
        folder = tmp_path / "mine" / kind
        folder.mkdir(parents=True)
        (folder / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path / "mine"
