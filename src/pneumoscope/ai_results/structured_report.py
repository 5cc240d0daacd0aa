"""The result as Comprehensive 3D SR: TID 1500 "Measurement Report" with TID 4019 (PS3.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import highdicom as hd
from highdicom.sr import (
    AlgorithmIdentification,
    DeviceObserverIdentifyingAttributes,
    ImageRegion,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.sr.codedict import codes as dicom_codes

from pneumoscope.ai_results import codes
from pneumoscope.ai_results.equipment import (
    finished,
    identifying_parameters,
    parameters,
    series_of,
)
from pneumoscope.ai_results.film_result import BURNED_IN, MANUFACTURER
from pneumoscope.ai_results.heat_regions import positive_regions
from pneumoscope.ai_results.questions import questions_of
from pneumoscope.ai_results.reasons import coded_reasons, comments
from pneumoscope.render import wording

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pneumoscope.ai_results.film_result import FilmResult
    from pneumoscope.ai_results.questions import Question


def structured_report(result: FilmResult, number: int) -> Dataset:
    """The verdict, each probability and the hot regions, or that and why there is no verdict."""
    header = result.header
    groups = [_verdict(result)]
    if not result.is_refused:
        groups += [_question(result, question) for question in questions_of(result)]
        groups += _regions(result)
    content = MeasurementReport(
        observation_context=_observer(result),
        procedure_reported=codes.CHEST_FILM,
        imaging_measurements=groups,
        title=dicom_codes.DCM.ImagingMeasurementReport,
        referenced_images=None,
    )
    made = hd.sr.Comprehensive3DSR(
        evidence=[header],
        content=content[0],
        is_complete=True,
        is_final=False,
        is_verified=False,
        **series_of(result, "sr", number, f"{BURNED_IN}: result"),
    )
    return finished(made, result)


def _observer(result: FilmResult) -> ObservationContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=result.device_uid,
        name=result.model_name,
        manufacturer_name=MANUFACTURER,
        model_name=result.model_name,
        serial_number=result.bundle.sha256,
    )
    context = ObserverContext(
        observer_type=dicom_codes.DCM.Device, observer_identifying_attributes=device
    )
    return ObservationContext(observer_device_context=context)


def _algorithm(result: FilmResult, settings: list[str]) -> AlgorithmIdentification:
    return AlgorithmIdentification(
        name=result.model_name,
        version=result.bundle.meta.version,
        parameters=settings,
        family=codes.AI,
        manufacturer=MANUFACTURER,
    )


def _tracking(result: FilmResult, what: str) -> TrackingIdentifier:
    return TrackingIdentifier(uid=result.uid("sr", what), identifier=what)


def _verdict(result: FilmResult) -> Any:
    """The first group: the verdict, its coded reasons, and the sentences for people."""
    p = result.prediction
    evaluations = [QualitativeEvaluation(codes.VERDICT, codes.verdict(p))]
    if (summary := codes.summary(p)) is not None:
        evaluations.append(QualitativeEvaluation(codes.SUMMARY, summary))
    evaluations += _marks(result)
    evaluations += [QualitativeEvaluation(name, value) for name, value in coded_reasons(p)]
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(result, "verdict"),
        algorithm_id=_algorithm(result, parameters(result)),
        qualitative_evaluations=evaluations,
    )
    for sentence in comments(p):
        group[0].ContentSequence.append(
            TextContentItem(
                name=codes.COMMENT,
                value=sentence,
                relationship_type=hd.sr.RelationshipTypeValues.CONTAINS,
            )
        )
    return group


def _marks(result: FilmResult) -> list[Any]:
    """What sets the verdict apart, for each group: a program may read one without the others."""
    marks = wording.marks(result.prediction)
    return [QualitativeEvaluation(codes.MARK, codes.own(mark)) for mark in marks]


def _question(result: FilmResult, question: Question) -> Any:
    """The group of one class or finding: its probability, and whether it is there."""
    presence = [] if question.presence is None else [question.presence]
    probability = Measurement(
        name=codes.PROBABILITY,
        value=round(100 * question.probability, 2),
        unit=codes.PERCENT,
        algorithm_id=_algorithm(result, identifying_parameters(result)),
    )
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(result, f"probability of {question.name}"),
        finding_type=question.concept,
        measurements=[probability],
        qualitative_evaluations=[
            *(QualitativeEvaluation(codes.PRESENCE, p) for p in presence),
            *_marks(result),
        ],
    )


def _regions(result: FilmResult) -> list[Any]:
    """The hot regions of a positive verdict as outlines on the source image (TID 1410)."""
    header, p = result.header, result.prediction
    image = SourceImageForRegion(
        referenced_sop_class_uid=header.SOPClassUID,
        referenced_sop_instance_uid=header.SOPInstanceUID,
    )
    return [
        PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracking(result, f"heat {number}"),
            referenced_region=ImageRegion(
                graphic_type=hd.sr.GraphicTypeValues.POLYLINE,
                graphic_data=outline,
                source_image=image,
            ),
            finding_type=codes.finding(p.heatmap_class),
            method=codes.HEATMAP,
            algorithm_id=_algorithm(result, identifying_parameters(result)),
            qualitative_evaluations=_marks(result),
        )
        for number, outline in enumerate(positive_regions(result), 1)
    ]
