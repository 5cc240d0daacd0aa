"""Splits a DICOM data set into its elements (PS3.5 chapter 7), also where a writer broke the rules.

pydicom takes what is not a VR (two spaces, NUL, ``??``) for implicit VR, reads a length of
hundreds of megabytes, and ends with the file. DCMTK and gdcm read such files, and so does this
module: where the bytes of an element allow several readings, the one counts after which another
element follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

UNDEFINED = 0xFFFFFFFF  # PS3.5 7.1.1: a value that ends with a delimiter
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD  # PS3.5 7.5

# VRs by the bytes of their length field (PS3.5 7.1.2).
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR"))
_LONG |= {b"UT", b"UV"}
_SHORT = frozenset((b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO"))
_SHORT |= {b"LT", b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
VRS = _LONG | _SHORT
_MOST_NESTED = 16  # sequences within sequences; PS3.3 nests no deeper than five


class Element(NamedTuple):
    """Where an element's value lies, and how it is written.

    Attributes:
        tag: Group and number, such as 0x00280010.
        vr: The VR in capitals, or None in implicit VR and where the file has none.
        start: Position of the value.
        length: Bytes of the value, or `UNDEFINED`.
    """

    tag: int
    vr: str | None
    start: int
    length: int


class Layout(NamedTuple):
    """How a data set is written."""

    implicit: bool = False
    little: bool = True


def number(data: bytes, at: int, size: int, little: bool) -> int:
    """An unsigned integer of ``size`` bytes."""
    return int.from_bytes(data[at : at + size], "little" if little else "big")


def tag_at(data: bytes, at: int, little: bool) -> int:
    """The tag that begins at a position: group, then number, 2 bytes each."""
    return number(data, at, 2, little) << 16 | number(data, at + 2, 2, little)


def layout_of(data: bytes, start: int) -> Layout:
    """How a data set is written, from its first element: transfer syntaxes are sometimes wrong.

    A group number is small, so the byte order in which the first one is smaller is right.
    """
    little = number(data, start, 2, True) <= number(data, start, 2, False)
    return Layout(data[start + 4 : start + 6].upper() not in VRS, little)


def element_at(data: bytes, at: int, end: int, layout: Layout) -> Element:
    """The element that begins at a position.

    Args:
        data: The whole file.
        at: Position of the tag.
        end: Where the data set, or the item that contains the element, ends.
        layout: How the data set is written.

    Raises:
        EOFError: Its header is cut.
    """
    if at + 8 > end:
        raise EOFError("an element is cut")
    tag = tag_at(data, at, layout.little)
    if tag >> 16 == 0xFFFE:  # items and delimiters have no VR
        return Element(tag, None, at + 8, number(data, at + 4, 4, layout.little))
    vr = data[at + 4 : at + 6]
    if not layout.implicit:
        if vr in _SHORT:
            length = number(data, at + 6, 2, layout.little)
            if length or at + 14 > end or _begins_element(data, at + 8, layout.little):
                return Element(tag, vr.decode("ascii"), at + 8, length)
            return _plausible(data, at, end, layout)
        if vr in _LONG and data[at + 6 : at + 8] == b"\0\0":
            length = number(data, at + 8, 4, layout.little)
            return Element(tag, vr.decode("ascii"), at + 12, length)
    elif vr not in VRS:
        return Element(tag, None, at + 8, number(data, at + 4, 4, layout.little))
    return _plausible(data, at, end, layout)


def _begins_element(data: bytes, at: int, little: bool) -> bool:
    """Whether an element with a VR, an item or a delimiter begins at a position."""
    return data[at + 4 : at + 6] in VRS or tag_at(data, at, little) >> 16 == 0xFFFE


def _plausible(data: bytes, at: int, end: int, layout: Layout) -> Element:
    """The reading of an odd element after which another element follows, or the value ends the data."""
    little = layout.little
    tag = tag_at(data, at, little)
    name = data[at + 4 : at + 6].upper()
    vr = name.decode("ascii") if name in VRS else None
    short = Element(tag, vr, at + 8, number(data, at + 6, 2, little))
    long = Element(tag, vr, at + 12, number(data, at + 8, 4, little))
    plain = Element(tag, None, at + 8, number(data, at + 4, 4, little))
    # DCMTK's order: an unknown VR has two bytes of length, unless it is one of the long ones.
    readings = [long, short, plain] if name in _LONG else [short, long, plain]
    if not _may_be_vr(name):
        readings = [plain]
    elif layout.implicit:
        readings = [plain, *readings[:2]]
    for strict in (True, False):
        for reading in readings:
            if _is_followed(data, reading, end, layout, strict):
                return reading
    fitting = [reading for reading in readings if reading.start + reading.length <= end]
    return max(fitting, key=lambda reading: reading.length, default=readings[0])


def _may_be_vr(name: bytes) -> bool:
    """Whether two bytes stand for a VR: text, or what DCMTK, pydicom and others wrote for none."""
    return name == b"\0\0" or all(0x20 <= byte < 0x7F for byte in name)


def _is_followed(data: bytes, element: Element, end: int, layout: Layout, strict: bool) -> bool:
    """Whether an element ends where its surroundings end, or where a later element begins."""
    little = layout.little
    if element.length == UNDEFINED:
        return tag_at(data, element.start, little) in (ITEM, SEQUENCE_END)
    after = element.start + element.length
    if after == end:
        return True
    if after + 8 > end:
        return False
    following = tag_at(data, after, little)
    if following <= element.tag:
        return False
    if strict and not layout.implicit:
        return data[after + 4 : after + 6] in VRS or following >> 16 == 0xFFFE
    return after + 8 + number(data, after + 4, 4, little) <= end


def elements(data: bytes, start: int, end: int, layout: Layout) -> Iterator[Element]:
    """The elements from ``start`` on, in the order of the file; sequences are not entered.

    The caller stops at the pixels.

    Raises:
        EOFError: An element reaches beyond the end, or an undefined length has no end.
    """
    at = start
    while at < end:
        element = element_at(data, at, end, layout)
        if element.tag >> 16 == 0xFFFE:  # a delimiter too many
            at = element.start
            continue
        yield element
        at = end_of(data, element, end, layout)


def end_of(data: bytes, element: Element, end: int, layout: Layout, nested: int = 0) -> int:
    """Position behind an element.

    Raises:
        EOFError: It lies beyond ``end``.
    """
    if element.length != UNDEFINED:
        after = element.start + element.length
    else:
        after = _end_of_sequence(data, element.start, end, layout, nested)
    if after > end:
        raise EOFError(f"element {element.tag:08X} is cut")
    return after


def items(content: bytes, layout: Layout) -> Iterator[tuple[list[Element], Layout]]:
    """The elements of each item of a sequence, and how they are written.

    Args:
        content: The value of the sequence; positions in the result count from its start.
        layout: How the data set is written.

    Raises:
        EOFError: An item is cut.
    """
    at = 0
    while len(content) - at >= 8 and tag_at(content, at, layout.little) == ITEM:
        begin, length = at + 8, number(content, at + 4, 4, layout.little)
        inside = _item_layout(content, begin, layout)
        if length != UNDEFINED:
            at = min(len(content), begin + length)
        else:
            at = _end_of_item(content, begin, len(content), inside, 1)
        yield list(elements(content, begin, at, inside)), inside


def _item_layout(data: bytes, begin: int, layout: Layout) -> Layout:
    """Items are written as the data set is, but some writers change to implicit VR in them.

    PS3.5 6.2.2 even requires it in a UN of undefined length.
    """
    if tag_at(data, begin, layout.little) >> 16 == 0xFFFE:
        return layout
    return Layout(data[begin + 4 : begin + 6].upper() not in VRS, layout.little)


def _end_of_sequence(data: bytes, at: int, end: int, layout: Layout, nested: int) -> int:
    """Position behind a sequence of undefined length, or behind encapsulated fragments.

    An element where an item must be ends the sequence, as in DCMTK: its delimiter is missing.
    """
    if nested > _MOST_NESTED:
        raise EOFError("sequences are nested too deeply")
    while at < end:
        item = element_at(data, at, end, layout)
        if item.tag == SEQUENCE_END:
            return item.start
        if item.tag != ITEM:
            return at
        at = item.start + item.length
        if item.length == UNDEFINED:
            inside = _item_layout(data, item.start, layout)
            at = _end_of_item(data, item.start, end, inside, nested + 1)
    raise EOFError("a sequence has no end")


def _end_of_item(data: bytes, at: int, end: int, layout: Layout, nested: int) -> int:
    """Position behind an item of undefined length; the end of its sequence ends it too."""
    while at < end:
        element = element_at(data, at, end, layout)
        if element.tag >> 16 == 0xFFFE:
            return element.start if element.tag == ITEM_END else at
        at = end_of(data, element, end, layout, nested)
    raise EOFError("an item has no end")
