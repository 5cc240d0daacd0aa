"""Films of one grey level, as files."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from PIL import Image


def film(grey: int, rows: int = 240, columns: int = 260) -> bytes:
    """A PNG of one grey level: the tiny bundle reads 204 as PNEUMONIA and 51 as NORMAL."""
    stream = io.BytesIO()
    Image.fromarray(np.full((rows, columns), grey, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


BRIGHT, DARK = ("bright.png", film(204)), ("dark.png", film(51))


def zipped_as_stored(data: bytes, *names: bytes) -> bytes:
    """A ZIP archive of one file under several names, whose bytes stand in it without the flag of UTF-8."""
    places = [str(place).rjust(len(name), "#") for place, name in enumerate(names)]
    archive = zipped(*((place, data) for place in places))
    for place, name in zip(places, names, strict=True):
        archive = archive.replace(place.encode(), name)
    return archive


def zipped(*members: tuple[str, bytes]) -> bytes:
    """A ZIP archive of files by name."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()
