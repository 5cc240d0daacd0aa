"""What a report is made of, whatever it is written as.

The report's text is put together once, as these values; `report_html` and `report_pdf` only set it.
So no sentence and no figure stands in one of the two alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

NOTHING = "not measured"
"""Stands where a record holds no figure and no reason."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A section (level 1, listed in the table of contents) or a part of one (level 2)."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text; a soft one stands back."""

    text: str
    soft: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Text in a box.

    Attributes:
        title: In bold before it, such as "How to read this".
        text: The note.
        kind: ``"read"`` explains, ``"mind"`` warns.
    """

    title: str
    text: str
    kind: str = "read"


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        head: Names of the columns.
        rows: Cells, as many in each row as there are columns.
        words: Columns (from 0) that hold text and break lines; the first always does. The others
            hold figures, aligned to the right.
        strong: Rows (from 0) to stress.
        widths: Relative widths of the columns; equal for empty.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int] = frozenset()
    strong: frozenset[int] = frozenset()
    widths: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(f"{len(row)} cells under {len(self.head)} columns: {row}")


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawn plot, as it goes to files and into reports.

    Attributes:
        name: Of its files, without ending.
        png: The plot in pixels.
        svg: The same as vectors.
        width: In inches; its height in inches follows.
        height: In inches.
    """

    name: str
    png: bytes = field(repr=False)
    svg: bytes = field(repr=False)
    width: float = 6.0
    height: float = 4.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot with its caption, which also describes it to those who don't see it."""

    plot: Plot
    caption: str


@dataclass(frozen=True, slots=True)
class Film:
    """A film in a gallery: a JPEG and what is to be known of it, line by line."""

    jpeg: bytes = field(repr=False)
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Films in a grid; None leaves a cell empty."""

    films: tuple[Film | None, ...]
    columns: int = 4


Block = Heading | Paragraph | Points | Note | Table | Picture | Gallery


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report.

    Attributes:
        title: At its top.
        subtitle: Below it: what, on what, by which version, when.
        mark: At the foot of every page: the bundle and its hash.
        blocks: The rest; those before the first section are the summary.
    """

    title: str
    subtitle: str
    mark: str
    blocks: tuple[Block, ...]


def words_of(report: Report) -> list[str]:
    """Every piece of text of a report, in order: what both renderers must show."""
    found = [report.title, report.subtitle, report.mark]
    for block in report.blocks:
        match block:
            case Heading(text=text) | Paragraph(text=text):
                found.append(text)
            case Points(items=items):
                found.extend(items)
            case Note(title=title, text=text):
                found.extend((title, text))
            case Table(head=head, rows=rows):
                found.extend(cell for row in (head, *rows) for cell in row)
            case Picture(caption=caption):
                found.append(caption)
            case Gallery(films=films):
                found.extend(line for film in films if film is not None for line in film.lines)
    return [text for text in found if text]
