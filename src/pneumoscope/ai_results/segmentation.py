"""The heatmap as fractional Segmentation: data that a program can lay over the film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import highdicom as hd
import numpy as np
from pydicom.uid import RLELossless

from pneumoscope.ai_results import codes
from pneumoscope.ai_results.equipment import finished, parameters, series_of
from pneumoscope.ai_results.film_result import BURNED_IN, MANUFACTURER
from pneumoscope.render.heatmap import enlarge
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pneumoscope.ai_results.film_result import FilmResult


def segmentation(result: FilmResult, number: int) -> Dataset:
    """The heat of each pixel of the film, 0 to 255; its peak is 255.

    The standard has only PROBABILITY and OCCUPANCY for fractions. PROBABILITY comes nearer, and the
    description says that the heat is relative: it is no probability.
    """
    header, p = result.header, result.prediction
    if p.heatmap is None:
        raise ValueError("the result has no heatmap")
    named = " ".join(p.heatmap_class.split())
    segment = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label=f"Heat for {named}"[:64],
        segmented_property_category=codes.SPATIAL,
        segmented_property_type=codes.HEATMAP,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=result.model_name,
            family=codes.AI,
            version=result.bundle.meta.version,
            source=MANUFACTURER,
            parameters={f"p{i}": text for i, text in enumerate(parameters(result), 1)},
        ),
        tracking_uid=result.uid("seg", "segment"),
        tracking_id="heatmap",
    )
    segment.SegmentDescription = f"Relative Grad-CAM heat, not a probability. {NOTICE}"
    made = hd.seg.Segmentation(
        source_images=[header],
        pixel_array=enlarge(p.heatmap, header.Rows, header.Columns)[None].astype(np.float32),
        segmentation_type=hd.seg.SegmentationTypeValues.FRACTIONAL,
        fractional_type=hd.seg.SegmentationFractionalTypeValues.PROBABILITY,
        max_fractional_value=255,
        segment_descriptions=[segment],
        content_label="HEATMAP",
        content_description="Relative Grad-CAM heat, not a probability",
        transfer_syntax_uid=RLELossless,
        omit_empty_frames=False,
        **series_of(result, "seg", number, f"{BURNED_IN}: heat as data"),
    )
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = result.uid("seg", "dimensions")
    return finished(made, result)
