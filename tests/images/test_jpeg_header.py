"""A JPEG's header, of which `test_exif` measures the memory."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from film_files import save, smooth
from pneumoscope.images.jpeg_header import JpegHeader

RESOLUTION_UNIT, X_RESOLUTION, INCH = 0x0128, 0x011A, 2


def test_exif_data_stays_bytes() -> None:
    exif = Image.Exif()
    exif[X_RESOLUTION], exif[RESOLUTION_UNIT] = 300.0, INCH
    header = JpegHeader(BytesIO(save(smooth(), "JPEG", exif=exif)))
    assert isinstance(header.info["exif"], bytes)
    assert "dpi" not in header.info
