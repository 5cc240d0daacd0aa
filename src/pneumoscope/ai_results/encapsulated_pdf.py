"""The report for people as Encapsulated PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.sr.coding import Code

from pneumoscope.ai_results.content_items import coded_item
from pneumoscope.ai_results.encoding import data_set, file_parts
from pneumoscope.ai_results.equipment import common_elements, reference
from pneumoscope.ai_results.film_result import BURNED_IN
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.ai_results.secondary_capture import overlaid, reduced
from pneumoscope.render import wording
from pneumoscope.render.film_report import PICTURE_PX, FilmReport, report_pdf
from pneumoscope.render.serialise import prediction_to_json

if TYPE_CHECKING:
    from pneumoscope.ai_results.film_result import FilmResult

_TITLE = Code("18748-4", "LN", "Diagnostic imaging study")


def encapsulated_pdf(result: FilmResult, place: int) -> bytes:
    """The report as it is on the server, without the name of the patient."""
    content = pdf_of(result)
    elements = data_set(
        **common_elements(result, "pdf", place, f"{BURNED_IN}: report"),
        Modality="DOC",
        ConversionType="SYN",
        AcquisitionDateTime="",
        BurnedInAnnotation=str(result.header.get("BurnedInAnnotation", "NO")),
        DocumentTitle=BURNED_IN,
        ConceptNameCodeSequence=[coded_item(_TITLE)],
        VerificationFlag="UNVERIFIED",
        SourceInstanceSequence=[reference(result)],
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=content,
        EncapsulatedDocumentLength=len(content),
    )
    begin = file_parts(KINDS["pdf"].sop_class_uid, result.uid("pdf", "instance"))
    return b"".join([*begin, elements])


def pdf_of(result: FilmResult) -> bytes:
    """The report as a PDF file; equal results give equal bytes."""
    p = result.prediction
    drawn = p.heatmap is not None and not result.is_refused
    grey = np.rint(255 * reduced(result.film.pixels, PICTURE_PX).clip(0, 1)).astype(np.uint8)
    page = FilmReport(
        name=BURNED_IN,
        when=result.local.strftime("%Y-%m-%d %H:%M"),
        identifiers=f"Film {result.header.SOPInstanceUID}",
        result=prediction_to_json(p) | {"words": wording.sentences(p)},
        grey=grey,
        overlay=overlaid(result, PICTURE_PX) if drawn else None,
    )
    return report_pdf([page], invariant=True)
