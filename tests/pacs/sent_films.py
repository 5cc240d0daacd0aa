"""Films for a node, and sending them with pynetdicom."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, build_context

from film_files import dataset, write

CR = "1.2.840.10008.5.1.4.1.1.1"
PLANTED = ("Planted^Name", "PLANTED-ID", "PLANTED-NUMBER")
"""What must not appear in logs, metrics and file names."""


def sent(number: int = 1, grey: int = 204, side: int = 240, **elements: object) -> Dataset:
    """A CR film: the tiny bundle reads 204 as PNEUMONIA and 51 as NORMAL.

    Args:
        number: Of its UIDs; each film is of a study of its own.
        grey: Every pixel.
        side: Rows and columns.
        elements: Override; None removes.
    """
    given = {
        "SOPInstanceUID": f"1.2.3.4.{number}",
        "StudyInstanceUID": f"1.2.3.5.{number}",
        "SeriesInstanceUID": f"1.2.3.6.{number}",
        "PatientName": PLANTED[0],
        "PatientID": PLANTED[1],
        "AccessionNumber": PLANTED[2],
        "StudyDate": "20260101",
        "StudyTime": "120000",
        "StudyID": "",
        "ReferringPhysicianName": "",
        "PatientSex": "F",
        "InstanceNumber": 1,
        "SeriesNumber": 1,
    }
    ds = dataset(np.full((side, side), grey, np.uint8), **given)
    for key, value in elements.items():
        if value is None:
            delattr(ds, key)
        else:
            setattr(ds, key, value)
    return ds


def file_of(ds: Dataset) -> bytes:
    """The bytes of a DICOM file."""
    return write(ds)


def as_sent(ds: Dataset) -> Dataset:
    """A data set with file meta information, as pynetdicom sends it."""
    return dcmread(io.BytesIO(file_of(ds)))


def send(
    port: int,
    films: Sequence[Dataset],
    *,
    called: str = "PNEUMOSCOPE",
    calling: str = "SENDER",
    **options: Any,
) -> list[int]:
    """Sends films in one association; returns the statuses, or [] if it was rejected."""
    ae = AE(ae_title=calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20
    contexts = [
        build_context(uid, ExplicitVRLittleEndian)
        for uid in dict.fromkeys(str(film.get("SOPClassUID", CR)) for film in films)
    ]
    association = ae.associate("127.0.0.1", port, contexts, ae_title=called, **options)
    if not association.is_established:
        return []
    statuses = [association.send_c_store(as_sent(film)).get("Status", -1) for film in films]
    association.release()
    return statuses
