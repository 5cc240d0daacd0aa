"""A report as PDF, made from the same blocks as the HTML page."""

from __future__ import annotations

import io
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from reportlab import rl_config
from reportlab.lib import colors, pagesizes, styles
from reportlab.lib.units import inch, mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    Image,
    ListFlowable,
    ListItem,
    LongTable,
    PageTemplate,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Paragraph as Text
from reportlab.platypus import Table as Grid
from reportlab.platypus.tableofcontents import TableOfContents

from pneumoscope.evidence.report.blocks import (
    Gallery,
    Heading,
    Note,
    Paragraph,
    Picture,
    Points,
    Table,
)
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from pneumoscope.evidence.report.blocks import Block, Report

rl_config.useA85 = 0  # streams of bytes, not of letters, which reportlab encodes in Python
_PAGE = pagesizes.A4
_SIDE, _TOP, _BOTTOM = 17 * mm, 16 * mm, 20 * mm
_WIDTH = _PAGE[0] - 2 * _SIDE
_LINE, _TEXT, _SOFT = (colors.HexColor(c) for c in ("#d0d6de", "#17202b", "#566575"))
_BLUE, _WASH = colors.HexColor("#0b3c5d"), colors.HexColor("#eef3f7")
_BESIDE = 5  # points on both sides of the text of a cell
_MANY = 6  # columns from which on a smaller font is used
_SMALLEST = 0.62
"""Pictures shrink down to this share of their size before they move to the next page."""
_AMBER, _MIND = colors.HexColor("#8a5a00"), colors.HexColor("#fdf5e3")


@cache
def _fonts() -> tuple[str, str]:
    """Names of the regular and the bold font after registration: Matplotlib's DejaVu Sans, as in plots.

    The fonts built into PDF contain no characters outside Latin-1.
    """
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name, file in (("Report", "DejaVuSans.ttf"), ("Report-Bold", "DejaVuSans-Bold.ttf")):
        pdfmetrics.registerFont(TTFont(name, str(folder / file)))
    pdfmetrics.registerFontFamily(
        "Report", normal="Report", bold="Report-Bold", italic="Report", boldItalic="Report-Bold"
    )
    return "Report", "Report-Bold"


@cache
def _style(name: str) -> styles.ParagraphStyle:
    regular, bold = _fonts()
    looks: dict[str, tuple[float, float, str, Any, dict[str, Any]]] = {
        "title": (19, 24, bold, _TEXT, {"spaceAfter": 4}),
        "notice": (9, 13, bold, _AMBER, {"spaceAfter": 3}),
        "subtitle": (7.5, 11, regular, _SOFT, {"spaceAfter": 4}),
        "fact": (7.5, 11, regular, _SOFT, {"spaceAfter": 4}),
        "h1": (14, 18, bold, _BLUE, {"spaceBefore": 16, "spaceAfter": 6}),
        "h2": (10.5, 14, bold, _TEXT, {"spaceBefore": 10, "spaceAfter": 4}),
        "text": (8.5, 12.5, regular, _TEXT, {"spaceAfter": 6}),
        "soft": (7.5, 11, regular, _SOFT, {"spaceAfter": 6}),
        "cell": (7.2, 9.6, regular, _TEXT, {}),
        "cell n": (7.2, 9.6, regular, _TEXT, {"alignment": 2}),
        "narrow": (6.2, 8.4, regular, _TEXT, {}),
        "narrow n": (6.2, 8.4, regular, _TEXT, {"alignment": 2}),
        "head": (7.2, 9.6, bold, _TEXT, {}),
        "head n": (7.2, 9.6, bold, _TEXT, {"alignment": 2}),
        "film": (6.4, 8.4, regular, _SOFT, {"wordWrap": "CJK"}),
        "contents": (8.5, 14, regular, _TEXT, {}),
    }
    size, leading, font, colour, extra = looks[name]
    return styles.ParagraphStyle(
        name, fontName=font, fontSize=size, leading=leading, textColor=colour, **extra
    )


