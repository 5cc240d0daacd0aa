"""Fields of dataclasses as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from pneumoscope.field_values import field_values, known_fields


@dataclass(frozen=True, slots=True)
class Inner:
    text: str
    numbers: tuple[float, ...] = ()


@dataclass
class Outer:
    inner: Inner
    several: list[Inner] = field(default_factory=list)
    named: dict[str, Any] = field(default_factory=dict)
    day: date | None = None
    path: Path | None = None


def test_the_values_are_those_of_asdict() -> None:
    record = Outer(
        Inner("a", (1.5, 2.0)),
        [Inner("b"), Inner("c")],
        {"x": Inner("d"), "y": [1, (True, None)]},
        date(2026, 1, 2),
        Path("film.dcm"),
    )
    assert field_values(record) == asdict(record)


def test_changing_them_does_not_change_the_record() -> None:
    record = Outer(Inner("a"), [Inner("b")], {"x": [1]})
    values = field_values(record)
    values["named"]["x"].append(2)
    values["several"].clear()
    assert (record.named, record.several) == ({"x": [1]}, [Inner("b")])


def test_values_that_are_no_field_are_left_out() -> None:
    assert known_fields(Inner, {"text": "a", "later": 1}) == {"text": "a"}
