"""The content of a report, independent of the output format.

The text of a report is assembled once, as these values. `html_page` and `pdf` only lay it out, so both
always contain the same sentences and figures.
"""

from __future__ import annotations

from dataclasses import dataclass, field

NOTHING = "not measured"
"""Printed where a record contains neither a figure nor a reason."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A section (level 1, listed in the table of contents) or a part of one (level 2)."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text; soft text is printed smaller and in grey."""

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
        title: Printed in bold before the text, such as "How to read this".
        text: The note.
        kind: ``"read"`` for an explanation, ``"mind"`` for a warning.
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
        words: Columns (from 0) that contain text, which is wrapped; the first always does. The
            others contain figures and are aligned to the right.
        strong: Rows (from 0) to highlight.
        widths: Relative widths of the columns; empty for automatic widths.
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
    """A drawn plot, as written to files and embedded in reports.

    Attributes:
        name: File name without extension.
        png: The plot as PNG.
        svg: The plot as SVG.
        width: In inches.
        height: In inches.
    """

    name: str
    png: bytes = field(repr=False)
    svg: bytes = field(repr=False)
    width: float = 6.0
    height: float = 4.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot with its caption, which is also its alternative text."""

    plot: Plot
    caption: str


@dataclass(frozen=True, slots=True)
class Film:
    """A film in a gallery: a JPEG and the lines of its caption."""

    jpeg: bytes = field(repr=False)
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Films in a grid; None makes an empty cell."""

    films: tuple[Film | None, ...]
    columns: int = 4


Block = Heading | Paragraph | Points | Note | Table | Picture | Gallery


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report.

    Attributes:
        title: Main heading.
        subtitle: Printed below the title: the subject, the films, the version and the date.
        mark: Printed at the foot of every page: the bundle and its hash.
        blocks: The content. Blocks before the first section form the summary.
        facts: Names and values printed below the subtitle, such as whom the bundle was made for.
    """

    title: str
    subtitle: str
    mark: str
    blocks: tuple[Block, ...]
    facts: tuple[tuple[str, str], ...] = ()


def words_of(report: Report) -> list[str]:
    """Every text of a report, in order: what each output format must contain."""
    texts = [report.title, report.subtitle, report.mark]
    texts += [text for fact in report.facts for text in fact]
    for block in report.blocks:
        match block:
            case Heading(text=text) | Paragraph(text=text):
                texts.append(text)
            case Points(items=items):
                texts.extend(items)
            case Note(title=title, text=text):
                texts.extend((title, text))
            case Table(head=head, rows=rows):
                texts.extend(cell for row in (head, *rows) for cell in row)
            case Picture(caption=caption):
                texts.append(caption)
            case Gallery(films=films):
                texts.extend(line for film in films if film is not None for line in film.lines)
    return [text for text in texts if text]
