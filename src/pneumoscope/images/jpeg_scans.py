"""What the scans of a JPEG contain, from their headers; no coefficient is decoded.

Clauses are those of ITU-T T.81.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pneumoscope.images.codestream import START_OF_FRAME, WITHOUT_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator

_EOI, _SOS, _DRI = 0xD9, 0xDA, 0xDD
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_SEQUENTIAL = (0xC0, 0xC1)
_PROGRESSIVE = (0xC2, 0xCA)
# Processes that common decoders lack: table B.1, and T.87 for JPEG-LS.
_RARE = {
    0xC3: "lossless JPEG",
    0xC5: "hierarchical JPEG",
    0xC6: "hierarchical JPEG",
    0xC7: "hierarchical JPEG",
    0xC9: "JPEG with arithmetic coding",
    0xCA: "JPEG with arithmetic coding",
    0xCB: "lossless JPEG",
    0xF7: "JPEG-LS",
}
_BLANK = bytes(64)
_NOTHING = 99  # no bit of a coefficient yet
_MOST_ZEROS = 3  # bytes at the end of compressed data


class JpegScans(NamedTuple):
    """What the scans of a JPEG contain.

    Attributes:
        complete: Whether every component has all its coefficients to the last bit. A progressive
            file (annex G) whose later scans are missing decodes without a warning.
        blank: Whether a scan that refines AC coefficients has a long run of zeros. Correction bits are
            as often 1 as 0, so such a run has replaced data; it decodes without a warning.
        end: Where EOI begins; the length of the data if it has none.
        parameters: Where Ss, Se, Ah and Al of each scan lie.
        progressive: Whether it is a progressive file.
    """

    complete: bool
    blank: bool
    end: int
    parameters: tuple[int, ...]
    progressive: bool


def rare_process(data: bytes) -> str:
    """The JPEG process in words if few decoders know it; ``""`` for 8-bit Huffman-coded files.

    Args:
        data: The codestream, from SOI.
    """
    for marker, _, body in _segments(data):
        if marker in START_OF_FRAME and body:
            if body[1:3] == b"\0\0":  # DNL follows the first scan, clause B.2.5
                return "JPEG that states its height behind its data"
            usual = "" if body[0] == 8 else f"JPEG with {body[0]} bits per sample"
            return _RARE.get(marker, usual)
        if marker == _SOS:
            break
    return ""


def has_one_scan(data: bytes) -> bool:
    """Whether libjpeg decodes one scan and no other, which is complete, whatever follows.

    So it does if a sequential frame has all its components in the first scan (jdinput.c, initial_setup).

    Args:
        data: The codestream, from SOI.
    """
    components = b""
    for marker, _, body in _segments(data):
        if marker in START_OF_FRAME:
            if marker not in _SEQUENTIAL or components or len(body) < 6:
                return False
            components = body[6::3]
            if len(components) != body[5]:
                return False
        elif marker == _SOS:
            count = len(components)
            return (
                count > 0 and body[:1] == bytes([count]) and body[1 : 2 * count : 2] == components
            )
    return False


def jpeg_scans(data: bytes, *, brief: bool = False) -> JpegScans:
    """Looks at the scans of a JPEG.

    Args:
        data: The codestream, from SOI.
        brief: Stop as soon as a sequential file is complete; ``end`` is then not that of the data.
    """
    progressive, blank, end = False, False, len(data)
    lowest: dict[int, bytearray] = {}
    """Component to the lowest bit that came of each coefficient."""
    parameters = []
    refined_from = 0
    for marker, at, body in _segments(data):
        if refined_from:
            blank |= _BLANK in data[refined_from:at].rstrip(b"\0")
            refined_from = 0
        if marker == _EOI:
            end = at
        elif marker in START_OF_FRAME and len(body) > 5:
            progressive = marker in _PROGRESSIVE
            lowest = {component: bytearray([_NOTHING] * 64) for component in body[6::3]}
        elif marker == _SOS and body:
            begin = at + 5 + 2 * body[0]
            parameters.append(begin)
            first, last, bits = (data[begin : begin + 3] + bytes(3))[:3]
            if not progressive:
                first, last, bits = 0, 63, 0
            elif first and bits >> 4:
                refined_from = begin
            for component in body[1 : 1 + 2 * body[0] : 2]:
                if component in lowest and first <= last < 64:
                    lowest[component][first : last + 1] = bytes([bits & 0xF]) * (last + 1 - first)
            if brief and not progressive and not any(map(any, lowest.values())):
                break
    return JpegScans(
        complete=not any(map(any, lowest.values())),
        blank=blank,
        end=end,
        parameters=tuple(parameters),
        progressive=progressive,
    )


def restart_interval(data: bytes) -> tuple[int, int]:
    """Restart interval in MCUs, 0 if there is none (clause B.2.4.4), and the last restart marker.

    Args:
        data: The codestream, from SOI.

    Returns:
        The interval, and the number of the last marker, 0 to 7, or -1 if there is none yet.
    """
    interval, scan = 0, 0
    for marker, at, body in _segments(data):
        if marker == _DRI:
            interval = int.from_bytes(body[:2])
        elif marker == _SOS:
            scan = at
    markers = _RESTART.findall(data, scan)
    return interval, markers[-1][1] - 0xD0 if markers else -1


def _segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Marker, position and body of each segment up to EOI; compressed data is passed over."""
    at = 2
    while 0 <= at < len(data) - 1:
        marker = data[at + 1] if data[at] == 0xFF else 0
        if marker == _EOI:
            yield marker, at, b""
            return
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in WITHOUT_LENGTH or not marker:
            at = data.find(b"\xff", at + (2 if marker else 1))
        else:
            size = int.from_bytes(data[at + 2 : at + 4])
            yield marker, at, data[at + 4 : at + 2 + size]
            at += 2 + max(size, 2)


def without_padding(data: bytes) -> Iterator[bytes]:
    """A JPEG without the bytes 00 or FF that some writers add before EOI.

    The compressed data itself may end with zeros, so there are several answers. The right one decodes
    without a warning; if the zeros took the place of a part of the film, none does.

    Args:
        data: The codestream, from SOI.
    """
    end = jpeg_scans(data).end
    body = data[:end].rstrip(b"\0\xff")
    padding = data[len(body) : end]
    for kept in range(min(_MOST_ZEROS, len(padding)) + 1):
        yield body + padding[:kept] + b"\xff\xd9"
