"""Cells that list all findings of a film: separated by ``|``, or as other programs write lists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

SEPARATOR = "|"
_OTHERS = (";", ",")
# As Python and JSON write lists, tuples and sets; with quotes, a name may be in brackets itself.
_WRITTEN = re.compile(r"\[(.*)\]|\((?=\s*[\"'])(.*)\)|\{(?=\s*[\"'])(.*)\}", re.DOTALL)


def separator_of(cells: Collection[str]) -> str:
    """What separates the findings in a column: ``|`` if any cell has it, else a semicolon or a comma that one has."""
    plain = [cell for cell in cells if not _WRITTEN.fullmatch(cell)]
    if any(SEPARATOR in cell for cell in plain):
        return SEPARATOR
    return next((mark for mark in _OTHERS if any(mark in cell for cell in plain)), SEPARATOR)


def words_of(text: str, separator: str = SEPARATOR) -> tuple[str, ...]:
    """The findings of a cell.

    Args:
        text: The cell.
        separator: Between findings; in a list as Python writes it, it is a comma.
    """
    if match := _WRITTEN.fullmatch(text):
        text = next(part for part in match.groups() if part is not None)
        text = text.replace("'", "").replace('"', "")
        separator = "|" if "|" in text else ","
    return tuple(word.strip() for word in text.split(separator) if word.strip())
