"""Writes TIFF by TIFF 6.0, so that no writer has a say in it."""

from __future__ import annotations

import re
import struct

import numpy as np

Entry = tuple[int, str, tuple[int, ...]]


def entry(tag: int, kind: str, *values: int) -> Entry:
    return tag, kind, values


def of_pages(pages: list[tuple[list[Entry], list[bytes], int]], order: str = "<") -> bytes:
    """A TIFF file.

    Args:
        pages: Entries, strips (or tiles), and the tag of their offsets: 273 or 324.
        order: "<" or ">".
    """
    out = bytearray(b"II*\0" if order == "<" else b"MM\0*") + bytearray(4)
    link = 4
    for entries, blocks, offset_tag in pages:
        offsets = []
        for block in blocks:
            offsets.append(len(out))
            out += block + b"\0" * (len(block) % 2)
        listed = [
            *entries,
            (offset_tag, "I", tuple(offsets)),
            (279 if offset_tag == 273 else 325, "I", tuple(map(len, blocks))),
        ]
        packed = []
        for tag, kind, values in sorted(listed):
            data = struct.pack(f"{order}{len(values)}{kind}", *values)
            if len(data) > 4:
                at, data = len(out), data + b"\0" * (len(data) % 2)
                out += data
                data = struct.pack(order + "I", at)
            head = struct.pack(order + "HHI", tag, {"H": 3, "I": 4}[kind], len(values))
            packed.append(head + data.ljust(4, b"\0"))
        out[link : link + 4] = struct.pack(order + "I", len(out))
        out += struct.pack(order + "H", len(packed)) + b"".join(packed)
        link = len(out)
        out += bytes(4)
    return bytes(out)


def tags(
    shape: tuple[int, ...], bits: int, fmt: int = 1, photometric: int = 1, compression: int = 1
) -> list[Entry]:
    samples = shape[2] if len(shape) == 3 else 1
    return [
        entry(256, "I", shape[1]), entry(257, "I", shape[0]),
        entry(258, "H", *[bits] * samples), entry(259, "H", compression),
        entry(262, "H", photometric), entry(277, "H", samples), entry(339, "H", *[fmt] * samples),
    ]  # fmt: skip


def one_strip(
    stored: np.ndarray,
    order: str = "<",
    more: tuple[Entry, ...] = (),
    photometric: int = 1,
) -> bytes:
    """One uncompressed strip."""
    fmt = {"u": 1, "i": 2, "f": 3}[stored.dtype.kind]
    data = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    entries = tags(stored.shape, 8 * stored.itemsize, fmt, photometric)
    return of_pages([([*entries, entry(278, "I", len(stored)), *more], [data], 273)], order)


def packed(levels: np.ndarray, bits: int) -> bytes:
    """Rows of samples, the highest bit first, each row filled up to a byte."""
    texts = ("".join(format(int(level), f"0{bits}b") for level in row) for row in levels)
    filled = (text + "0" * (-len(text) % 8) for text in texts)
    return b"".join(int(text, 2).to_bytes(len(text) // 8) for text in filled)


def one_page(
    data: bytes, bits: int, *, order: str = "<", wide: bool = False, **tags: tuple[int, ...]
) -> bytes:
    """A TIFF or, if wide, a BigTIFF of 70 rows and 90 columns in one strip.

    Args:
        data: The strip.
        bits: Bits per sample.
        order: "<" or ">".
        wide: BigTIFF.
        tags: Further or other entries, such as t279; none at all if the value is empty.
    """
    size, start = ("Q", 16) if wide else ("I", 8)
    entries = {256: (90,), 257: (70,), 258: (bits,), 259: (1,), 262: (1,), 273: (start,)}
    entries |= {277: (1,), 278: (70,), 279: (len(data),)}
    entries |= {int(tag[1:]): values for tag, values in tags.items()}
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if wide else 42)
    head += struct.pack(order + "HH", 8, 0) if wide else b""
    listed = [(tag, values) for tag, values in sorted(entries.items()) if values]
    values_at = start + len(data) + (8 if wide else 2) + (20 if wide else 12) * len(listed) + 8
    directory, beyond = struct.pack(order + ("Q" if wide else "H"), len(listed)), b""
    for tag, values in listed:
        kind, letter = (3, "H") if tag in (258, 320) else (4, "I")
        raw = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(raw) > struct.calcsize(size):
            raw, beyond = struct.pack(order + size, values_at + len(beyond)), beyond + raw
        directory += struct.pack(f"{order}HH{size}", tag, kind, len(values))
        directory += raw.ljust(struct.calcsize(size), b"\0")
    tail = directory + bytes(values_at - start - len(data) - len(directory)) + beyond
    return head + struct.pack(order + size, start + len(data)) + data + tail


def filled_up(film: np.ndarray) -> bytes:
    """PackBits in strips of 32 rows, of which the last is filled up with white."""
    height, columns = film.shape
    rows = np.vstack([film, np.full((-height % 32, columns), 255, np.uint8)])
    packed_rows = [bytes([columns - 1]) + row.tobytes() for row in rows]
    strips = [b"".join(packed_rows[top : top + 32]) for top in range(0, height, 32)]
    fields = [*tags(film.shape, 8, compression=32773), entry(278, "I", 32)]
    return of_pages([(fields, strips, 273)])


def packbits(film: np.ndarray) -> bytes:
    """Rows of up to 128 bytes, each as a run of different bytes."""
    return b"".join(bytes([film.shape[1] - 1]) + row.tobytes() for row in film)


def overlapping(film: np.ndarray) -> bytes:
    """PackBits in strips of 20 rows whose sizes reach to the end; the second strip is the first one once more."""
    parts = [packbits(film[top : top + 20]) for top in range(0, len(film), 20) if top != 20]
    ends = [8 + sum(map(len, parts[: i + 1])) for i in range(len(parts))]
    starts = [8, 8, *ends[:-1]]
    fields = [*tags(film.shape, 8, compression=32773), entry(278, "I", 20)]
    blob = b"".join(parts)
    data = bytearray(of_pages([(fields, [blob, *[b""] * (len(starts) - 1)], 273)]))
    for tag, values in ((273, starts), (279, [ends[-1] - start for start in starts])):
        head = data.index(struct.pack("<HHI", tag, 4, len(values)), ends[-1])
        at = int.from_bytes(data[head + 8 : head + 12], "little")
        data[at : at + 4 * len(values)] = struct.pack(f"<{len(values)}I", *values)
    return bytes(data)


def of_strip_rows(data: bytes, rows: int) -> bytes:
    """A little-endian TIFF of Pillow that states other RowsPerStrip."""
    entries = re.findall(rb"\x16\x01[\x03\x04]\x00\x01\x00{3}.{4}", data, re.DOTALL)
    (old,) = entries
    return data.replace(old, struct.pack("<HHII", 278, 4, 1, rows))
