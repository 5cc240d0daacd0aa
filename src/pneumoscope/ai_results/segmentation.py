"""The heatmap as fractional Segmentation: data that a program can lay over the film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.pixels.encoders.base import RLELosslessEncoder
from pydicom.uid import RLELossless

from pneumoscope.ai_results import codes
from pneumoscope.ai_results.content_items import coded_item
from pneumoscope.ai_results.encoding import compressed_pixel_data, data_set, file_parts
from pneumoscope.ai_results.equipment import (
    common_elements,
    image_elements,
    parameters,
    reference,
)
from pneumoscope.ai_results.film_result import BURNED_IN, MANUFACTURER
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.ai_results.encoding import Value
    from pneumoscope.ai_results.film_result import FilmResult

_PEAK = 255
_SEGMENT_NUMBER, _SEGMENT_IDENTIFICATION = 0x0062000B, 0x0062000A
"""Tags of Referenced Segment Number and of its functional group."""


def segmentation(result: FilmResult, place: int) -> bytes:
    """The heat of each pixel of the film, 0 to 255; its peak is 255.

    The standard has only PROBABILITY and OCCUPANCY for fractions. PROBABILITY comes nearer, and the
    description says that the heat is relative: it is no probability.
    """
    header = result.header
    heat = result.heat(header.Rows, header.Columns)
    series = data_set(
        SeriesInstanceUID=str(header.SeriesInstanceUID),
        ReferencedInstanceSequence=[reference(result)],
    )
    elements = data_set(
        **common_elements(result, "seg", place, f"{BURNED_IN}: heat as data"),
        **image_elements(result, *heat.shape),
        **_dimensions(result),
        Modality="SEG",
        ImageType=["DERIVED", "PRIMARY"],
        ReferencedSeriesSequence=[series],
        SourceImageSequence=[reference(result)],
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        NumberOfFrames=1,
        LossyImageCompression="00",
        SegmentationType="FRACTIONAL",
        SegmentationFractionalType="PROBABILITY",
        MaximumFractionalValue=_PEAK,
        SegmentsOverlap="NO",
        SegmentSequence=[_segment(result)],
        ContentLabel="HEATMAP",
        ContentDescription="Relative Grad-CAM heat, not a probability",
        PresentationLUTShape="IDENTITY",
    )
    syntax = RLELossless
    begin = file_parts(KINDS["seg"].sop_class_uid, result.uid("seg", "instance"), syntax)
    return b"".join([*begin, elements, *compressed_pixel_data(_compressed(heat))])


def _segment(result: FilmResult) -> bytes:
    """The only segment (PS3.3 C.8.20.4)."""
    named = " ".join(result.prediction.heatmap_class.split())
    algorithm = data_set(
        AlgorithmName=result.model_name,
        AlgorithmFamilyCodeSequence=[coded_item(codes.AI)],
        AlgorithmVersion=result.bundle.meta.version,
        AlgorithmSource=MANUFACTURER,
        AlgorithmParameters=",".join(
            f"p{number}={line}" for number, line in enumerate(parameters(result), 1)
        ),
    )
    return data_set(
        SegmentNumber=1,
        SegmentLabel=f"Heat for {named}"[:64],
        SegmentDescription=f"Relative Grad-CAM heat, not a probability. {NOTICE}",
        SegmentedPropertyCategoryCodeSequence=[coded_item(codes.SPATIAL)],
        SegmentedPropertyTypeCodeSequence=[coded_item(codes.HEATMAP)],
        SegmentAlgorithmType="AUTOMATIC",
        SegmentAlgorithmName=result.model_name,
        SegmentationAlgorithmIdentificationSequence=[algorithm],
        TrackingID="heatmap",
        TrackingUID=result.uid("seg", "segment"),
    )


def _dimensions(result: FilmResult) -> dict[str, Value]:
    """The functional groups of the only frame, and its dimension (PS3.3 C.7.6.16, C.7.6.17)."""
    organization = result.uid("seg", "dimensions")
    index = data_set(
        DimensionOrganizationUID=organization,
        DimensionIndexPointer=[_SEGMENT_NUMBER],
        FunctionalGroupPointer=[_SEGMENT_IDENTIFICATION],
        DimensionDescriptionLabel="Referenced Segment Number",
    )
    source = reference(
        result,
        SpatialLocationsPreserved="YES",
        PurposeOfReferenceCodeSequence=[coded_item(codes.SOURCE_IMAGE)],
    )
    derivation = data_set(
        DerivationCodeSequence=[coded_item(codes.SEGMENTED)], SourceImageSequence=[source]
    )
    shared = data_set(
        SegmentIdentificationSequence=[data_set(ReferencedSegmentNumber=1)],
    )
    frame = data_set(
        DerivationImageSequence=[derivation],
        FrameContentSequence=[data_set(DimensionIndexValues=[1])],
    )
    return {
        "DimensionOrganizationSequence": [data_set(DimensionOrganizationUID=organization)],
        "DimensionIndexSequence": [index],
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": [frame],
    }


def _compressed(heat: NDArray[np.float32]) -> bytes:
    """Heat in [0, 1] as a frame of 8 bits, with RLE."""
    levels = heat * np.float32(_PEAK)
    return RLELosslessEncoder.encode(
        np.rint(levels, out=levels).astype(np.uint8),
        rows=heat.shape[0],
        columns=heat.shape[1],
        samples_per_pixel=1,
        bits_allocated=8,
        bits_stored=8,
        number_of_frames=1,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
    )
