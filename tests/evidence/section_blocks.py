"""Blocks of a section of a report, sorted by kind."""

from __future__ import annotations

from collections.abc import Iterable

from pneumoscope.evidence.report.blocks import (
    Block,
    Heading,
    Note,
    Paragraph,
    Picture,
    Points,
    Report,
    Table,
    words_of,
)


def table(blocks: Iterable[Block], *head: str) -> Table:
    """The only table whose head begins like this."""
    (match,) = [b for b in blocks if isinstance(b, Table) and b.head[: len(head)] == head]
    return match


def rows(blocks: Iterable[Block], *head: str) -> dict[str, tuple[str, ...]]:
    """First cell to the other cells of the only table whose head begins like this."""
    made = table(blocks, *head)
    assert len({row[0] for row in made.rows}) == len(made.rows)
    return {row[0]: row[1:] for row in made.rows}


def titles(blocks: Iterable[Block], level: int = 1) -> list[str]:
    return [b.text for b in blocks if isinstance(b, Heading) and b.level == level]


def paragraphs(blocks: Iterable[Block]) -> list[str]:
    return [b.text for b in blocks if isinstance(b, Paragraph)]


def points(blocks: Iterable[Block]) -> list[str]:
    return [item for b in blocks if isinstance(b, Points) for item in b.items]


def warnings(blocks: Iterable[Block]) -> list[str]:
    """Texts of boxes that are no explanation."""
    return [f"{b.title} {b.text}" for b in blocks if isinstance(b, Note) and b.kind == "mind"]


def plots(blocks: Iterable[Block]) -> list[str]:
    """Names of the plots."""
    return [b.plot.name for b in blocks if isinstance(b, Picture)]


def text(blocks: Iterable[Block]) -> str:
    """Everything that is printed, in order."""
    return "\n".join(words_of(Report("", "", "", tuple(blocks))))
