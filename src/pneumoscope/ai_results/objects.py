"""Makes the objects of a result: the one table of their kinds, for all who write or send them."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.uid import SecondaryCaptureImageStorage

from pneumoscope.ai_results import (
    encapsulated_pdf,
    fhir,
    presentation_state,
    secondary_capture,
    segmentation,
    structured_report,
)
from pneumoscope.ai_results.errors import ObjectNotMade
from pneumoscope.ai_results.kinds import FHIR, KINDS, PICTURES
from pneumoscope.images.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from pneumoscope.ai_results.film_result import FilmResult

_log = logging.getLogger(__name__)

_MAKERS: dict[str, Callable[[FilmResult, int], bytes]] = {
    "sr": structured_report.structured_report,
    "sc": secondary_capture.secondary_capture,
    "seg": segmentation.segmentation,
    "gsps": presentation_state.presentation_state,
    "pdf": encapsulated_pdf.encapsulated_pdf,
}
_MULTI_FRAME = f"{SecondaryCaptureImageStorage}."
"""Begins the SOP classes of multi-frame Secondary Capture (PS3.4 B.5)."""


@dataclass(frozen=True, slots=True, eq=False)
class ResultObject:
    """One object of a result.

    Attributes:
        kind: One of `kinds.KINDS`.
        content: The bytes of its file; empty if it was not made.
        sop_class_uid: Its SOP Class UID; empty for FHIR and if it was not made.
        sop_instance_uid: Its SOP Instance UID, likewise.
        not_made: Why it was not made, for people; empty if it was.
    """

    kind: str
    content: bytes = b""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    not_made: str = ""


def objects_of(
    result: FilmResult, kinds: Collection[str], *, fhir_version: str = fhir.R5
) -> Iterator[ResultObject]:
    """Makes objects, one after the other, in the order of `kinds.KINDS`.

    Args:
        result: The result.
        kinds: Which kinds of objects.
        fhir_version: One of `fhir.VERSIONS`.
    """
    for place, kind in enumerate(KINDS):
        if kind not in kinds:
            continue
        if reason := why_not(result, kind):
            yield ResultObject(kind, not_made=reason)
        elif KINDS[kind].ending == FHIR:
            resource = fhir.bundle_of(result, fhir_version)
            yield ResultObject(kind, (json.dumps(resource, indent=2) + "\n").encode())
        else:
            yield ResultObject(
                kind=kind,
                content=_made(result, kind, place),
                sop_class_uid=KINDS[kind].sop_class_uid,
                sop_instance_uid=result.uid(kind, "instance"),
            )


def _made(result: FilmResult, kind: str, place: int) -> bytes:
    """The file of an object."""
    try:
        with quiet():
            return _MAKERS[kind](result, place)
    except Exception as error:
        # A message of the library may quote the film's header.
        _log.debug("the object %s of a result cannot be made", kind, exc_info=True)
        raise ObjectNotMade(result.name, kind, error) from error


def why_not(result: FilmResult, kind: str) -> str:
    """Why an object of this kind cannot be made of a result; empty if it can."""
    if kind in PICTURES and result.is_refused:
        return "the film was refused, so there is nothing to show on it"
    if kind in ("sc", "seg") and result.prediction.heatmap is None:
        return _lower(result.why_no_heatmap)
    if kind == "seg" and result.why_no_heatmap:
        return _lower(result.why_no_heatmap)
    if kind == "seg" and result.header.SOPClassUID.startswith(_MULTI_FRAME):
        return "the film is a multi-frame object, which a segmentation cannot refer to by pixel"
    if kind == "gsps" and result.header.get("SamplesPerPixel", 1) != 1:
        return "the film is stored in colour, and a grayscale presentation state cannot refer to it"
    return ""


def _lower(sentence: str) -> str:
    return f"{sentence[:1].lower()}{sentence[1:]}"
