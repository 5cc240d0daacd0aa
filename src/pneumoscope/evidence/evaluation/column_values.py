"""The values of a column, grouped so that each group has a reasonable number of films."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.ages import years_of
from pneumoscope.data.class_names import is_unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 12
"""Values of a column that are shown, the most frequent; all others form one group."""
UNKNOWN, OTHERS = "(unknown)", "(other values)"
_NUMBERS = 8  # distinct numbers from which on a column is divided into quarters


AGES = {"age", "ageyears", "patientage"}
"""Names of columns with ages, see `plain_name`."""
SEXES = {"sex", "gender", "patientsex", "patientgender", "geschlecht"}
"""Names of columns with the patients' sex."""
_SEX_WORDS = {
    "f": {"f", "female", "woman", "girl", "w", "weiblich", "frau"},
    "m": {"m", "male", "man", "boy", "männlich", "mann"},
}


def plain_name(column: str) -> str:
    """A column's name in small letters and digits only: ``Patient Age`` is ``patientage``."""
    return re.sub(r"[^a-z0-9]", "", column.lower())


def values_of(texts: Sequence[str], column: str = "") -> list[str]:
    """The group of each text.

    Columns with many different numbers are divided into quarters of the films, such as ``"0 to below
    9.75"``, ages always; ``"inf"`` and ``"nan"`` among numbers are not known.
    Empty texts become `UNKNOWN`, rare ones `OTHERS`.

    Args:
        texts: Texts of one column, one per film; ``""`` where it is not known.
        column: Name of the column. Ages may be written as ``"58"``, ``"058Y"`` or ``"58 years"``; a text
            that is no age is `UNKNOWN`.
    """
    if plain_name(column) in AGES:
        ages = [years_of(text) for text in texts]
        return _quarters(ages, [age for age in ages if age is not None])
    texts = in_one_spelling(texts, column)
    known = [text for text in texts if text]
    if len(set(known)) <= _NUMBERS or not all(map(_is_number, known)):
        common = {text for text, _ in Counter(known).most_common(MOST)}
        return [text if text in common else OTHERS if text else UNKNOWN for text in texts]
    numbers = [_number(text) for text in texts]
    return _quarters(numbers, [number for number in numbers if number is not None])


def in_one_spelling(texts: Sequence[str], column: str) -> list[str]:
    """The texts, those that mean the same in the most frequent spelling.

    These are texts that differ only in capitals and spaces, such as ``AP`` and ``ap``, and words for a sex in a
    column of sexes, such as ``F`` and ``female``. Words such as ``unknown`` and ``n/a`` are ``""``.
    """
    texts = ["" if is_unknown(text) else text for text in texts]
    of_sex = plain_name(column) in SEXES
    spelling: dict[str, str] = {}
    for text, _ in Counter(texts).most_common():
        spelling.setdefault(_meaning(text, of_sex=of_sex), text)
    return [spelling[_meaning(text, of_sex=of_sex)] for text in texts]


def _meaning(text: str, *, of_sex: bool) -> str:
    plain = " ".join(text.casefold().split())
    sexes = (sex for sex, words in _SEX_WORDS.items() if of_sex and plain in words)
    return next(sexes, plain)


def _quarters(numbers: Sequence[float | None], known: Sequence[float]) -> list[str]:
    """The quarter of each number; `UNKNOWN` for None."""
    edges = np.unique(np.quantile(known, [0, 0.25, 0.5, 0.75, 1])).tolist() if known else []
    return [_quarter(number, edges) for number in numbers]


def ordered_values(values: Sequence[str]) -> list[str]:
    """Each value once: numbers by size, words alphabetically, `UNKNOWN` and `OTHERS` last."""

    def rank(value: str) -> tuple[bool, float, str]:
        return value in (UNKNOWN, OTHERS), _number(value.split(" ")[0]) or 0.0, value

    return sorted(set(values), key=rank)


def _quarter(number: float | None, edges: Sequence[float]) -> str:
    if number is None:
        return UNKNOWN
    if len(edges) == 1:
        return f"{edges[0]:.4g}"
    k = int(np.clip(np.searchsorted(edges, number, side="right") - 1, 0, len(edges) - 2))
    last = "" if k == len(edges) - 2 else "below "
    return f"{edges[k]:.4g} to {last}{edges[k + 1]:.4g}"


def _is_number(text: str) -> bool:
    """Also of those that are not finite, which a division by zero leaves in a column of numbers."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str) -> float | None:
    number = float(text) if _is_number(text) else np.nan
    return number if np.isfinite(number) else None
