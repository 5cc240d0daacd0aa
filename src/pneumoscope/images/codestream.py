"""Headers of compressed frames: what a frame says about itself, checked before it is decoded.

A frame inside a DICOM file repeats its size. A decoder sets memory aside by the frame's own words,
so these are compared with the DICOM header, which was checked against the limits.
"""

from __future__ import annotations

from typing import NamedTuple

# Start-of-frame markers: ITU-T T.81 table B.1 without DHT, JPG and DAC; T.87 for JPEG-LS (F7).
START_OF_FRAME = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))  # T.81 B.1.1.3: TEM, RSTn, SOI


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


def coding_of(data: bytes) -> str | None:
    """Names the coding of a frame by its first bytes.

    Args:
        data: The codestream, or enough of its beginning.

    Returns:
        ``"jpeg"`` (8 bits), ``"jpeg-12"`` (more), ``"jpeg-lossless"``, ``"jpeg-ls"``,
        ``"jpeg-2000"``, ``"htj2k"``, ``"rle"``, or None.
    """
    if data[:2] == b"\xff\xd8":
        start = _start_of_frame(data)
        if start is None:
            return None
        marker = data[start + 1]
        if marker in (0xC3, 0xC7, 0xCB, 0xCF):  # T.81 table B.1
            return "jpeg-lossless"
        if marker == 0xF7:
            return "jpeg-ls"
        return "jpeg" if data[start + 4] <= 8 else "jpeg-12"
    if data[4:8] == b"jP  ":
        data = data[max(data.find(b"\xff\x4f\xff\x51"), 0) :]
    if data[:4] == b"\xff\x4f\xff\x51":
        # T.814 A.2: bit 14 of Rsiz says that the code blocks are of high throughput.
        return "htj2k" if data[6:7] and data[6] & 0x40 else "jpeg-2000"
    # PS3.5 G.5: the number of segments, and the offset of the first, behind this header.
    segments, first = (int.from_bytes(data[i : i + 4], "little") for i in (0, 4))
    return "rle" if 1 <= segments <= 15 and first == 64 else None


def begins_frame(data: bytes) -> bool:
    """Whether a fragment begins a frame, even if it is too short to show its coding."""
    jpeg_2000 = data[:4] == b"\xff\x4f\xff\x51" or data[4:8] == b"jP  "
    return data[:3] == b"\xff\xd8\xff" or jpeg_2000 or coding_of(data) == "rle"


def _start_of_frame(data: bytes) -> int | None:
    """Position of the marker that begins the frame header of a JPEG."""
    at = 2
    while at + 10 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in WITHOUT_LENGTH:
            at += 2
        elif marker in START_OF_FRAME:
            return at
        elif marker in (0xD9, 0xDA):  # end of image, start of scan
            return None
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _jpeg(data: bytes) -> Frame | None:
    """ITU-T T.81 B.2.2: marker, length, P, Y, X, Nf."""
    at = _start_of_frame(data)
    if at is None:
        return None
    rows, columns = (int.from_bytes(data[i : i + 2]) for i in (at + 5, at + 7))
    return Frame(rows, columns, data[at + 9], data[at + 4])


def _jpeg_2000(data: bytes) -> Frame | None:
    """ITU-T T.800 A.5.1: SOC, SIZ, Lsiz, Rsiz, Xsiz, Ysiz, XOsiz, YOsiz, 4 tile sizes, Csiz, Ssiz."""
    if len(data) < 43:
        return None
    right, bottom, left, top = (int.from_bytes(data[i : i + 4]) for i in (8, 12, 16, 20))
    samples = int.from_bytes(data[40:42])
    return Frame(bottom - top, right - left, samples, 1 + (data[42] & 0x7F))


def check_lossless(data: bytes, most_bits: int) -> None:
    """Checks the header of a lossless JPEG (ITU-T T.81 annex H) as strictly as the standard.

    gdcm ends the whole process over some damaged headers, so it gets sound ones only.

    Args:
        data: The codestream.
        most_bits: Bits Allocated (0028,0100).

    Raises:
        ValueError: The header breaks the standard.
    """
    tables: set[int] = set()
    components: dict[int, int] = {}
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        body = data[at + 4 : at + 2 + size]
        at += 2 + size
        if size < 2 or len(body) != size - 2:
            raise ValueError("a segment is cut")
        if marker == 0xC4:  # DHT, B.2.4.2
            tables |= _huffman_tables(body)
        elif marker == 0xC3 and not components:  # SOF3, B.2.2
            if len(body) < 9 or len(body) != 6 + 3 * body[5] or not 2 <= body[0] <= most_bits:
                raise ValueError("bad frame header")
            components = {body[i]: body[i + 1] for i in range(6, len(body), 3)}
            if len(components) != body[5] or set(components.values()) != {0x11}:
                raise ValueError("bad components")
        elif marker == 0xDA:  # SOS, B.2.3 and table H.1
            if not components or len(body) != 4 + 2 * body[0] or body[0] != len(components):
                raise ValueError("bad scan header")
            for i in range(1, 1 + 2 * body[0], 2):
                if body[i] not in components or body[i + 1] >> 4 not in tables:
                    raise ValueError("a component has no Huffman table")
            if not 1 <= body[-3] <= 7 or body[-2] != 0 or body[-1] != 0:
                raise ValueError("bad predictor")
            return
        elif marker == 0xDD and len(body) != 2:  # DRI, B.2.4.4
            raise ValueError("bad restart interval")
        elif marker not in (0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)):  # DQT, DRI, COM, APPn
            raise ValueError(f"marker {marker:02X} is out of place")
    raise ValueError("no scan")


def _huffman_tables(body: bytes) -> set[int]:
    """Destinations of the tables in a DHT segment; each must be a prefix code of categories."""
    destinations = set()
    while body:
        counts = body[1:17]
        total = sum(counts)
        space = sum(count << (16 - bits) for bits, count in enumerate(counts, 1))
        values = body[17 : 17 + total]
        if body[0] > 3 or len(values) != total or not 1 <= total <= 17 or space > 1 << 16:
            raise ValueError("bad Huffman table")
        if max(values) > 16:  # table H.2
            raise ValueError("bad category")
        destinations.add(body[0])
        body = body[17 + total :]
    return destinations


def without_zeros_before_end(data: bytes) -> bytes:
    """A JPEG codestream without the zero bytes between its last coded byte and EOI (FF D9)."""
    end = data.rstrip(b"\0")
    if not end.endswith(b"\xff\xd9"):
        return data
    return end[:-2].rstrip(b"\0") + b"\xff\xd9"