class _Document(BaseDocTemplate):  # type: ignore[misc]
    """Pages with a footer that contains the bundle, the notice and the page number."""

    def __init__(self, stream: io.BytesIO, report: Report) -> None:
        super().__init__(
            stream,
            pagesize=_PAGE,
            title=report.title,
            author="pneumoscope",
            subject=report.mark,
            invariant=1,
        )
        frame = Frame(_SIDE, _BOTTOM, _WIDTH, _PAGE[1] - _TOP - _BOTTOM, 0, 0, 0, 0, id="page")
        self._mark = f"{report.mark} · {NOTICE}"
        self.addPageTemplates([PageTemplate("page", [frame], onPage=self._foot)])

    def _foot(self, canvas: Any, _document: Any) -> None:
        canvas.saveState()
        canvas.setStrokeColor(_LINE)
        canvas.line(_SIDE, _BOTTOM - 4 * mm, _PAGE[0] - _SIDE, _BOTTOM - 4 * mm)
        canvas.setFillColor(_SOFT)
        canvas.setFont(_fonts()[0], 6.6)
        canvas.drawString(_SIDE, _BOTTOM - 8 * mm, self._mark)
        canvas.drawRightString(_PAGE[0] - _SIDE, _BOTTOM - 8 * mm, str(canvas.getPageNumber()))
        canvas.restoreState()

    def afterFlowable(self, flowable: Flowable) -> None:
        """Adds section headings to the table of contents and the outline."""
        if getattr(flowable, "style", None) is not _style("h1"):
            return
        text = flowable.getPlainText()
        key = f"section-{self.seq.nextf('section')}"
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(text, key, 0)
        self.notify("TOCEntry", (0, escape(text), self.page, key))


def pdf(report: Report) -> bytes:
    """The content of the file; equal reports give equal bytes."""
    stream = io.BytesIO()
    contents = TableOfContents(levelStyles=[_style("contents")], dotsMinLevel=0)
    story: list[Flowable] = [
        _text(report.title, "title"),
        _text(NOTICE, "notice"),
        _text(report.subtitle, "subtitle"),
        *(_text(f"{name}: {value}", "fact") for name, value in report.facts),
    ]
    seen = False
    for block in report.blocks:
        if isinstance(block, Heading) and block.level == 1 and not seen:
            seen = True
            lines = sum(isinstance(b, Heading) and b.level == 1 for b in report.blocks)
            story += [CondPageBreak((lines + 3) * 14), _text("Contents", "h2"), contents]
        story += _block(block)
    _Document(stream, report).multiBuild(story)
    return stream.getvalue()


def _text(text: str, style: str, *, bold: bool = False) -> Text:
    safe = escape(text, quote=False)
    return Text(f"<b>{safe}</b>" if bold else safe, _style(style))


def _block(block: Block) -> list[Flowable]:
    match block:
        case Heading(text=text, level=level):
            # A heading at the end of a page is moved to the next page.
            return [CondPageBreak(70 * mm if level == 1 else 62 * mm), _text(text, f"h{level}")]
        case Paragraph(text=text, soft=soft):
            return [_text(text, "soft" if soft else "text")]
        case Points(items=items):
            rows = [ListItem(_text(item, "text"), leftIndent=10) for item in items]
            return [ListFlowable(rows, bulletType="bullet", start="•", bulletFontSize=7)]
        case Note():
            return [_note(block), Spacer(1, 6)]
        case Table():
            return [_table(block), Spacer(1, 8)]
        case Picture():
            return [_Picture(block)]
        case Gallery():
            return [_gallery(block), Spacer(1, 8)]


def _note(note: Note) -> Flowable:
    safe = f"<b>{escape(note.title, quote=False)}</b> {escape(note.text, quote=False)}"
    box = Grid([[Text(safe, _style("cell"))]], colWidths=[_WIDTH])
    edge, ground = (_AMBER, _MIND) if note.kind == "mind" else (_BLUE, _WASH)
    box.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), ground),
                ("LINEBEFORE", (0, 0), (0, -1), 2.5, edge),
                ("LEFTPADDING", (0, 0), (-1, -1), 8),
                ("TOPPADDING", (0, 0), (-1, -1), 5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
            ]
        )
    )
    return box


