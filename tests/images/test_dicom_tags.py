"""Every tag by its name in the dictionary of the standard."""

from __future__ import annotations

import pytest
from pydicom.datadict import keyword_for_tag

from pneumoscope.images import dicom_tags as tags

KEYWORDS = {
    "SOP_CLASS": "SOPClassUID",
    "MODALITY": "Modality",
    "INTENT": "PresentationIntentType",
    "AGE": "PatientAge",
    "BODY_PART": "BodyPartExamined",
    "IMAGER_SPACING": "ImagerPixelSpacing",
    "VIEW": "ViewPosition",
    "ORIENTATION": "PatientOrientation",
    "SERIES_LATERALITY": "Laterality",
    "LATERALITY": "ImageLaterality",
    "SAMPLES": "SamplesPerPixel",
    "PHOTOMETRIC": "PhotometricInterpretation",
    "PLANAR": "PlanarConfiguration",
    "FRAMES": "NumberOfFrames",
    "ROWS": "Rows",
    "COLUMNS": "Columns",
    "SPACING": "PixelSpacing",
    "ALLOCATED": "BitsAllocated",
    "STORED": "BitsStored",
    "HIGH_BIT": "HighBit",
    "SIGNED": "PixelRepresentation",
    "PADDING": "PixelPaddingValue",
    "PADDING_LIMIT": "PixelPaddingRangeLimit",
    "CENTER": "WindowCenter",
    "WIDTH": "WindowWidth",
    "INTERCEPT": "RescaleIntercept",
    "SLOPE": "RescaleSlope",
    "FUNCTION": "VOILUTFunction",
    "MODALITY_LUTS": "ModalityLUTSequence",
    "VOI_LUTS": "VOILUTSequence",
    "SHAPE": "PresentationLUTShape",
    "LUT_DESCRIPTOR": "LUTDescriptor",
    "LUT_NAME": "LUTExplanation",
    "LUT_DATA": "LUTData",
    "WINDOW_NAMES": "WindowCenterWidthExplanation",
    "SHARED_GROUPS": "SharedFunctionalGroupsSequence",
    "FRAME_GROUPS": "PerFrameFunctionalGroupsSequence",
}


@pytest.mark.parametrize(("name", "keyword"), KEYWORDS.items())
def test_a_tag_is_what_its_name_says(name: str, keyword: str) -> None:
    assert keyword_for_tag(getattr(tags, name)) == keyword


def test_no_tag_is_without_its_keyword() -> None:
    single = {name for name in vars(tags) if name.isupper() and isinstance(vars(tags)[name], int)}
    assert single == KEYWORDS.keys()


def test_palettes_and_pixels() -> None:
    colours = ("Red", "Green", "Blue")
    assert [keyword_for_tag(tag) for tag in tags.PALETTES] == [
        *(f"{colour}PaletteColorLookupTableDescriptor" for colour in colours),
        *(f"{colour}PaletteColorLookupTableData" for colour in colours),
        *(f"Segmented{colour}PaletteColorLookupTableData" for colour in colours),
    ]
    assert [keyword_for_tag(tag) for tag in tags.PIXELS] == [
        "FloatPixelData", "DoubleFloatPixelData", "PixelData",
    ]  # fmt: skip
