"""Rows with notes below them: aligned on a terminal, and separated by tabs for other programs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rich.console import Console
    from rich.text import Text

_GAP = 2
"""Blanks between columns, and before a note."""
_SHORTEST = 12
"""A name is not shortened below this many characters, however narrow the terminal is."""


class Styled(NamedTuple):
    """A cell with a style of rich, such as ``"bold red"``, which only a terminal shows."""

    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        cells: One for each column.
        notes: What stands below the line, indented.
    """

    cells: tuple[str | Styled, ...]
    notes: tuple[str, ...] = ()


def fit(out: Console | None, headings: Sequence[str], rows: Sequence[Row]) -> bool:
    """Whether no line is wider than the terminal; text for other programs always fits."""
    if out is None:
        return True
    widths = _widths(headings, [_texts(row) for row in rows])
    return sum(widths) + _GAP * (len(widths) - 1) <= out.width


def print_rows(
    out: Console | None,
    headings: Sequence[str],
    rows: Sequence[Row],
    *,
    right: Collection[str] = (),
) -> None:
    """Prints a line for each row, and its notes below it.

    On a terminal the columns are aligned, empty ones are left out, names in the first column that are
    too long are shortened at their beginning, and notes are wrapped. Other programs get one tab
    between cells, whole names, and a line for each note.

    Args:
        out: The terminal; None if other programs read stdout, see `terminal.terminal`.
        headings: Headings of the columns.
        rows: Rows.
        right: Headings of the columns that align to the right, such as figures.
    """
    if out is not None:
        _print_aligned(out, headings, rows, right)
        return
    # Without rich, whose import takes longer than reading a film.
    for row in (Row(tuple(headings)), *rows):
        texts = [cell.text if isinstance(cell, Styled) else cell for cell in row.cells]
        while texts and not texts[-1]:
            texts.pop()
        sys.stdout.write("\t".join(texts) + "\n")
        for note in row.notes:
            print_wrapped(None, note, indent=_GAP)


def _print_aligned(
    out: Console,
    headings: Sequence[str],
    rows: Sequence[Row],
    right: Collection[str],
) -> None:
    from rich.text import Text

    lines = [_texts(row) for row in rows]
    filled = [c for c in range(len(headings)) if any(line[c] for line in lines)]
    headings = [headings[column] for column in filled]
    lines = [[line[column] for column in filled] for line in lines]
    widths = _widths(headings, lines)
    excess = sum(widths) + _GAP * (len(widths) - 1) - out.width
    if excess > 0:
        widths[0] = max(min(widths[0], _SHORTEST), widths[0] - excess)
    heads = [Text(heading, style="bold") for heading in headings]
    for index, cells in enumerate([heads, *lines]):
        line = Text()
        for number, (cell, width, heading) in enumerate(zip(cells, widths, headings, strict=True)):
            shown = _without_beginning(cell, width, out) if number == 0 else cell
            blanks = " " * (width - shown.cell_len)
            line.append_text(Text(blanks) + shown if heading in right else shown + Text(blanks))
            line.append(" " * _GAP)
        line.rstrip()
        out.print(line, soft_wrap=True)
        for note in rows[index - 1].notes if index else ():
            print_wrapped(out, note, indent=_GAP)


def print_wrapped(out: Console | None, words: str, *, indent: int = 0, style: str = "") -> None:
    """Prints a paragraph, wrapped on a terminal and on one line elsewhere.

    Args:
        out: As in `print_rows`.
        words: The text.
        indent: Blanks before each line.
        style: Style of the whole, such as ``"dim"``.
    """
    if out is None:
        sys.stdout.write(" " * indent + words.rstrip() + "\n")
        return
    from rich.text import Text

    width = max(out.width - indent, 2 * _SHORTEST)
    for line in Text(words, style=style).wrap(out, width):
        line.rstrip()
        out.print(Text(" " * indent) + line, soft_wrap=True)


def _without_beginning(text: Text, width: int, out: Console) -> Text:
    """The end of a text, after an ellipsis, in this many columns; the whole text if it fits."""
    if text.cell_len <= width:
        return text
    from rich.text import Text

    dots = Text("..." if out.options.ascii_only else "…")
    begin = 0
    while begin < len(text) and (dots + text[begin:]).cell_len > width:
        begin += 1
    return dots + text[begin:]


def _texts(row: Row) -> list[Text]:
    from rich.text import Text

    return [
        Text(cell.text, style=cell.style) if isinstance(cell, Styled) else Text(cell)
        for cell in row.cells
    ]


def _widths(headings: Sequence[str], lines: Sequence[list[Text]]) -> list[int]:
    """Width of each column in characters of a terminal, where some characters take two."""
    from rich.cells import cell_len

    return [
        max(cell_len(heading), *(line[column].cell_len for line in lines), 0)
        for column, heading in enumerate(headings)
    ]
