"""The fonts of PDF files: DejaVu Sans with Latin, Greek and Cyrillic letters. Needs reportlab.

The fonts built into PDF have Latin-1 only. The files are subsets of DejaVu Sans 2.37, whose licence is
beside them; ``tools/pdf_fonts.py`` made them.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = Path(__file__).with_name("fonts")


@cache
def fonts() -> tuple[str, str]:
    """Names of the regular and of the bold font, which reportlab knows after this."""
    regular, bold = "Film-Report", "Film-Report-Bold"
    for name, file in ((regular, "DejaVuSans.ttf"), (bold, "DejaVuSans-Bold.ttf")):
        pdfmetrics.registerFont(TTFont(name, str(_FOLDER / file)))
    pdfmetrics.registerFontFamily(
        regular, normal=regular, bold=bold, italic=regular, boldItalic=bold
    )
    return regular, bold


def printable(text: str) -> str:
    """Text that the fonts have glyphs for.

    Other letters lose their marks; a letter without a known base becomes a question mark.
    """
    return "".join(map(_printable_letter, unicodedata.normalize("NFC", text)))


@cache
def _glyphs() -> Mapping[int, int]:
    # Of a font that draws nothing: reportlab adds ligatures to those of a font that does.
    font = TTFont("Film-Report-Letters", str(_FOLDER / "DejaVuSans.ttf"))
    glyphs: Mapping[int, int] = font.face.charToGlyph
    return glyphs


def _printable_letter(letter: str) -> str:
    if ord(letter) in _glyphs():
        return letter
    base = unicodedata.normalize("NFKD", letter)[0]
    return base if ord(base) in _glyphs() else "?"
