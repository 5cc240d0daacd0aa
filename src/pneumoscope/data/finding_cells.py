"""What a cell of a finding says: present, absent or unknown, in numbers or words."""

from __future__ import annotations

import re
from functools import lru_cache

NUMBERS: dict[str, float | None] = {"1": 1.0, "0": 0.0, "-1": None, "": None}
"""A cell in the form of `plain_cell` to its value, None for unknown."""
WORDS = NUMBERS | {
    "true": 1.0, "yes": 1.0, "wahr": 1.0, "ja": 1.0, "false": 0.0, "no": 0.0, "falsch": 0.0, "nein": 0.0,
}  # fmt: skip
"""With words in English and German, for tables without a column of numbers."""
RESULTS = WORDS | {
    "positive": 1.0, "pos": 1.0, "+": 1.0, "positiv": 1.0, "present": 1.0, "y": 1.0,
    "negative": 0.0, "neg": 0.0, "-": 0.0, "negativ": 0.0, "absent": 0.0, "n": 0.0,
}  # fmt: skip
"""With words for results of tests, for tables that have no other labels."""
# "1.0" of pandas, "1,00" of a spreadsheet with decimal commas, "1.000e+00" of numpy.
_WHOLE = re.compile(r"([+-]?\d)(?:[.,]0+)?(?:e[+-]?0+)?")


def value_of(cell: str) -> float | None:
    """1.0, 0.0 or None (unknown) for a cell in numbers or words.

    Raises:
        KeyError: It is something else.
    """
    return WORDS[plain_cell(cell)]


@lru_cache(maxsize=4096)
def plain_cell(cell: str) -> str:
    """A cell in lower case, and whole numbers without decimals."""
    cell = cell.lower()
    return number[1].removeprefix("+") if (number := _WHOLE.fullmatch(cell)) else cell
