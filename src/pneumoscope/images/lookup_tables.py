"""Lookup tables of DICOM films, scaled by the entries that they contain.

Modality and VOI LUTs (PS3.3 C.11.1 and C.11.2) and palettes (C.7.6.3.1.5 and C.7.9) have a
descriptor of three numbers: entries, first input value, bits of an entry. Writers get each of them
wrong, the entries themselves hardly ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import pneumoscope.images.dicom_tags as tags
from pneumoscope.images.greyscale import Lut

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.images.header import Header

    Inputs = tuple[float, float]
    Entries = NDArray[np.int64]

_MOST_ENTRIES = 65536  # PS3.3 C.11.1.1.1: a count of 0 stands for 2^16
_FEW_MISSING = 0.1  # share of entries at the end without which a table still serves
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2  # PS3.3 C.7.9.2.1 to C.7.9.2.3


class IncompletePalette(ValueError):
    """A palette without entries for red, green or blue."""


def lut_of(item: Header | None, signed: bool, inputs: Inputs | None = None) -> Lut | None:
    """A modality or VOI LUT, from its item's LUT Descriptor (0028,3002) and LUT Data (0028,3006).

    Args:
        item: The first item of the sequence.
        signed: Its input may be negative.
        inputs: Least and greatest value that the film looks up. Without them a table must be
            complete, and its first input value is believed.

    Returns:
        The table, or None if it contradicts itself or would make the film one shade.
    """
    if item is None:
        return None
    descriptor = item.shorts(tags.LUT_DESCRIPTOR)
    if len(descriptor) != 3:
        return None
    count = int(descriptor[0]) or _MOST_ENTRIES
    entries = _entries(item, tags.LUT_DATA, count, int(descriptor[2]))
    vr = item.vr(tags.LUT_DESCRIPTOR)
    is_signed = vr == "SS" or (vr != "US" and signed)
    first = int(descriptor[1])
    if is_signed and first >= 1 << 15:
        first -= 1 << 16
    if inputs is not None:
        first = _first(first, len(entries), inputs)
        if first + len(entries) <= inputs[1]:
            entries = _with_others(item, count, entries)
    if len(entries) < count:
        missing_allowed = int(_FEW_MISSING * count) if inputs is not None else 0
        reaches = inputs is not None and first + len(entries) > inputs[1]
        if len(entries) < 2 or not (reaches or count - len(entries) <= missing_allowed):
            return None
    if not entries.any() or (inputs is not None and len(entries) > 1 and not np.ptp(entries)):
        return None
    return Lut(first, entries, int(entries.max()).bit_length())


def _entries(item: Header, tag: int, count: int, bits: int) -> Entries:
    """The entries that are there, at most ``count``: words, or bytes packed in words."""
    words, raw = item.shorts(tag), item.bytes_of(tag)
    if count > 1 and len(raw) in (count, count + count % 2):
        packed = _bytes(item, tag)[:count]
        steps = np.diff(packed.astype(np.int64))
        # A descriptor of more than 8 bits may be right, and the second half of the words missing.
        if bits <= 8 or (steps >= 0).all() or (steps <= 0).all():
            return packed.astype(np.int64)
    return words[:count].astype(np.int64)


def _with_others(item: Header, count: int, entries: Entries) -> Entries:
    """The entries of a table with those that are there beyond the ``count`` stated, for a film that needs them."""
    words = item.shorts(tags.LUT_DATA)[:_MOST_ENTRIES]
    others = np.trim_zeros(words[count:], "b")  # zeros at the end fill the table up
    return words[: count + len(others)].astype(np.int64) if len(others) else entries


def _bytes(item: Header, tag: int) -> NDArray[np.uint8]:
    """A value as bytes, in their order: in big endian the two bytes of a word are swapped."""
    raw = item.bytes_of(tag)
    if item.is_little(tag) or item.vr(tag) in ("OB", "UN"):
        return np.frombuffer(raw, np.uint8)
    return item.shorts(tag).astype("<u2").view(np.uint8)


def _first(first: int, count: int, inputs: Inputs) -> int:
    """The first input value: as stored, else with the other sign, else the usual one.

    The VR of a descriptor follows Pixel Representation, although the input of a table may have
    another sign than the pixels.
    """
    for value in (first, first - (1 << 16), first + (1 << 16)):
        if value <= inputs[1] and value + count > inputs[0]:
            return value
    for value in (0, -(count // 2)):
        if value <= inputs[0] and inputs[1] < value + count:
            return value
    return int(inputs[0])


def palette_of(head: Header, inputs: Inputs) -> tuple[int, NDArray[np.float32]]:
    """A palette's colours (PS3.3 C.7.6.3.1.5 and C.7.9).

    Args:
        head: The film's header.
        inputs: Least and greatest stored value.

    Returns:
        The input value of the first colour, and the colours: float32 (n, 3) in [0, 1].

    Raises:
        IncompletePalette: A channel has no entries.
    """
    channels = [_palette_channel(head, channel) for channel in range(3)]
    count = min(len(entries) for entries in channels)
    if not count:
        raise IncompletePalette
    descriptors = [head.shorts(tags.PALETTES[channel]) for channel in range(3)]
    first = int(descriptors[0][1])
    if head.vr(tags.PALETTES[0]) == "SS" or head.short(tags.SIGNED) == 1:
        first -= (first >= 1 << 15) << 16
    colours: Entries = np.stack([entries[:count] for entries in channels], axis=1)
    needed = int(colours.max()).bit_length()
    stated = min(16, max(int(descriptor[2]) for descriptor in descriptors))
    if needed <= 8:
        bits = 8  # a dark palette of 8 bits stays dark
    elif needed <= 12 < stated:
        bits = needed  # 10 or 12 bits in words, described as 16
    else:
        bits = max(needed, stated)
    return _first(first, count, inputs), (colours / (2.0**bits - 1)).astype(np.float32)


def _palette_channel(head: Header, channel: int) -> Entries:
    """The entries of red, green or blue, as a table or in segments; empty if there are none."""
    descriptor = head.shorts(tags.PALETTES[channel])
    if len(descriptor) != 3:
        return np.zeros(0, np.int64)
    count, bits = int(descriptor[0]) or _MOST_ENTRIES, int(descriptor[2])
    table, segments = tags.PALETTES[3 + channel], tags.PALETTES[6 + channel]
    if head.bytes_of(table):
        return _entries(head, table, count, bits)
    words = head.shorts(segments).tolist()
    if bits > 8:
        return _expanded(words, count, 2)
    packed = _expanded(_bytes(head, segments).tolist(), count, 1)
    if len(packed) == count:
        return packed
    wide = _expanded(words, count, 2)  # 8-bit entries, each in a word
    return wide if len(wide) > len(packed) else packed


def _expanded(values: list[int], count: int, size: int) -> Entries:
    """The entries that segments describe (PS3.3 C.7.9.2), at most ``count``.

    Args:
        values: The segmented data, in units of ``size`` bytes.
        count: Entries that the descriptor promises.
        size: 1 or 2.
    """
    entries: list[int] = []
    _expand(values, 0, None, entries, count, size)
    return np.array(entries[:count], np.int64)


def _expand(
    values: list[int], at: int, most: int | None, entries: list[int], count: int, size: int
) -> None:
    """Appends the entries of ``most`` segments, or of all, beginning at a position."""
    offset_units = 4 // size  # an offset has 32 bits, the least significant part first
    while at + 1 < len(values) and len(entries) < count and (most is None or most > 0):
        opcode, length = values[at], values[at + 1]
        at += 2
        if opcode == _DISCRETE:
            entries += values[at : at + length]
            at += length
        elif opcode == _LINEAR and entries and at < len(values):
            line = np.linspace(entries[-1], values[at], length + 1)[1:]
            entries += np.rint(line).astype(int).tolist()
            at += 1
        elif opcode == _INDIRECT and most is None and at + offset_units <= len(values):
            parts = values[at : at + offset_units]
            offset = sum(part << (8 * size * i) for i, part in enumerate(parts))
            _expand(values, offset // size, length, entries, count, size)
            at += offset_units
        else:
            return  # damaged, or padding
        if most is not None:
            most -= 1
