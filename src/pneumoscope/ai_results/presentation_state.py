"""The hot regions and the verdict as Grayscale Softcopy Presentation State over the film itself."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import highdicom as hd
import numpy as np

from pneumoscope.ai_results import codes
from pneumoscope.ai_results.encoding import CHARACTER_SET
from pneumoscope.ai_results.equipment import FIRST_SERIES, contribution_description
from pneumoscope.ai_results.film_result import BURNED_IN, MANUFACTURER
from pneumoscope.ai_results.heat_regions import positive_regions
from pneumoscope.ai_results.secondary_capture import band_texts

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pneumoscope.ai_results.film_result import FilmResult


def presentation_state(result: FilmResult, place: int) -> bytes:
    """Outlines of the hot regions of a positive verdict, and two lines of text in the corner."""
    header = result.header
    layer = hd.pr.GraphicLayer(
        layer_name="AI",
        order=1,
        description=BURNED_IN,
        display_color=hd.color.CIELabColor(85, 20, 70),
    )
    outlines = [
        hd.pr.GraphicObject(
            graphic_type=hd.pr.GraphicTypeValues.POLYLINE,
            # Graphic annotations count pixels from 1 (PS3.3 C.10.5.1.2).
            graphic_data=np.clip(outline + 0.5, 1, [header.Columns, header.Rows]),
            units=hd.pr.AnnotationUnitsValues.PIXEL,
        )
        for outline in positive_regions(result)
    ]
    texts = [
        hd.pr.TextObject(
            text_value=text,
            units=hd.pr.AnnotationUnitsValues.DISPLAY,
            bounding_box=(0.02, top, 0.98, top + 0.04),
            text_justification=hd.pr.TextJustificationValues.LEFT,
        )
        for text, top in zip(band_texts(result), (0.02, 0.06), strict=True)
    ]
    annotation = hd.pr.GraphicAnnotation(
        referenced_images=[header],
        graphic_layer=layer,
        graphic_objects=outlines or None,
        text_objects=texts,
    )
    inverse = header.get("PhotometricInterpretation") == "MONOCHROME1"
    shape = "INVERSE" if inverse or header.get("PresentationLUTShape") == "INVERSE" else "IDENTITY"
    made = hd.pr.GrayscaleSoftcopyPresentationState(
        referenced_images=[header],
        content_label="AI RESULT",
        content_description=BURNED_IN,
        graphic_annotations=[annotation],
        graphic_layers=[layer],
        presentation_lut_transformation=hd.PresentationLUTTransformation(
            presentation_lut_shape=shape
        ),
        **_series(result, place),
    )
    _finish(made, result)
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _series(result: FilmResult, place: int) -> dict[str, Any]:
    """The arguments by which highdicom knows series, instance and equipment."""
    return {
        "series_instance_uid": result.uid("gsps", "series"),
        "series_number": FIRST_SERIES + place,
        "series_description": f"{BURNED_IN}: outlines",
        "sop_instance_uid": result.uid("gsps", "instance"),
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": result.model_name,
        "software_versions": result.software_versions,
        "device_serial_number": result.bundle.sha256,
        "contributing_equipment": [_contribution(result)],
    }


def _contribution(result: FilmResult) -> hd.ContributingEquipment:
    """The bundle, see `equipment`."""
    item = hd.ContributingEquipment(
        manufacturer=MANUFACTURER,
        purpose_of_reference=codes.PROCESSING,
        manufacturer_model_name=result.model_name,
        software_versions=result.software_versions,
        device_serial_number=result.bundle.sha256,
        contribution_datetime=result.local.replace(tzinfo=None),
        contribution_description=contribution_description(result),
    )
    item.DeviceUID = result.device_uid
    return item


def _finish(made: Dataset, result: FilmResult) -> None:
    """Sets what highdicom has no parameter for, and the time of the result in place of the current one."""
    made.SpecificCharacterSet = CHARACTER_SET
    date, time = result.local.strftime("%Y%m%d"), result.local.strftime("%H%M%S")
    made.InstanceCreationDate, made.InstanceCreationTime = date, time
    made.SeriesDate, made.SeriesTime = date, time
    made.PresentationCreationDate, made.PresentationCreationTime = date, time
    for item in made.ContributingEquipmentSequence:  # highdicom adds itself, now
        item.ContributionDateTime = result.local.replace(tzinfo=None)
    if "TimezoneOffsetFromUTC" in result.header:
        made.TimezoneOffsetFromUTC = result.header.TimezoneOffsetFromUTC
    made.DeviceUID = result.device_uid
    made.BodyPartExamined = result.header.get("BodyPartExamined", "CHEST")
