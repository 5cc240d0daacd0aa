"""The report of one or more films, as PDF for people. Needs reportlab."""

from __future__ import annotations

import io
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from reportlab import rl_config
from reportlab.lib import colors, pagesizes
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.platypus import (
    Flowable,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from pneumoscope.decision import sentences
from pneumoscope.decision.gate import OUTSIDE
from pneumoscope.decision.sentences import shown, translated
from pneumoscope.languages.current import ENGLISH, current
from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED
from pneumoscope.render import wording
from pneumoscope.render.pdf_fonts import fonts, printable
from pneumoscope.render.serialise import NOT_READ_YET, NOTICE, marks_of, prediction_from_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.decision.ranges import Ranges

rl_config.useA85 = 0  # streams of bytes, not of letters, which reportlab encodes in Python
PICTURE_PX = 900
"""Longest side of a picture in the report; more would only make the file larger."""
_SIDE = 18 * mm
_WIDTH = pagesizes.A4[0] - 2 * _SIDE
_GAP = 6 * mm
"""Between the two pictures."""
_TEXT, _SOFT, _LINE = (colors.HexColor(c) for c in ("#17202b", "#566575", "#d0d6de"))
_COLOURS = {NORMAL: "#14693f", UNDETERMINED: "#8a5a00", REFUSED: "#555d66"}
_POSITIVE = "#b3261e"


def _style(size: float, colour: Any = _TEXT, bold: bool = False, after: float = 4) -> Any:
    return ParagraphStyle(
        "text",
        fontName=fonts()[bold],
        fontSize=size,
        leading=1.4 * size,
        textColor=colour,
        spaceAfter=after,
    )


@dataclass(frozen=True, slots=True, eq=False)
class FilmReport:
    """What the report says about one film.

    Attributes:
        name: What to call the film.
        when: When it was read, in words.
        identifiers: The last line: what identifies the film without its name.
        result: `serialise.prediction_to_json` with ``words``, the `wording.sentences`; None if the
            film was not read.
        error: ``message`` and ``hint`` of a film that was not read.
        grey: The film, uint8 (rows, columns), its longer side `PICTURE_PX`; None if it is not
            available.
        overlay: The film with its heatmap, uint8 (rows, columns, 3); None if there is none to show.
    """

    name: str
    when: str
    identifiers: str
    result: Mapping[str, Any] | None
    error: Mapping[str, str] | None = None
    grey: NDArray[np.uint8] | None = None
    overlay: NDArray[np.uint8] | None = None


def report_pdf(films: Iterable[FilmReport], *, invariant: bool = False) -> bytes:
    """One or more pages for each film.

    Args:
        films: At least one; taken one after the other, so that they need not all be in memory.
        invariant: Leave out the time and the random id, so that equal reports are equal bytes.
    """
    stream = io.BytesIO()
    document = SimpleDocTemplate(
        stream,
        pagesize=pagesizes.A4,
        leftMargin=_SIDE,
        rightMargin=_SIDE,
        topMargin=16 * mm,
        bottomMargin=22 * mm,
        title=translated("Chest film report"),
        author="pneumoscope",
        subject=translated(NOTICE),
        invariant=int(invariant),
        lang=None if current() == ENGLISH else current(),
    )
    story: list[Flowable] = []
    for film in films:
        story += [*_page(film), PageBreak()]
    story.pop()
    # Takes what it has drawn out of the list.
    document.build(story, onFirstPage=_foot, onLaterPages=_foot)
    return stream.getvalue()


def _foot(canvas: Any, _document: Any) -> None:
    canvas.saveState()
    canvas.setFillColor(_SOFT)
    canvas.setFont(fonts()[0], 7.5)
    canvas.drawString(_SIDE, 12 * mm, translated(NOTICE))
    canvas.drawRightString(
        pagesizes.A4[0] - _SIDE, 12 * mm, translated(f"Page {canvas.getPageNumber()}")
    )
    canvas.restoreState()


def _page(film: FilmReport) -> list[Flowable]:
    head: list[Flowable] = [
        Paragraph(translated("Chest film report"), _style(16, bold=True, after=2)),
        Paragraph(
            translated(NOTICE),
            _style(9, colors.HexColor(_COLOURS[UNDETERMINED]), bold=True, after=8),
        ),
        Paragraph(
            f"{_text(film.name)} &nbsp;·&nbsp; {_text(translated(f'read {film.when}'))}",
            _style(9.5, _SOFT, after=8),
        ),
    ]
    last = Paragraph(_text(film.identifiers), _style(7, _SOFT))
    if film.result is None:
        error = film.error or NOT_READ_YET
        text = f"{_text(translated(error['message']))}. {_text(translated(error['hint']))}"
        verdict = _verdict(translated("NOT READ"), _COLOURS[REFUSED])
        return [*head, verdict, Paragraph(text, _style(10)), last]
    result = film.result
    colour = _COLOURS.get(result["label"], _POSITIVE)
    body: list[Flowable] = [*_outside(result), _verdict(_marked(result), colour)]
    if result["words"].get("forced"):
        body.append(Paragraph(_text(result["words"]["forced"]), _style(10, bold=True)))
    pictures, width = _pictures(film, result)
    if result["p_unadjusted"] is not None:
        body += _figures(result, colour, width)
    body += [Spacer(1, 8), *pictures, *_sentences(result), last]
    return head + body


def _verdict(text: str, colour: str) -> Flowable:
    return Paragraph(_text(text), _style(20, colors.HexColor(colour), bold=True, after=6))


def _marked(result: Mapping[str, Any]) -> str:
    """The verdict with what sets it apart, such as "PNEUMONIA (forced, outside the population)"."""
    marks = ", ".join(marks_of(result))
    label = shown(result["label"])
    return f"{label} ({marks})" if marks else label


def _outside(result: Mapping[str, Any]) -> list[Flowable]:
    """A banner above the verdict: the film is outside the population that the model knows."""
    reason = next((r for r in result["gate"]["reasons"] if r["code"] == OUTSIDE), None)
    if reason is None or result["profile"] is not None:
        return []
    text = sentences.words("outside", reason=reason["sentence"].rstrip("."))
    amber = colors.HexColor(_COLOURS[UNDETERMINED])
    table = Table([[Paragraph(_text(text), _style(11, amber, bold=True, after=0))]], [_WIDTH])
    table.setStyle(TableStyle([("BOX", (0, 0), (-1, -1), 1, amber)]))
    return [table, Spacer(1, 8)]


class _Bar(Flowable):  # type: ignore[misc]
    """A probability as a bar, as wide as the pictures, with marks where the verdict changes.

    A line along its foot shows where films are UNDETERMINED.
    """

    def __init__(self, share: float, ranges: Ranges | None, colour: str, width: float) -> None:
        super().__init__()
        self.width, self.height = width, 5 * mm
        self._share, self._ranges, self._colour = share, ranges, colour

    def draw(self) -> None:
        self.canv.setFillColor(_LINE)
        self.canv.rect(0, mm, self.width, 3 * mm, stroke=0, fill=1)
        self.canv.setFillColor(colors.HexColor(self._colour))
        self.canv.rect(0, mm, self.width * self._share, 3 * mm, stroke=0, fill=1)
        if self._ranges is None:
            return
        if self._ranges.unclear is not None:
            start, end = self._ranges.unclear
            self.canv.setStrokeColor(colors.HexColor(_COLOURS[UNDETERMINED]))
            self.canv.line(self.width * start, 0, self.width * end, 0)
        self.canv.setStrokeColor(_TEXT)
        for limit in self._ranges.limits:
            self.canv.line(self.width * limit, 0, self.width * limit, self.height)


class _Picture(Flowable):  # type: ignore[misc]
    """A picture as JPEG, which keeps its pixels only while it is drawn.

    Args:
        pixels: uint8 (rows, columns) or (rows, columns, 3).
        width: Most width.
    """

    def __init__(self, pixels: NDArray[np.uint8], width: float) -> None:
        from PIL import Image

        super().__init__()
        self._file = io.BytesIO()
        Image.fromarray(pixels).save(self._file, "JPEG", quality=88)
        rows, columns = pixels.shape[:2]
        scale = min(width / columns, 110 * mm / rows)
        self.width, self.height = columns * scale, rows * scale

    def draw(self) -> None:
        reader = ImageReader(self._file)
        self.canv.drawImage(reader, 0, 0, self.width, self.height)
        # A reader holds itself, and with it 6 MB of pixels, until garbage is collected.
        vars(reader).clear()


def _figures(result: Mapping[str, Any], colour: str, width: float) -> list[Flowable]:
    words = result["words"]
    share, ranges = wording.scale(prediction_from_json(result))
    named = shown(
        result["findings"][0]["name"] if result["findings"] else result["positive"].lower()
    )
    lines: list[Flowable] = []
    if words["why_undetermined"] and not _outside(result):
        lines.append(Paragraph(_sentence(words["why_undetermined"]), _style(10)))
    lines += [
        Paragraph(f"P({_text(named)}) {words['probability']}", _style(11, after=2)),
        _Bar(share, ranges, colour, width),
        Paragraph(_text(words["call"]), _style(8, _SOFT)),
    ]
    shares = [
        [shown(name), shown(f"{value:.3f}")] for name, value in result["probabilities"].items()
    ]
    table = Table(
        [[printable(a), b] for a, b in shares], colWidths=(60 * mm, 25 * mm), hAlign="LEFT"
    )
    look = [
        ("FONT", (0, 0), (-1, -1), fonts()[0], 9),
        ("LINEABOVE", (0, 0), (-1, -1), 0.4, _LINE),
        ("ALIGN", (1, 0), (1, -1), "RIGHT"),
    ]
    table.setStyle(TableStyle(look))
    return [*lines, table]


def _pictures(film: FilmReport, result: Mapping[str, Any]) -> tuple[list[Flowable], float]:
    """The pictures with their captions, and their width together; of the page if there are none."""
    if film.grey is None:
        return [
            Paragraph(translated("The film itself is no longer kept."), _style(9, _SOFT))
        ], _WIDTH
    pictures, captions = [film.grey], [translated("Film")]
    explanation = result["explanation"]
    if film.overlay is not None and explanation is not None:
        pictures.append(film.overlay)
        captions.append(_heatmap_caption(result))
    cells = [_Picture(picture, (_WIDTH - _GAP) / 2) for picture in pictures]
    columns = [cells[0].width + _GAP, *(picture.width for picture in cells[1:])]
    texts = [Paragraph(_text(text), _style(8, _SOFT)) for text in captions]
    grid = Table([cells, texts], colWidths=columns, hAlign="LEFT")
    look = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (0, -1), _GAP),
        ("RIGHTPADDING", (1, 0), (-1, -1), 0),
    ]
    grid.setStyle(TableStyle(look))
    return [grid], sum(columns) - (0 if len(cells) > 1 else _GAP)


