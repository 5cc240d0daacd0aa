"""Pillow's JPEG without what it takes from Exif data."""

from __future__ import annotations

from PIL.JpegImagePlugin import JpegImageFile


class JpegHeader(JpegImageFile):
    """A JPEG whose Exif data stays bytes: see `pneumoscope.images.exif`."""

    def _read_dpi_from_exif(self) -> None:
        """Does nothing: Pillow makes a resolution up if Exif data states none."""
