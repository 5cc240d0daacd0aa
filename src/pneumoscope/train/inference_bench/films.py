"""The films that every way reads: made of the synthetic ones, so that the benchmark needs no data."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from pneumoscope.images.samples import sample_films

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SMALL_PX, LARGE_PX, DICOM_PX = 224, 2890, 1024
"""Sides of the films. A DICOM film of 1,024 x 1,024 pixels in 16 bits has 2 MiB."""
_GRAIN = 6.0
"""Standard deviation of the noise, in grey levels of 256: without it, JPEG files are too small."""
_MARGIN_PX = 8.0
"""At most so much of a synthetic film, which has 512 x 512 pixels, is cut off at each side."""


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
    """Makes films of the synthetic ones: each cut a little differently, enlarged, and with grain.

    Args:
        folder: Where they are written.
        small: Number of small JPEG files.
        large: Number of large JPEG files.
        dicom: Number of DICOM files.
    """
    rng = np.random.default_rng(7)
    chests = [_chest(path) for path in sample_films() if path.suffix == ".png"]

    def pixels(i: int, side_px: int) -> NDArray[np.float64]:
        return _cut(chests[i % len(chests)], side_px, rng)

    return Films(
        tuple(_jpeg(folder / f"small-{i}.jpg", pixels(i, SMALL_PX)) for i in range(small)),
        tuple(_jpeg(folder / f"large-{i}.jpg", pixels(i, LARGE_PX)) for i in range(large)),
        tuple(_dicom(folder / f"film-{i}.dcm", pixels(i, DICOM_PX)) for i in range(dicom)),
    )


def _chest(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("L")


def _cut(chest: Image.Image, side_px: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Grey levels 0 to 255 of (side, side)."""
    left, top, right, bottom = rng.uniform(0, _MARGIN_PX, 4)
    box = (left, top, chest.width - right, chest.height - bottom)
    picture = chest.resize((side_px, side_px), Image.Resampling.BICUBIC, box=box)
    grain = rng.normal(0, _GRAIN, (side_px, side_px))
    return np.clip(np.asarray(picture, np.float64) + grain, 0, 255)


def _jpeg(path: Path, levels: NDArray[np.float64]) -> Path:
    stream = BytesIO()
    Image.fromarray(levels.astype(np.uint8)).save(stream, "JPEG", quality=90)
    path.write_bytes(stream.getvalue())
    return path


def _dicom(path: Path, levels: NDArray[np.float64]) -> Path:
    pixels = (levels * 16).astype(np.uint16)
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
