"""A report as PDF."""

from __future__ import annotations

import io
import re

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)


from pneumoscope.evidence.report import pdf
from pneumoscope.evidence.report.blocks import (
    Heading,
    Report,
    words_of,
)
from pneumoscope.render.serialise import NOTICE


def test_the_pdf_contains_every_word_and_marks_every_page(whole: Report) -> None:
    pypdf = pytest.importorskip("pypdf")
    pages = pypdf.PdfReader(io.BytesIO(pdf.pdf(whole))).pages
    texts = [page.extract_text() for page in pages]
    for number, text in enumerate(texts, 1):
        assert NOTICE in text
        assert whole.mark in text
        assert re.search(rf"^{number}$", text, re.MULTILINE), f"page {number}"
    # Line breaks may fall anywhere, also inside long words.
    squeezed = re.sub(r"\s+", "", "".join(texts))
    short = [w for w in words_of(whole) if len(w) < 60]
    assert [w for w in short if re.sub(r"\s+", "", w) not in squeezed] == []


def test_the_pdf_is_the_same_every_time() -> None:
    made = Report("t", "s", "m", (Heading("One"), Heading("Two")))
    assert pdf.pdf(made) == pdf.pdf(made)
