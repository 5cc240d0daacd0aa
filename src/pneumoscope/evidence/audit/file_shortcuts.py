"""Properties of a film's file apart from its picture: header entries and length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import images
from pneumoscope.images.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.records import FilmFacts, Radiograph

NUMBERS = ("bytes", "bytes per pixel", "width", "height", "aspect ratio", "mean quantisation step")
"""Names of `FileFacts.numbers`, in order."""
WORDS = (
    "format",
    "colour mode",
    "quantisation table",
    "chroma sampling",
    "coding",
    "EXIF",
    "other metadata",
    "DICOM header",
)
"""Names of `FileFacts.words`, in order."""
TABLE = WORDS.index("quantisation table")
NONE = "none"

# ISO/IEC 10918-1, table K.1, in natural order: the table that libjpeg scales.
_K1 = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
).ravel()
_BLOCKS = {"icc_profile": "ICC profile", "photoshop": "Photoshop", "xmp": "XMP", "adobe": "Adobe"}
_BLOCKS |= {"comment": "comment", "dpi": "resolution"}


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Properties of a file.

    Attributes:
        numbers: See `NUMBERS`; NaN where the format has no such property. The aspect ratio is width
            divided by height; the quantisation step is in grey levels, for luminance.
        words: See `WORDS`.
        columns: Width in pixels.
        rows: Height in pixels.
    """

    numbers: tuple[float, ...]
    words: tuple[str, ...]
    columns: int
    rows: int


def facts_of(data: bytes, film: FilmFacts) -> FileFacts:
    """Reads the header of a film whose picture has been read already.

    Args:
        data: The whole file.
        film: What was read with the picture.
    """
    kind = film.format
    mode, table, sampling, coding, exif, other, dicom = ("", NONE, NONE, "", NONE, NONE, NONE)
    step = float("nan")
    if kind == "DICOM":
        mode = f"{film.photometric or 'unknown'}, {film.bits} bits"
        coding = film.transfer_syntax or "unknown"
        tags = (film.modality, film.view_position, film.body_part, film.laterality)
        dicom = ", ".join(tag or "-" for tag in tags)
    else:
        from pneumoscope.images.png import checked
        from pneumoscope.images.raster import header_of

        with quiet():
            header: Any = header_of(kind, checked(data, "") if kind == "PNG" else data)
            mode = str(header.mode)
            info = header.info
            exif = "present" if "exif" in info else NONE
            other = ", ".join(name for key, name in _BLOCKS.items() if key in info) or NONE
            if kind == "JPEG":
                quantisation = header.quantization
                # That of luminance: mode and sampling describe the chroma.
                luminance = quantisation[min(quantisation)]
                table, step = name_table(luminance), float(np.mean(luminance))
                sampling = _sampling(header.layer)
                coding = "progressive" if info.get("progressive") else "baseline"
            elif kind == "TIFF":
                coding = str(info.get("compression", "raw"))
    pixels = film.rows * film.columns
    numbers = (len(data), len(data) / pixels, film.columns, film.rows, film.columns / film.rows)
    words = (kind, mode, table, sampling, coding, exif, other, dicom)
    return FileFacts((*map(float, numbers), step), words, film.columns, film.rows)


def read(data: bytes, name: str) -> tuple[FileFacts, Radiograph]:
    """Decodes a film at its full size, and reads its header.

    Raises:
        ImageError: It cannot be read.
    """
    film = images.read(data, name=name)
    return facts_of(data, film.facts), film


def name_table(table: Sequence[int]) -> str:
    """A luminance table as text: its first entries, and libjpeg's quality if libjpeg made it.

    Args:
        table: 64 steps in natural order, as Pillow gives them.
    """
    first = " ".join(map(str, table[:6]))
    quality = libjpeg_quality(table)
    # The sum distinguishes tables with the same first entries.
    tail = "" if quality else f", sum {sum(table)}"
    return f"{first} ...{tail}" + (f" (libjpeg, quality {quality})" if quality else "")


def libjpeg_quality(table: Sequence[int]) -> int | None:
    """The quality at which libjpeg (jcparam.c) writes this luminance table, or None."""
    given = np.asarray(table)
    for quality in range(100, 0, -1):
        scale = 5000 // quality if quality < 50 else 200 - 2 * quality
        if np.array_equal(given, np.clip((_K1 * scale + 50) // 100, 1, 255)):
            return quality
    return None


def matrices(facts: Sequence[FileFacts]) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Numbers (n, 6) and words (n, 8) of many files."""
    numbers = np.array([f.numbers for f in facts], np.float64).reshape(-1, len(NUMBERS))
    words = np.array([f.words for f in facts], dtype=str).reshape(-1, len(WORDS))
    return numbers, words


def _sampling(layers: Sequence[tuple[int, int, int, int]]) -> str:
    """The sampling of a JPEG's components as J:a:b; as their factors where that has no name."""
    if len(layers) == 1:
        return "grey"
    factors = [(h, v) for _, h, v, _ in layers]
    known: dict[tuple[tuple[int, int], ...], str] = {
        ((1, 1), (1, 1), (1, 1)): "4:4:4",
        ((2, 1), (1, 1), (1, 1)): "4:2:2",
        ((2, 2), (1, 1), (1, 1)): "4:2:0",
    }
    return known.get(tuple(factors), " ".join(f"{h}x{v}" for h, v in factors))
