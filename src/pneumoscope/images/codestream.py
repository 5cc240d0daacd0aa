"""Headers of compressed frames: what a frame says of itself before a decoder believes it.

A frame inside a DICOM file repeats its size. A decoder sets memory aside by the frame's own words,
so these are compared with the DICOM header, which was checked against the limits.
"""

from __future__ import annotations

from typing import NamedTuple

# Start-of-frame markers: ITU-T T.81 table B.1 without DHT, JPG and DAC; T.87 for JPEG-LS (F7).
_START_OF_FRAME = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))  # T.81 B.1.1.3: TEM, RSTn, SOI


class Frame(NamedTuple):
    """Size of one compressed frame."""

    rows: int
    columns: int
    samples: int
    bits: int


def frame_of(data: bytes) -> Frame | None:
    """Reads the size of a JPEG, JPEG-LS or JPEG 2000 frame.

    Args:
        data: The codestream; JPEG 2000 may lie in a JP2 file.

    Returns:
        The size, or None if the header ends before it is named or is none of these.
    """
    if data[:4] == b"\xff\x4f\xff\x51":
        return _jpeg_2000(data)
    if data[4:8] == b"jP  ":
        start = data.find(b"\xff\x4f\xff\x51")
        return _jpeg_2000(data[start : start + 64]) if start > 0 else None
    return _jpeg(data) if data[:2] == b"\xff\xd8" else None


def _jpeg(data: bytes) -> Frame | None:
    """ITU-T T.81 B.2.2: marker, length, P, Y, X, Nf."""
    at = 2
    while at + 10 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        elif marker in _START_OF_FRAME:
            rows = int.from_bytes(data[at + 5 : at + 7])
            columns = int.from_bytes(data[at + 7 : at + 9])
            return Frame(rows, columns, data[at + 9], data[at + 4])
        elif marker in (0xD9, 0xDA):  # end of image, start of scan
            return None
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _jpeg_2000(data: bytes) -> Frame | None:
    """ITU-T T.800 A.5.1: SOC, SIZ, Lsiz, Rsiz, Xsiz, Ysiz, XOsiz, YOsiz, 4 tile sizes, Csiz, Ssiz."""
    if len(data) < 43:
        return None
    right, bottom, left, top = (int.from_bytes(data[i : i + 4]) for i in (8, 12, 16, 20))
    samples = int.from_bytes(data[40:42])
    return Frame(bottom - top, right - left, samples, 1 + (data[42] & 0x7F))