def _heatmap_caption(result: Mapping[str, Any]) -> str:
    """What the heatmap shows; of a forced verdict only its name."""
    words, explanation = result["words"], result["explanation"]
    # An earlier version stored neither this name nor the zones.
    name = words.get("heatmap_for", result["heatmap_class"])
    # It also drew the map of the likelier kind where the kind is undetermined.
    if len(kinds := result["kinds"] or ()) > 1 and result["heatmap_class"] in kinds:
        name = wording.of_one_kind(name)
    if result["forced"] and explanation["reliable"]:
        return sentences.words("heatmap_forced", name=name)
    heading = f"{sentences.words('heatmap_forced', name=name)} " if explanation["reliable"] else ""
    zones = words.get("zones")
    where = (
        f" {sentences.full_sentence(sentences.words('heat_by_zone', zones=zones))}" if zones else ""
    )
    return heading + sentences.full_sentence(explanation["sentence"]) + where


def _sentences(result: Mapping[str, Any]) -> list[Flowable]:
    words = result["words"]
    kind = translated(f"Kind: {words['kinds']}.") if words["kinds"] else ""
    # An earlier version stored a promise for forced verdicts too.
    promise = "" if result["forced"] or _outside(result) else words["promise"]
    lines = [kind, promise, *map(sentences.full_sentence, words["reasons"])]
    lines += [_sentence(text) for text in result["warnings"]]
    parts = [translated(f"Model {result['bundle']} ({result['bundle_sha256'][:12]})")]
    if result["profile"]:
        parts.append(translated(f"site profile {result['profile']}"))
    if chosen := words.get("population"):  # an earlier version stored none
        parts.append(translated(f"population: {chosen}"))
    model = f"{', '.join(parts)}."
    return [
        *(Paragraph(_text(line), _style(9)) for line in lines if line),
        Spacer(1, 6),
        Paragraph(_text(model), _style(8, _SOFT)),
    ]


def _sentence(text: str) -> str:
    return _text(sentences.full_sentence(text))


def _text(text: str) -> str:
    """Text that the fonts can show, escaped for a paragraph."""
    return escape(printable(text))
