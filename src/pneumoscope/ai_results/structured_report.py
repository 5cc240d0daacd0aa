"""The result as Comprehensive 3D SR: TID 1500 "Measurement Report" with TID 4019 (PS3.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.ai_results import codes
from pneumoscope.ai_results.content_items import (
    CONTAINS,
    CONTEXT,
    MODIFIER,
    coded,
    coded_item,
    container,
    image,
    number,
    polyline,
    template_item,
    text,
    uid_reference,
)
from pneumoscope.ai_results.encoding import data_set, file_parts
from pneumoscope.ai_results.equipment import (
    common_elements,
    identifying_parameters,
    parameters,
    reference,
)
from pneumoscope.ai_results.film_result import BURNED_IN, MANUFACTURER
from pneumoscope.ai_results.heat_regions import positive_regions
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.ai_results.questions import questions_of
from pneumoscope.ai_results.reasons import coded_reasons, comments
from pneumoscope.render import wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.ai_results.film_result import FilmResult
    from pneumoscope.ai_results.questions import Question

_GROUP, _PLANAR_GROUP = "1501", "1410"
"""Templates of groups of measurements, without and with a region."""


def structured_report(result: FilmResult, place: int) -> bytes:
    """The verdict, each probability and the hot regions, or that and why there is no verdict."""
    groups = [_verdict(result)]
    if not result.is_refused:
        groups += [_question(result, question) for question in questions_of(result)]
        groups += _regions(result)
    document = data_set(
        **common_elements(result, "sr", place, f"{BURNED_IN}: result"),
        Modality="SR",
        ReferencedPerformedProcedureStepSequence=[],
        PerformedProcedureCodeSequence=[],
        CurrentRequestedProcedureEvidenceSequence=[_evidence(result)],
        CompletionFlag="COMPLETE",
        VerificationFlag="UNVERIFIED",
        PreliminaryFlag="PRELIMINARY",
        ValueType="CONTAINER",
        ConceptNameCodeSequence=[coded_item(codes.REPORT)],
        ContinuityOfContent="CONTINUOUS",
        ContentTemplateSequence=[template_item("1500")],
        ContentSequence=[
            coded(MODIFIER, codes.LANGUAGE, codes.ENGLISH),
            *_observer(result),
            coded(MODIFIER, codes.PROCEDURE, codes.CHEST_FILM),
            container(codes.MEASUREMENTS, groups),
        ],
    )
    return b"".join(
        [*file_parts(KINDS["sr"].sop_class_uid, result.uid("sr", "instance")), document]
    )


def _evidence(result: FilmResult) -> bytes:
    """The film as an item of the evidence (PS3.3 C.17.2)."""
    series = data_set(
        SeriesInstanceUID=str(result.header.SeriesInstanceUID),
        ReferencedSOPSequence=[reference(result)],
    )
    return data_set(
        StudyInstanceUID=str(result.header.StudyInstanceUID), ReferencedSeriesSequence=[series]
    )


def _observer(result: FilmResult) -> list[bytes]:
    """The bundle as the observer (TID 1004)."""
    return [
        coded(CONTEXT, codes.OBSERVER_TYPE, codes.DEVICE),
        uid_reference(CONTEXT, codes.OBSERVER_UID, result.device_uid),
        text(CONTEXT, codes.OBSERVER_NAME, result.model_name),
        text(CONTEXT, codes.OBSERVER_MANUFACTURER, MANUFACTURER),
        text(CONTEXT, codes.OBSERVER_MODEL, result.model_name),
        text(CONTEXT, codes.OBSERVER_SERIAL_NUMBER, result.bundle.sha256),
    ]


def _algorithm(result: FilmResult, settings: Sequence[str]) -> list[bytes]:
    """The bundle as the algorithm (TID 4019)."""
    return [
        text(MODIFIER, codes.ALGORITHM_NAME, result.model_name),
        text(MODIFIER, codes.ALGORITHM_VERSION, result.bundle.meta.version),
        text(MODIFIER, codes.ALGORITHM_MANUFACTURER, MANUFACTURER),
        *(text(MODIFIER, codes.ALGORITHM_PARAMETERS, line) for line in settings),
        coded(MODIFIER, codes.ALGORITHM_FAMILY, codes.AI),
    ]


def _tracking(result: FilmResult, what: str) -> list[bytes]:
    return [
        text(CONTEXT, codes.TRACKING_NAME, what),
        uid_reference(CONTEXT, codes.TRACKING_UID, result.uid("sr", what)),
    ]


def _verdict(result: FilmResult) -> bytes:
    """The first group: the verdict, its coded reasons, and the sentences for people."""
    p = result.prediction
    evaluations = [coded(CONTAINS, codes.VERDICT, codes.verdict(p))]
    if (summary := codes.summary(p)) is not None:
        evaluations.append(coded(CONTAINS, codes.SUMMARY, summary))
    evaluations += _marks(result)
    evaluations += [coded(CONTAINS, name, value) for name, value in coded_reasons(p)]
    return container(
        codes.GROUP,
        [
            *_tracking(result, "verdict"),
            *_algorithm(result, parameters(result)),
            *evaluations,
            *(text(CONTAINS, codes.COMMENT, sentence) for sentence in comments(p)),
        ],
        _GROUP,
    )


def _marks(result: FilmResult) -> list[bytes]:
    """What sets the verdict apart, for each group: a program may read one without the others."""
    marks = wording.marks(result.prediction)
    return [coded(CONTAINS, codes.MARK, codes.private_code(mark)) for mark in marks]


def _question(result: FilmResult, question: Question) -> bytes:
    """The group of one class or finding: its probability, and whether it is there."""
    presence = [] if question.presence is None else [question.presence]
    probability = number(
        codes.PROBABILITY,
        round(100 * question.probability, 2),
        codes.PERCENT,
        _algorithm(result, identifying_parameters(result)),
    )
    return container(
        codes.GROUP,
        [
            *_tracking(result, f"probability of {question.name}"),
            coded(CONTAINS, codes.FINDING, question.concept),
            probability,
            *(coded(CONTAINS, codes.PRESENCE, p) for p in presence),
            *_marks(result),
        ],
        _GROUP,
    )


def _regions(result: FilmResult) -> list[bytes]:
    """The hot regions of a positive verdict as outlines on the source image (TID 1410)."""
    film = image("SELECTED FROM", codes.SOURCE, reference(result))
    return [
        container(
            codes.GROUP,
            [
                *_tracking(result, f"heat {place}"),
                coded(CONTAINS, codes.FINDING, codes.finding(result.prediction.heatmap_class)),
                coded(CONTAINS, codes.METHOD, codes.HEATMAP),
                *_algorithm(result, identifying_parameters(result)),
                polyline(codes.REGION, outline, film),
                *_marks(result),
            ],
            _PLANAR_GROUP,
        )
        for place, outline in enumerate(positive_regions(result), 1)
    ]
