"""The report for people as Encapsulated PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import highdicom as hd
import numpy as np
from pydicom.sr.coding import Code
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from pneumoscope.ai_results.equipment import finished, series_of
from pneumoscope.ai_results.film_result import BURNED_IN
from pneumoscope.ai_results.secondary_capture import overlaid, reduced, source_image
from pneumoscope.render import wording
from pneumoscope.render.film_report import PICTURE_PX, FilmReport, report_pdf
from pneumoscope.render.serialise import prediction_to_json

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pneumoscope.ai_results.film_result import FilmResult

_TITLE = Code("18748-4", "LN", "Diagnostic imaging study")


def encapsulated_pdf(result: FilmResult, number: int) -> Dataset:
    """The report as it is on the server, without the name of the patient."""
    header = result.header
    arguments = series_of(result, "pdf", number, f"{BURNED_IN}: report")
    equipment = arguments.pop("contributing_equipment")
    patient = {
        "patient_id": header.PatientID,
        "patient_name": header.PatientName,
        "patient_birth_date": header.PatientBirthDate,
        "patient_sex": header.PatientSex,
        "accession_number": header.AccessionNumber,
        "study_id": header.StudyID,
        "study_date": header.StudyDate or None,
        "study_time": header.StudyTime or None,
        "referring_physician_name": header.ReferringPhysicianName,
    }
    made = hd.base.SOPClass(
        study_instance_uid=header.StudyInstanceUID,
        sop_class_uid=EncapsulatedPDFStorage,
        modality="DOC",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **patient,
        **arguments,
    )
    made.copy_patient_and_study_information(header)
    made.ContributingEquipmentSequence = equipment
    made.ConversionType = "SYN"
    made.AcquisitionDateTime = None
    made.BurnedInAnnotation = header.get("BurnedInAnnotation", "NO")
    made.DocumentTitle = BURNED_IN
    made.ConceptNameCodeSequence = [hd.sr.CodedConcept.from_code(_TITLE)]
    made.VerificationFlag = "UNVERIFIED"
    source = source_image(result)
    del source.PurposeOfReferenceCodeSequence
    made.SourceInstanceSequence = [source]
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    content = pdf_of(result)
    made.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    made.EncapsulatedDocumentLength = len(content)
    return finished(made, result)


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
