"""Ages of patients, as tables and DICOM headers write them."""

from __future__ import annotations

import re

# De-identified tables write ">89" or "90+" for the oldest.
_AGE = re.compile(
    r"(?:>=?|≥)?\s*(\d{1,3}(?:[.,]\d+)?)\s*"
    r"(?:(y)(?:ears?|rs?|o)?|(j)(?:ahr(?:en?)?)?"
    r"|(m)(?:onths?|ths?|os?|on|onat(?:en?)?)?"
    r"|(w)(?:eeks?|ks?|ochen?)?"
    r"|(d)(?:ays?)?|(t)ag(?:en?)?)?"
    r"\s*\+?",
    re.IGNORECASE,
)
_INFANT = re.compile(r"<\s*(?=1(?:[^\d.,]|$))")
_OLDEST = 130
"""Years. Tables write a missing age as 999, and NIH ChestX-ray14 has mistyped ages of over 400 years."""
# Years in a unit of an age string (PS3.5 6.2, value representation AS), and of German tables.
_YEARS = {
    "": 1.0,
    "Y": 1.0,
    "J": 1.0,
    "M": 1 / 12,
    "W": 7 / 365.25,
    "D": 1 / 365.25,
    "T": 1 / 365.25,
}


def years_of(text: str) -> float | None:
    """An age in years.

    Args:
        text: Such as ``"58"``, ``"058Y"``, ``"018M"``, ``"003W"``, ``"010D"``, ``"58 years"``, ``"58 Jahre"``
            or ``"90+"``, which counts as 90. ``"<1"`` is 0, as ages in whole years have it.

    Returns:
        None if the text is no age, or one that nobody reaches.
    """
    below = _INFANT.match(text.strip())
    match = _AGE.fullmatch(text.strip(), below.end() if below else 0)
    if match is None:
        return None
    if below:
        return 0.0
    number, *units = match.groups()
    unit = next((unit for unit in units if unit), "")
    years = float(number.replace(",", ".")) * _YEARS[unit.upper()]
    return years if years <= _OLDEST else None


def age_text(text: str) -> str:
    """An age in years as a number, such as ``"58"`` or ``"1.5"``; other text is returned unchanged."""
    years = years_of(text)
    return text if years is None else f"{years:.4g}"
