from __future__ import annotations

import pytest

from pneumoscope.data.ages import age_text, years_of


@pytest.mark.parametrize(
    ("text", "years"),
    [("58", 58.0), ("058Y", 58.0), ("018M", 1.5), ("003W", 21 / 365.25), ("010D", 10 / 365.25),
     ("58 years", 58.0), ("58 Jahre", 58.0), ("6 Monate", 0.5), ("10 Tage", 10 / 365.25), ("90+", 90.0), (">89", 89.0), ("≥ 90 y", 90.0), (">= 90", 90.0), (">=90Y", 90.0),
     ("<1", 0.0), ("< 1 year", 0.0), ("<1Y", 0.0), ("<1 month", 0.0), ("<1,5", None), ("<10", None), ("≤1", None),
     ("6 Monaten", 0.5), ("6 Mon", 0.5), ("1 Monat", 1 / 12), ("3 Jahren", 3.0), ("3 Wochen", 21 / 365.25), ("10 Tagen", 10 / 365.25),
     ("<18", None), ("60-70", None), ("58Y+ 3", None), ("6 months", 0.5), ("1,5", 1.5), (" 4y ", 4.0), ("", None),
     ("unknown", None), ("-1", None), ("58X", None),
     ("130", 130.0), ("999D", 999 / 365.25), ("131", None), ("411Y", None), ("999", None)],
)  # fmt: skip
def test_ages_in_years(text: str, years: float | None) -> None:
    assert years_of(text) == (None if years is None else pytest.approx(years))


def test_ages_as_text() -> None:
    assert [age_text(t) for t in ("058Y", "018M", "003W", "unknown")] == [
        "58", "1.5", "0.05749", "unknown",
    ]  # fmt: skip
