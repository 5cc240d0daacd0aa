"""The report in its DICOM object."""

from __future__ import annotations

import io

import pytest

from pneumoscope.ai_results.encapsulated_pdf import pdf_of
from pneumoscope.bundle import Bundle
from pneumoscope.render.serialise import NOTICE
from result_films import NAME, NUMBER, UIDS, made, result_of

pypdf = pytest.importorskip("pypdf")


def test_it_reads_as_text_and_names_nobody(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    document = made(result, "pdf")
    content = document.EncapsulatedDocument[: document.EncapsulatedDocumentLength]
    [page] = pypdf.PdfReader(io.BytesIO(content)).pages
    text = page.extract_text()
    for words in ("PNEUMONIA", "AI - not for diagnosis", NOTICE, UIDS["SOPInstanceUID"], "tiny"):
        assert words in text
    for secret in (*NAME.split("^"), NUMBER, "TOR"):
        assert secret.encode() not in content
        assert secret not in text
    assert len(page.images) == 2


def test_its_header(tiny_bundle: Bundle) -> None:
    document = made(result_of(tiny_bundle), "pdf")
    assert document.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert (document.Modality, document.BurnedInAnnotation) == ("DOC", "NO")
    [source] = document.SourceInstanceSequence
    assert source.ReferencedSOPInstanceUID == UIDS["SOPInstanceUID"]


def test_equal_results_give_equal_bytes(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    assert pdf_of(result) == pdf_of(result)
