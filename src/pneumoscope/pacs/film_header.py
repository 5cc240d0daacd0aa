"""What a node has to know about a film before it is decoded: which film it is, and of which study."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from pydicom import dcmread
from pydicom.filereader import read_dataset
from pydicom.uid import UID

from pneumoscope.ai_results.film_result import MANUFACTURER
from pneumoscope.errors import DeflatedDicom, UnreadableImage
from pneumoscope.images.file_meta import file_meta
from pneumoscope.images.quiet import quiet
from pneumoscope.images.transfer_syntax import DEFLATED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

_TAGS = {
    "SOPClassUID": 0x00080016,
    "SOPInstanceUID": 0x00080018,
    "Manufacturer": 0x00080070,
    "PatientID": 0x00100020,
    "StudyInstanceUID": 0x0020000D,
    "SeriesInstanceUID": 0x0020000E,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "RequestedProcedurePriority": 0x00401003,
}
_PIXELS = (0x7FE00010, 0x7FE00008, 0x7FE00009)
_PRIORITIES = {"STAT": 2, "HIGH": 1, "MEDIUM": 0, "ROUTINE": 0, "LOW": -1}
"""By Requested Procedure Priority (PS3.3 C.4.11); other films have 0."""
_FILM = "film"
"""Stands for a film's name in messages: the name itself may be a person's."""


@dataclass(frozen=True, slots=True)
class FilmHeader:
    """The identity of a film.

    Attributes:
        sop_class: SOP Class UID.
        sop_instance: SOP Instance UID.
        study: Study Instance UID.
        patient: Patient ID; empty if there is none.
        priority: Films of higher priority are read first.
    """

    sop_class: str
    sop_instance: str
    study: str
    patient: str
    priority: int


def header_of_data_set(stream: BinaryIO, syntax: str) -> FilmHeader:
    """The identity of a film that arrives in an association.

    Args:
        stream: The data set, without preamble and file meta information.
        syntax: Its transfer syntax.

    Raises:
        UnreadableImage: It is no data set of a film, or says too little.
    """
    uid = UID(syntax)
    with _understood():
        values = read_dataset(
            stream,
            uid.is_implicit_VR,
            uid.is_little_endian,
            stop_when=lambda tag, _vr, _length: tag in _PIXELS,
            specific_tags=[*_TAGS.values()],
        )
        return _header(values, has_pixels=bool(stream.read(1)))


def header_of_file(data: bytes) -> FilmHeader:
    """The identity of a film in a file.

    Raises:
        UnreadableImage: It is no DICOM file of a film, or says too little.
        DeflatedDicom: It is deflated.
    """
    if file_meta(data)[0] == DEFLATED:  # pydicom would inflate it
        raise DeflatedDicom(_FILM)
    stream = io.BytesIO(data)
    with _understood():
        values = dcmread(stream, stop_before_pixels=True, specific_tags=[*_TAGS.values()])
        return _header(values, has_pixels=bool(stream.read(1)))


@contextmanager
def _understood() -> Iterator[None]:
    """Says of a header that pydicom cannot read it."""
    try:
        with quiet():
            yield
    except (UnreadableImage, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 (pydicom raises anything over damaged bytes)
        raise UnreadableImage(_FILM, f"its header is broken: {type(error).__name__}") from None


def _header(values: Dataset, *, has_pixels: bool) -> FilmHeader:
    texts = {keyword: _text(values, keyword) for keyword in _TAGS}
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        if not _is_uid(texts[keyword]):
            raise UnreadableImage(_FILM, f"it has no {keyword}")
    # An archive that forwards whole studies would get a result of the result, and so on without end.
    if texts["Manufacturer"] == MANUFACTURER:
        raise UnreadableImage(_FILM, "it is a result of pneumoscope")
    if not has_pixels or not (texts["Rows"] and texts["Columns"]):
        raise UnreadableImage(_FILM, "it has no pixels")
    return FilmHeader(
        sop_class=texts["SOPClassUID"],
        sop_instance=texts["SOPInstanceUID"],
        study=texts["StudyInstanceUID"],
        patient=texts["PatientID"],
        priority=_PRIORITIES.get(texts["RequestedProcedurePriority"].upper(), 0),
    )


def _text(values: Dataset, keyword: str) -> str:
    value = values.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def _is_uid(text: str) -> bool:
    """Whether it can be a UID (PS3.5 9.1); leading zeros, which some senders write, do no harm."""
    return 0 < len(text) <= 64 and set(text) <= set("0123456789.")
