"""The report as PDF."""

from __future__ import annotations

import io

import pytest

from grey_films import BRIGHT
from live import Live
from pneumoscope.render.serialise import NOTICE


def test_the_report_reads_as_text(live: Live) -> None:
    pypdf = pytest.importorskip("pypdf")
    record = live.read(BRIGHT)[0]
    content = live.client.get(record["links"]["pdf"]).content
    text = pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text()
    texts = ("PNEUMONIA", "bright.png", NOTICE, "operating point balanced", "tiny", record["id"])
    for words in (*texts, record["film"]["sha256"][:16]):
        assert words in text
    record = live.read(("Ząb 肺.png", BRIGHT[1]))[0]
    content = live.client.get(record["links"]["pdf"]).content
    assert "Ząb ?.png" in pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text()


def test_the_report_in_german(live: Live) -> None:
    pypdf = pytest.importorskip("pypdf")
    record = live.read(BRIGHT)[0]
    content = live.client.get(f"{record['links']['pdf']}?language=de").content
    document = pypdf.PdfReader(io.BytesIO(content))
    assert document.metadata.title == "Bericht zur Thoraxaufnahme"
    text = document.pages[0].extract_text()
    german = ("PNEUMONIE", "Nur für Forschungszwecke", "Arbeitspunkt ausgewogen", "Seite 1", "UTC")
    for words in german:
        assert words in text
    assert record["created"][:10] not in text
