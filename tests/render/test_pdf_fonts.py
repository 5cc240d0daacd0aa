"""The fonts of PDF files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

pytest.importorskip("reportlab", reason="needs the [serve] or [evidence] extra")

from reportlab.pdfgen.canvas import Canvas

from pneumoscope.render import pdf_fonts


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller, Größe 5 µm ≥ 2", "Müller, Größe 5 µm ≥ 2"),
        ("Łukasz Ząb, Nguyễn, Ιωάννης, Анна", "Łukasz Ząb, Nguyễn, Ιωάννης, Анна"),
        ("Za\u0328b", "Ząb"),  # a combining mark
        ("肺 ½ ﬁ", "? ½ f"),
        ("tab\tbell\a", "tab?bell?"),
    ],
)
def test_letters_with_a_glyph_stay(text: str, shown: str) -> None:
    assert pdf_fonts.printable(text) == shown


def test_both_fonts_are_embedded_and_small() -> None:
    pypdf = pytest.importorskip("pypdf")
    stream = io.BytesIO()
    canvas = Canvas(stream)
    for row, font in enumerate(pdf_fonts.fonts()):
        canvas.setFont(font, 12)
        canvas.drawString(50, 700 - 20 * row, "Größe Ząb")
    canvas.save()
    text = pypdf.PdfReader(io.BytesIO(stream.getvalue())).pages[0].extract_text()
    assert text.count("Größe Ząb") == 2
    folder = Path(pdf_fonts.__file__).with_name("fonts")
    assert sum(path.stat().st_size for path in folder.glob("*.ttf")) < 250_000
    assert "Bitstream" in (folder / "LICENSE-DejaVu.txt").read_text(encoding="utf-8")
