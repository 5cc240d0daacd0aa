"""The identity of a film, from a file and from an association."""

from __future__ import annotations

import io

import numpy as np
import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pneumoscope.errors import DeflatedDicom, UnreadableImage
from pneumoscope.pacs.film_header import FilmHeader, header_of_data_set, header_of_file
from sent_films import CR, PLANTED, file_of, sent

EXPECTED = FilmHeader(
    sop_class=CR, sop_instance="1.2.3.4.7", study="1.2.3.5.7", patient=PLANTED[1], priority=0
)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_a_data_set_says_which_film_it_is(syntax: str) -> None:
    stream = DicomBytesIO()
    stream.is_implicit_VR = syntax == ImplicitVRLittleEndian
    stream.is_little_endian = syntax != ExplicitVRBigEndian
    write_dataset(stream, sent(7))
    assert header_of_data_set(io.BytesIO(stream.getvalue()), syntax) == EXPECTED


def test_a_file_says_which_film_it_is() -> None:
    assert header_of_file(file_of(sent(7))) == EXPECTED


@pytest.mark.parametrize(
    ("given", "priority"), [("STAT", 2), ("high", 1), ("LOW", -1), ("NONSENSE", 0)]
)
def test_urgent_films_go_first(given: str, priority: int) -> None:
    film = sent(RequestedProcedurePriority=given)
    assert header_of_file(file_of(film)).priority == priority


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"StudyInstanceUID": None}, "it has no StudyInstanceUID"),
        ({"SeriesInstanceUID": ""}, "it has no SeriesInstanceUID"),
        ({"SOPInstanceUID": "../../etc"}, "it has no SOPInstanceUID"),
        ({"Manufacturer": "pneumoscope"}, "it is a result of pneumoscope"),
        ({"PixelData": None}, "it has no pixels"),
        ({"Rows": None}, "it has no pixels"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")  # of writing a UID that is none
def test_a_film_that_says_too_little_is_not_understood(
    elements: dict[str, object], reason: str
) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        header_of_file(file_of(sent(**elements)))


def test_a_deflated_file_is_not_inflated() -> None:
    data = file_of(sent())
    place = data.index(b"\x02\x00\x10\x00UI") + 8
    longer = (22).to_bytes(2, "little") + b"1.2.840.10008.1.2.1.99"
    with pytest.raises(DeflatedDicom):
        header_of_file(data[: place - 2] + longer + data[place + 20 :])


def test_damaged_bytes_are_not_understood() -> None:
    data, draw = file_of(sent()), np.random.default_rng(7)
    for length in draw.integers(0, len(data) - 240 * 240 - 12, 30):
        with pytest.raises(UnreadableImage):
            header_of_file(data[:length])
    for _ in range(100):
        damaged = bytearray(data)
        for place in draw.integers(132, 800, 8):
            damaged[place] = draw.integers(256)
        try:
            header = header_of_file(bytes(damaged))
        except UnreadableImage:
            continue
        assert set(header.sop_instance + header.study) <= set("0123456789.")
    for noise in (b"", b"DICM", bytes(draw.integers(0, 256, 4096, np.uint8))):
        with pytest.raises(UnreadableImage):
            header_of_file(noise)
        with pytest.raises(UnreadableImage):
            header_of_data_set(io.BytesIO(noise), ExplicitVRLittleEndian)
