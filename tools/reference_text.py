"""Markdown for the generated parts of the reference."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def cell(text: str) -> str:
    """Text for a cell of a table: on one line, bars escaped."""
    return re.sub(r"\s+", " ", text).strip().replace("|", "&#124;")


def code(text: str) -> str:
    """A literal; one with a bar as HTML, since Markdown has no such literal inside a table."""
    if "|" not in text:
        return f"`{text}`"
    return f"<code>{text.replace('<', '&lt;').replace('|', '&#124;')}</code>"


def prose(text: str) -> str:
    """A docstring's text as Markdown: double backticks become single ones, paragraphs stay."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(re.sub(r"\s+", " ", p).replace("``", "`") for p in paragraphs)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; columns that are empty in all rows are left out."""
    lines = [list(map(cell, row)) for row in rows]
    used = [i for i in range(len(headers)) if any(line[i] for line in lines)]
    drawn = [[headers[i] for i in used], ["---"] * len(used)]
    drawn += [[line[i] for i in used] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in drawn)