def _table(table: Table) -> Flowable:
    kinds = ["" if i == 0 or i in table.words else " n" for i in range(len(table.head))]
    rows = [[_text(cell, f"head{k}") for k, cell in zip(kinds, table.head, strict=True)]]
    size = "narrow" if len(table.head) >= _MANY else "cell"
    for i, row in enumerate(table.rows):
        strong = i in table.strong
        rows.append(
            [_text(cell, f"{size}{k}", bold=strong) for k, cell in zip(kinds, row, strict=True)]
        )
    grid = LongTable(rows, colWidths=_widths(table, kinds), repeatRows=1)
    style = [
        ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ("VALIGN", (0, 1), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, _TEXT),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, _LINE),
        ("LEFTPADDING", (0, 0), (-1, -1), _BESIDE),
        ("RIGHTPADDING", (0, 0), (-1, -1), _BESIDE),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        *(("BACKGROUND", (0, i + 1), (-1, i + 1), _WASH) for i in table.strong),
    ]
    grid.setStyle(TableStyle(style))
    return grid


def _widths(table: Table, kinds: list[str]) -> list[float]:
    """Widths of the columns in points: as given, else by the longest cell, within limits.

    No column is narrower than the longest word of its head, which would be broken within the word.
    """
    shares = list(table.widths)
    if not shares:
        for i, kind in enumerate(kinds):
            longest = max((len(row[i]) for row in (table.head, *table.rows)), default=1)
            shares.append(float(min(max(longest, 6), 46 if kind == "" else 24)))
    widths = [_WIDTH * share / sum(shares) for share in shares]
    least = [max(map(_head_width, cell.split()), default=0.0) for cell in table.head]
    if sum(least) > _WIDTH:
        return widths
    missing = sum(max(0.0, low - width) for low, width in zip(least, widths, strict=True))
    spare = sum(max(0.0, width - low) for low, width in zip(least, widths, strict=True))
    # Columns with room give up the same share of it.
    return [
        max(low, width - max(0.0, width - low) * missing / spare) if spare else width
        for low, width in zip(least, widths, strict=True)
    ]


def _head_width(word: str) -> float:
    """Width in points of a word in the head of a table, with the space around it."""
    head = _style("head")
    return float(pdfmetrics.stringWidth(word, head.fontName, head.fontSize)) + 2 * _BESIDE + 0.1


class _Picture(Flowable):  # type: ignore[misc]
    """A plot with its caption, a little smaller if it would otherwise leave much of a page empty."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self._plot, self._caption = picture.plot, _text(picture.caption, "soft")
        self._scale = self._below = 0.0

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        plot = self._plot
        wide, tall = plot.width * inch, plot.height * inch
        self._below = self._caption.wrap(width, height)[1] + 8
        natural = min(1.0, _WIDTH / wide, 215 * mm / tall)
        fitting = (height - self._below) / tall
        self._scale = fitting if _SMALLEST * natural <= fitting < natural else natural
        self.width, self.height = width, tall * self._scale + self._below
        return self.width, self.height

    def draw(self) -> None:
        wide, tall = (side * inch * self._scale for side in (self._plot.width, self._plot.height))
        image = Image(io.BytesIO(self._plot.png), wide, tall)
        image.drawOn(self.canv, (self.width - wide) / 2, self._below)
        self._caption.drawOn(self.canv, 0, 4)


def _gallery(gallery: Gallery) -> Flowable:
    width = _WIDTH / gallery.columns
    cells: list[list[Any]] = []
    for i, film in enumerate(gallery.films):
        if i % gallery.columns == 0:
            cells.append([])
        if film is None:
            cells[-1].append("")
            continue
        first, *rest = film.lines
        image = Image(io.BytesIO(film.jpeg))
        image._restrictSize(width - 8, width - 8)
        lines = [_text(first, "film", bold=True), *(_text(line, "film") for line in rest)]
        cells[-1].append([image, Spacer(1, 2), *lines])
    cells[-1] += [""] * (gallery.columns - len(cells[-1]))
    grid = Grid(cells, colWidths=[width] * gallery.columns)
    grid.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 3),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 8),
            ]
        )
    )
    return grid
