"""Content items: what highdicom reads from them."""

from __future__ import annotations

import io

import highdicom as hd
import numpy as np
from pydicom import dcmread
from pydicom.sr.coding import Code

from pneumoscope.ai_results import codes, content_items
from pneumoscope.ai_results.encoding import data_set
from pneumoscope.bundle import Bundle
from result_films import made, result_of


def test_highdicom_reads_the_report(tiny_bundle: Bundle) -> None:
    """Its reader checks value types, relationships and templates, and finds groups by their tracking."""
    result = result_of(tiny_bundle)
    report = hd.sr.Comprehensive3DSR.from_dataset(made(result, "sr"), copy=False)
    groups = report.content.get_image_measurement_groups()
    [probability] = groups[1].get_measurements()
    assert probability.unit == codes.PERCENT
    assert groups[1].tracking_uid == result.uid("sr", "probability of PNEUMONIA")
    assert groups[1].finding_type == codes.finding("PNEUMONIA")
    [region] = report.content.get_planar_roi_measurement_groups()
    assert region.roi.value[0].tolist() == region.roi.value[-1].tolist()


def test_items() -> None:
    name = Code("1", "99X", "name")
    film = data_set(ReferencedSOPInstanceUID="1.2.3")
    children = [
        content_items.text(content_items.CONTEXT, name, "text"),
        content_items.uid_reference(content_items.CONTEXT, name, "1.2"),
        content_items.number(name, 99.5, codes.PERCENT, []),
        content_items.polyline(
            name,
            np.array([[1.5, 2.0], [3.0, 4.0]]),
            content_items.image("SELECTED FROM", name, film),
        ),
    ]
    whole = data_set(ContentSequence=[content_items.container(name, children, "1501")])
    read = dcmread(io.BytesIO(whole), force=True)
    [group] = read.ContentSequence
    text, uid, number, polyline = group.ContentSequence
    assert group.ContentTemplateSequence[0].TemplateIdentifier == "1501"
    assert (text.TextValue, uid.UID, text.RelationshipType) == ("text", "1.2", "HAS OBS CONTEXT")
    assert float(number.MeasuredValueSequence[0].NumericValue) == 99.5
    assert polyline.GraphicData == [1.5, 2.0, 3.0, 4.0]
    [source] = polyline.ContentSequence
    assert source.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3"
    assert source.RelationshipType == "SELECTED FROM"
