"""The hot regions and the verdict as Grayscale Softcopy Presentation State over the film itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import highdicom as hd
import numpy as np

from pneumoscope.ai_results.equipment import finished, series_of
from pneumoscope.ai_results.film_result import BURNED_IN
from pneumoscope.ai_results.heat_regions import positive_regions
from pneumoscope.ai_results.secondary_capture import band_texts

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pneumoscope.ai_results.film_result import FilmResult


def presentation_state(result: FilmResult, number: int) -> Dataset:
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
        **series_of(result, "gsps", number, f"{BURNED_IN}: outlines"),
    )
    return finished(made, result)
