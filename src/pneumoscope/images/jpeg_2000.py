"""Whether a JPEG 2000 codestream is complete; openjpeg fills what is missing, and says nothing.

Clauses are those of ITU-T T.800.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from pneumoscope.errors import TruncatedImage, UnreadableImage

_SIZ, _COD, _SOT, _SOD = 0x51, 0x52, 0x90, 0x93
_EOC = b"\xff\xd9"
_HIGH_THROUGHPUT = 0x40  # of Rsiz and of the style of blocks, T.814 A.2 and A.3
_BYPASS = 0x01  # of the style of blocks: raw bits in place of arithmetic coding
_CODED_ZEROS, _RAW_ZEROS = 64, 1024
"""Zero bytes that compressed data may have in a row, beside those of packet headers: raw bits may repeat."""
_NO_NUMBER = rb"(?<!\xff\x91\x00\x04\xff)(?<!\xff\x91\x00\x04.\xff)"  # of a packet, A.8.1
_MARKER = re.compile(rb"\xff" + _NO_NUMBER + rb"(?![\x91\x92])[\x90-\xff]", re.DOTALL)
"""What data never has: FF is followed by at most 8F (B.10.1, C.2.2), but for SOP, its number, and EPH (A.8)."""


class _TilePart(NamedTuple):
    """Number of its tile, and where its compressed data begins and ends."""

    tile: int
    begin: int
    end: int


class _Codestream(NamedTuple):
    """Where the tile-parts begin, how many tiles there are, and how many zero bytes may follow each other."""

    parts: int
    tiles: int
    most_zeros: int | None


def check(data: bytes, name: str) -> None:
    """Refuses a codestream of which a tile or a part of the data is missing.

    Args:
        data: The codestream, from SOC.
        name: What to call the film in messages.

    Raises:
        TruncatedImage: It lacks a tile.
        UnreadableImage: It has a marker or a run of zeros, which no compressed data has.
    """
    head = _head(data)
    if head is None:
        return
    parts = _tile_parts(data, head.parts)
    if len({part.tile for part in parts}) < head.tiles:
        raise TruncatedImage(name)
    if any(_MARKER.search(data, part.begin + 2, part.end) for part in parts):  # behind SOD
        raise UnreadableImage(name, "a part of the JPEG 2000 data is damaged")
    # Damaged headers may allow more zeros than there are bytes.
    if head.most_zeros is None or head.most_zeros >= len(data):
        return
    zeros = bytes(head.most_zeros + 1)
    # Headers, and what is behind the end, may have long runs.
    if any(data.find(zeros, part.begin, part.end) >= 0 for part in parts):
        raise UnreadableImage(name, "a part of the JPEG 2000 data is damaged")


def _head(data: bytes) -> _Codestream | None:
    """What the main header says (annex A); None if it is broken, which a decoder says better."""
    at, size, coding = 2, b"", b""
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _SOT:
        body = data[at + 4 : at + 2 + int.from_bytes(data[at + 2 : at + 4])]
        if data[at + 1] == _SIZ:
            size = body
        elif data[at + 1] == _COD:
            coding = body
        at += 4 + len(body)
    if len(size) < 36 or len(coding) < 10 or data[at : at + 2] != bytes([0xFF, _SOT]):
        return None
    # Xsiz, Ysiz, XOsiz, YOsiz, XTsiz, YTsiz, XTOsiz, YTOsiz
    right, bottom, _, _, width, height, left, top = (
        int.from_bytes(size[i : i + 4]) for i in range(2, 34, 4)
    )
    if not width or not height:
        return None
    tiles = math.ceil((right - left) / width) * math.ceil((bottom - top) / height)
    components = int.from_bytes(size[34:36])
    area = (min(width, right), min(height, bottom))
    most = None if coding[8] & _HIGH_THROUGHPUT else _most_zeros(area, components, coding)
    return _Codestream(at, tiles, most)


def _most_zeros(area: tuple[int, int], components: int, coding: bytes) -> int:
    """Zero bytes that a tile may have in a row.

    A packet without data is one zero byte, and a block that a packet passes over is one zero bit (B.10).
    """
    layers, levels = int.from_bytes(coding[2:4]), coding[5]
    block = 1 << (coding[6] + coding[7] + 4)
    packets = blocks = 0
    for level in range(levels + 1):
        # Table A.21: the sizes of precincts from the lowest resolution on; else they are the largest.
        stated = coding[10 + levels - level : 11 + levels - level] if coding[0] & 1 else b""
        size = stated or b"\xff"
        sides = [math.ceil(side / 2**level) for side in area]
        across, down = (
            math.ceil(side / (1 << bits)) + 1
            for side, bits in zip(sides, (size[0] & 15, size[0] >> 4), strict=True)
        )
        packets += across * down
        blocks += math.ceil(sides[0] * sides[1] / block) + across * down
    slack = _RAW_ZEROS if coding[8] & _BYPASS else _CODED_ZEROS
    return components * (layers * packets + blocks // 8) + slack


def _tile_parts(data: bytes, at: int) -> list[_TilePart]:
    """The tile-parts, of which the first begins at a position (A.4.2)."""
    parts = []
    while data[at : at + 2] == bytes([0xFF, _SOT]) and at + 12 <= len(data):
        tile, length = int.from_bytes(data[at + 4 : at + 6]), int.from_bytes(data[at + 6 : at + 10])
        is_last = length < 12  # 0: up to the end
        begin, end = at + 12, len(data) if is_last else min(at + length, len(data))
        while begin + 4 <= end and data[begin] == 0xFF and data[begin + 1] != _SOD:
            begin += 2 + int.from_bytes(data[begin + 2 : begin + 4])
        if is_last:
            marker = data.find(_EOC, begin)
            parts.append(_TilePart(tile, begin, end if marker < 0 else marker))
            break
        parts.append(_TilePart(tile, begin, end))
        at += length
    return parts
