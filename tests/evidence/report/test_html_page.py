"""A report as one HTML file."""

from __future__ import annotations

import re

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)


from pneumoscope.evidence.report.blocks import (
    Report,
    words_of,
)
from report_pages import parsed


def test_the_page_stands_alone_and_contains_every_word(whole: Report) -> None:
    page = parsed(whole)
    assert page.open == []
    assert page.sources
    assert all(source.startswith("data:image/") for source in page.sources)
    text = " ".join(page.text)
    squeezed = re.sub(r"\s+", " ", text)
    missing = [w for w in words_of(whole) if re.sub(r"\s+", " ", w) not in squeezed]
    assert missing == []
