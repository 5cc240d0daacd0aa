"""The films that every way reads: drawn, so that the benchmark needs no data."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SMALL_PX, LARGE_PX, DICOM_PX = 224, 2890, 1024
"""Sides of the films. A DICOM film of 1,024 x 1,024 pixels in 16 bits has 2 MiB."""
_GRAIN = 6.0
"""Standard deviation of the noise, in grey levels of 256: without it, JPEG files are too small."""


@dataclass(frozen=True, slots=True)
class Films:
    """Files that are read.

    Attributes:
        small: JPEG files of 224 x 224 pixels.
        large: JPEG files of 2,890 x 2,890 pixels.
        dicom: Uncompressed DICOM files of 2 MiB.
    """

    small: tuple[Path, ...]
    large: tuple[Path, ...]
    dicom: tuple[Path, ...]

    def of(self, kind: str) -> tuple[Path, ...]:
        """The files of a kind: ``"small"``, ``"large"`` or ``"dicom"``."""
        files = {"small": self.small, "large": self.large, "dicom": self.dicom}
        return files[kind]


def draw(folder: Path, small: int = 64, large: int = 8, dicom: int = 8) -> Films:
    """Draws films that look like chest films to a decoder: two lungs, ribs and grain.

    Args:
        folder: Where they are written.
        small: Number of small JPEG files.
        large: Number of large JPEG files.
        dicom: Number of DICOM files.
    """
    rng = np.random.default_rng(7)
    return Films(
        tuple(_jpeg(folder / f"small-{i}.jpg", SMALL_PX, rng) for i in range(small)),
        tuple(_jpeg(folder / f"large-{i}.jpg", LARGE_PX, rng) for i in range(large)),
        tuple(_dicom(folder / f"film-{i}.dcm", rng) for i in range(dicom)),
    )


def _chest(side_px: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Grey levels 0 to 255 of (side, side)."""
    y, x = np.mgrid[0:1:128j, 0:1:128j]
    shift = rng.uniform(-0.03, 0.03)
    lungs = sum(
        np.exp(-(((x - centre - shift) / 0.13) ** 2) - ((y - 0.45) / 0.28) ** 2)
        for centre in (0.3, 0.7)
    )
    ribs = 12 * np.sin(2 * np.pi * (9 * y + 2 * (x - 0.5) ** 2))
    small = np.clip(190 - 120 * lungs + ribs * lungs, 0, 255).astype(np.uint8)
    picture = Image.fromarray(small).resize((side_px, side_px), Image.Resampling.BICUBIC)
    smooth = picture.filter(ImageFilter.GaussianBlur(side_px / 400))
    grain = rng.normal(0, _GRAIN, (side_px, side_px))
    return np.clip(np.asarray(smooth, np.float64) + grain, 0, 255)


def _jpeg(path: Path, side_px: int, rng: np.random.Generator) -> Path:
    stream = BytesIO()
    Image.fromarray(_chest(side_px, rng).astype(np.uint8)).save(stream, "JPEG", quality=90)
    path.write_bytes(stream.getvalue())
    return path


def _dicom(path: Path, rng: np.random.Generator) -> Path:
    pixels = (_chest(DICOM_PX, rng) * 16).astype(np.uint16)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film = Dataset()
    film.file_meta = meta
    film.SOPClassUID = meta.MediaStorageSOPClassUID
    film.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    film.Modality = "DX"
    film.Rows, film.Columns = pixels.shape
    film.SamplesPerPixel = 1
    film.PhotometricInterpretation = "MONOCHROME2"
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, 12, 11
    film.PixelRepresentation = 0
    film.PixelData = pixels.tobytes()
    film.save_as(path, enforce_file_format=True)
    return path
