"""The values that travel through the package."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from pneumoscope import records
from pneumoscope.records import FilmFacts, OperatingPoint, Outcome, Population, Radiograph, Settings

CLASSES = [
    value
    for _, value in inspect.getmembers(records, inspect.isclass)
    if dataclasses.is_dataclass(value) and value.__module__ == records.__name__
]


@pytest.mark.parametrize("record", CLASSES, ids=lambda c: c.__name__)
def test_a_record_is_frozen_has_slots_and_names_every_field(record: type) -> None:
    assert record.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(record)
    text = inspect.getdoc(record) or ""
    for field in dataclasses.fields(record):
        if len(dataclasses.fields(record)) > 2 and record is not Outcome:
            assert f"{field.name}: " in text, field.name


def test_facts_cannot_be_changed() -> None:
    facts = FilmFacts(format="PNG", rows=300, columns=200)
    with pytest.raises(FrozenInstanceError):
        facts.rows = 1  # type: ignore[misc]
    assert (facts.modality, facts.age_years, facts.pixel_spacing_mm) == (None, None, None)


def test_facts_survive_json() -> None:
    import json

    facts = FilmFacts(
        format="DICOM", rows=300, columns=200, age_years=3.5, pixel_spacing_mm=(0.1, 0.2)
    )
    again = FilmFacts.restored(json.loads(json.dumps(dataclasses.asdict(facts))))
    assert again == facts
    assert isinstance(again.pixel_spacing_mm, tuple)
    plain = FilmFacts(format="PNG", rows=1, columns=2)
    assert FilmFacts.restored(dataclasses.asdict(plain)) == plain


@pytest.mark.parametrize(
    "values",
    [{}, {"format": "PNG"}, {"format": "PNG", "rows": 1, "columns": 2, "name": "Doe"}],
)
def test_what_are_no_facts(values: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        FilmFacts.restored(values)


def test_no_fact_can_name_a_patient() -> None:
    names = {field.name for field in dataclasses.fields(FilmFacts)}
    assert not names & {"name", "patient", "patient_id", "birth_date", "uid", "path"}


def test_films_are_themselves_and_never_compared() -> None:
    pixels = np.zeros((4, 4), np.float32)
    facts = FilmFacts(format="PNG", rows=4, columns=4)
    first, second = (Radiograph(pixels=pixels, facts=facts) for _ in range(2))
    assert first != second
    assert len({first, second}) == 2


def test_settings_ask_for_nothing_unless_told() -> None:
    plain = Settings()
    assert (plain.operating_point, plain.error, plain.prevalence) == (None, None, None)
    assert (plain.force, plain.explain, plain.profile) == (False, "fast", None)


def test_an_operating_point_is_a_value() -> None:
    assert OperatingPoint("balanced", 0.5, "by hand") == OperatingPoint("balanced", 0.5, "by hand")
    assert OperatingPoint("balanced", 0.5, "by hand").finding is None


def test_a_population_may_be_unknown() -> None:
    unknown = Population("nobody knows", None, ())
    assert (unknown.age_years, unknown.views) == (None, ())


def test_importing_records_imports_no_numpy() -> None:
    source = inspect.getsource(records)
    before_checking = source.partition("if TYPE_CHECKING")[0]
    assert "numpy" not in before_checking
