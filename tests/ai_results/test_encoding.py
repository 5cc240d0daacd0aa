"""Data sets as bytes: what pydicom reads from them, and that it would write the same."""

from __future__ import annotations

import io

import pytest
from pydicom import Dataset, dcmread
from pydicom.filewriter import dcmwrite
from pydicom.uid import RLELossless

from pneumoscope.ai_results.encoding import (
    compressed_pixel_data,
    data_set,
    file_parts,
    pixel_data,
)

CLASS, INSTANCE = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
VALUES = {
    "PatientName": "Wang^XiaoDong=王^小東",
    "SoftwareVersions": ["a", "bc"],
    "SeriesNumber": 9100,
    "NumericValue": "99.13",
    "Rows": 65535,
    "DimensionIndexValues": [1, 2],
    "GraphicData": [0.5, -1.25, 3.0, 4.0],
    "FloatingPointValue": 99.13,
    "DimensionIndexPointer": 0x0062000B,
    "TextValue": "x" * 70000,
    "SpecificCharacterSet": "ISO_IR 192",
    "StudyID": "",
    "LongCodeValue": "x" * 70001,
    "URNCodeValue": "urn:x",
    "EncapsulatedDocument": b"%PDF",
}
"""Of every kind of VR; in no order."""


def read(*parts: bytes | memoryview, **options: str) -> Dataset:
    return dcmread(io.BytesIO(b"".join([*file_parts(CLASS, INSTANCE, **options), *parts])))


def test_it_is_what_pydicom_writes() -> None:
    expected = Dataset()
    for keyword, value in VALUES.items():
        setattr(expected, keyword, value)
    stream = io.BytesIO()
    dcmwrite(stream, expected, implicit_vr=False, little_endian=True)
    assert data_set(**VALUES) == stream.getvalue()


def test_sequences_and_odd_lengths() -> None:
    inner = data_set(CodeValue="abc", ReferencedSOPInstanceUID="1.2.3")
    made = read(data_set(ConceptCodeSequence=[inner, b""], ContentSequence=[], PatientID="odd"))
    assert (made.ConceptCodeSequence[0].CodeValue, made.PatientID) == ("abc", "odd")
    assert made.ConceptCodeSequence[0].ReferencedSOPInstanceUID == "1.2.3"
    assert (len(made.ConceptCodeSequence), len(made.ContentSequence)) == (2, 0)
    assert made.file_meta.MediaStorageSOPInstanceUID == INSTANCE
    assert made.file_meta.FileMetaInformationGroupLength == sum(
        element.tag.element > 0 and 8 + 4 * (element.VR == "OB") + len(padded(element.value))
        for element in made.file_meta
    )


def padded(value: object) -> bytes:
    text = value if isinstance(value, bytes) else str(value).encode()
    return text + b"\0" * (len(text) % 2)


def test_pixels() -> None:
    assert read(*pixel_data(memoryview(b"\1\2\3\4"))).PixelData == b"\1\2\3\4"
    frame = read(*compressed_pixel_data(b"\1\2\3"), syntax=RLELossless).PixelData
    # An empty offset table, then the frame with a byte of padding (PS3.5 A.4).
    assert frame == b"\xfe\xff\0\xe0\0\0\0\0" + b"\xfe\xff\0\xe0\4\0\0\0" + b"\1\2\3\0"


def test_what_cannot_be_encoded_is_an_error() -> None:
    with pytest.raises(ValueError, match="00104000 is too long"):
        data_set(PatientComments="x" * 65535)
    with pytest.raises(KeyError, match="PatientNme"):
        data_set(PatientNme="x")
