"""Films with a header, and results of the tiny bundle, for the tests of ai_results/."""

from __future__ import annotations

import io
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from film_files import CR, dicom
from pneumoscope import images, runtime
from pneumoscope.ai_results.film_result import FilmResult
from pneumoscope.ai_results.objects import objects_of
from pneumoscope.ai_results.source_header import source_header
from pneumoscope.bundle import Bundle
from pneumoscope.records import Settings

NAME, NUMBER = "DOE^JANE^SECRET", "ID-987654321"
UIDS = {
    "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.3",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1",
    "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.2",
}
STUDY = {
    "StudyDate": "20260102", "StudyTime": "101112", "StudyID": "S1", "AccessionNumber": "A1",
    "ReferringPhysicianName": "DOC^TOR^SECRET", "PatientSex": "F", "PatientOrientation": ["L", "F"],
    "Manufacturer": "ACME",
}  # fmt: skip
CREATED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def grey_film(grey: int, rows: int = 240, columns: int = 260) -> np.ndarray:
    """uint8, of mean ``grey``, brighter in the upper left quarter and darker in the lower right one.

    The tiny bundle calls it PNEUMONIA from a mean of 128 on.
    """
    film = np.full((rows, columns), grey, np.uint8)
    film[: rows // 2, : columns // 2] += 40
    film[rows // 2 :, columns // 2 :] -= 40
    return film


def film_bytes(grey: int = 200, **elements: object) -> bytes:
    """A CR film with a whole header; ``elements`` override, None removes."""
    values = UIDS | STUDY | {"SOPClassUID": CR} | elements
    return dicom(
        grey_film(grey),
        **{key: value for key, value in values.items() if value or key == "SOPClassUID"},
    )


def result_of(
    bundle: Bundle, grey: int = 200, settings: Settings = Settings(), **elements: object
) -> FilmResult:
    """What the bundle says about a film; the gate of the tiny bundle takes any but a flat one."""
    data = film_bytes(grey, **elements)
    reader = runtime.load(bundle, settings=settings)
    return FilmResult(
        name="film.dcm",
        header=source_header(data, "film.dcm"),
        film=images.read(data),
        prediction=reader.predict(data),
        bundle=bundle,
        created=CREATED,
    )


def made(result: FilmResult, kind: str) -> Dataset:
    """An object of a result, read back from the bytes of its file."""
    [written] = objects_of(result, [kind])
    assert not written.not_made
    return dcmread(io.BytesIO(written.content))


def validation_errors(content: bytes, folder: Path) -> list[str]:
    """What dciodvfy calls an error in a DICOM file; skips where it is not installed."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("no dciodvfy: the package dicom3tools is not installed")
    file = folder / "object.dcm"
    file.write_bytes(content)
    done = subprocess.run([program, "-new", str(file)], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    assert any(line and not line.startswith(("Warning", "Error")) for line in lines), lines
    return [line for line in lines if line.startswith(("Error", "Abort"))]
