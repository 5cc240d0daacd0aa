"""What commands write to the terminal: errors, tables and JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from pneumoscope import files
from pneumoscope.errors import PneumoscopeError
from pneumoscope.render.visible import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from rich.console import Console
    from rich.table import Table


class Reportable(Protocol):
    """A film that could not be read: what is wrong, and what to do."""

    @property
    def message(self) -> str: ...
    @property
    def hint(self) -> str: ...


def escape(text: str) -> str:
    """Text for a table or line of rich: its brackets and control characters mean nothing there."""
    from rich.markup import escape as without_markup

    return without_markup(visible(text))


def report(error: Exception) -> None:
    """Writes an error and its hint to stderr."""
    words, hint = str(error), getattr(error, "hint", "")
    if isinstance(error, OSError) and not isinstance(error, PneumoscopeError):
        words, hint = files.message(error), files.hint(error)
    if sys.stderr is not None:
        text = f"error: {words}\n" + (f"hint: {hint}\n" if hint else "")
        sys.stderr.write(visible(text, keep="\n"))


def report_films(films: Iterable[Reportable]) -> None:
    """Writes each film that could not be read to stderr, with its hint."""
    for film in films:
        sys.stderr.write(f"error: {visible(film.message)}\nhint: {visible(film.hint)}\n")


def note(text: str) -> None:
    """Writes to stderr how far the work is."""
    sys.stderr.write(f"{visible(text)} ...\n")
    sys.stderr.flush()


def print_json(value: Any, *, indent: int | None = None) -> None:
    """Writes a value to stdout as JSON, with a line end."""
    import json

    sys.stdout.write(json.dumps(value, indent=indent) + "\n")


def console() -> Console:
    """A console on stdout for tables."""
    from rich.console import Console

    # Other programs search and cut piped text: each row stays on one line, however long.
    return Console(highlight=False, width=None if sys.stdout.isatty() else 1000)


def terminal() -> Console | None:
    """A console if stdout is a terminal; None if other programs read it."""
    return console() if sys.stdout.isatty() else None


def print_table(out: Console, table: Table) -> None:
    """Prints a table; lines that other programs read do not end with blanks."""
    if sys.stdout.isatty():
        out.print(table)
        return
    with out.capture() as captured:
        out.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def plain_table(*headings: str, right: Collection[str] = (), fold: Collection[str] = ()) -> Table:
    """A table without lines.

    Args:
        headings: Headings of its columns.
        right: Headings of the columns that align to the right, such as figures.
        fold: Headings of the columns whose long words are wrapped rather than cut.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(
            heading,
            justify="right" if heading in right else "left",
            overflow="fold" if heading in fold else "ellipsis",
        )
    return table
