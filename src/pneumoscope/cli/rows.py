"""Rows with notes below them: aligned on a terminal, and separated by tabs for other programs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rich.console import Console
    from rich.text import Text

_GAP = 2
"""Blanks between columns, and before a note."""
_SHORTEST = 12
"""A name is not shortened below this many characters, however narrow the terminal is."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        cells: One for each column, with rich's markup.
        notes: What stands below the line, indented; with rich's markup.
    """

    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()


def fit(out: Console, headings: Sequence[str], rows: Sequence[Row]) -> bool:
    """Whether no line is wider than the terminal; text for other programs always fits."""
    widths = _widths(headings, [_texts(row) for row in rows])
    return not sys.stdout.isatty() or sum(widths) + _GAP * (len(widths) - 1) <= out.width


def print_rows(
    out: Console, headings: Sequence[str], rows: Sequence[Row], *, right: Collection[str] = ()
) -> None:
    """Prints a line for each row, and its notes below it.

    On a terminal the columns are aligned, empty ones are left out, names in the first column that are
    too long are shortened at their beginning, and notes are wrapped. Other programs get one tab
    between cells, whole names, and a line for each note.

    Args:
        out: Where to print.
        headings: Headings of the columns.
        rows: Rows.
        right: Headings of the columns that align to the right, such as figures.
    """
    from rich.text import Text

    lines = [_texts(row) for row in rows]
    if sys.stdout.isatty():
        _print_aligned(out, headings, rows, lines, right)
        return
    heads = [Text(heading, style="bold") for heading in headings]
    for index, cells in enumerate([heads, *lines]):
        while cells and not cells[-1]:
            cells.pop()
        for number, cell in enumerate(cells, 1):
            # Rich would expand a tab inside of a text to blanks.
            out.print(cell, end="\n" if number == len(cells) else "\t", soft_wrap=True)
        for note in rows[index - 1].notes if index else ():
            print_wrapped(out, note, indent=_GAP)


def _print_aligned(
    out: Console,
    headings: Sequence[str],
    rows: Sequence[Row],
    lines: Sequence[list[Text]],
    right: Collection[str],
) -> None:
    from rich.text import Text

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


def print_wrapped(out: Console, markup: str, *, indent: int = 0, style: str = "") -> None:
    """Prints a paragraph, wrapped on a terminal and on one line elsewhere.

    Args:
        out: Where to print.
        markup: The text, with rich's markup.
        indent: Blanks before each line.
        style: Style of the whole, such as ``"dim"``.
    """
    from rich.text import Text

    text = Text.from_markup(markup, style=style)
    width = max(out.width - indent, 2 * _SHORTEST)
    for line in text.wrap(out, width) if sys.stdout.isatty() else (text,):
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

    return [Text.from_markup(cell) for cell in row.cells]


def _widths(headings: Sequence[str], lines: Sequence[list[Text]]) -> list[int]:
    """Width of each column in characters of a terminal, where some characters take two."""
    from rich.cells import cell_len

    return [
        max(cell_len(heading), *(line[column].cell_len for line in lines), 0)
        for column, heading in enumerate(headings)
    ]
