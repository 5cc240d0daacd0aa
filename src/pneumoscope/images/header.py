"""The data elements of a DICOM film that pneumoscope reads, and no others.

Only wanted tags are kept, so names and identifiers are never decoded. Values are converted here,
because pydicom's own conversion warns about every value that violates PS3.5, which real films do
all the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import pneumoscope.images.dicom_tags as tags
from pneumoscope.images.dicom_elements import Layout, elements, end_of, items

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WANTED = frozenset(
    (
        *(tags.SOP_CLASS, tags.MODALITY, tags.INTENT, tags.AGE, tags.BODY_PART),
        *(tags.IMAGER_SPACING, tags.VIEW, tags.ORIENTATION, tags.SERIES_LATERALITY),
        *(tags.LATERALITY, tags.SAMPLES, tags.PHOTOMETRIC, tags.PLANAR, tags.FRAMES, tags.ROWS),
        *(tags.COLUMNS, tags.SPACING, tags.ALLOCATED, tags.STORED, tags.HIGH_BIT, tags.SIGNED),
        *(tags.PADDING, tags.PADDING_LIMIT, tags.CENTER, tags.WIDTH, tags.INTERCEPT, tags.SLOPE),
        *(
            tags.FUNCTION,
            tags.WINDOW_NAMES,
            tags.MODALITY_LUTS,
            tags.VOI_LUTS,
            tags.SHAPE,
            *tags.PALETTES,
            tags.SHARED_GROUPS,
            tags.FRAME_GROUPS,
        ),
    )
)


_BINARY = {"FL": "f4", "FD": "f8", "US": "u2", "SS": "i2", "UL": "u4", "SL": "i4"}
"""VRs by which some writers store what must be text, such as a window."""
_PHOTOMETRICS = {
    re.sub(r"[\W_]", "", name): name
    for name in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422")
}
"""Names by their letters and digits."""


class Value(NamedTuple):
    """The value of an element as stored.

    Attributes:
        vr: The VR named in the file; None in implicit VR.
        raw: Its bytes; those of a sequence with its items.
        layout: How the data set around it is written.
    """

    vr: str | None
    raw: bytes
    layout: Layout


class Header:
    """Raw elements by tag. Every getter returns None if the element is absent or invalid."""

    def __init__(self, values: Mapping[int, Value]) -> None:
        self._elements = values

    def text(self, tag: int) -> str | None:
        """The first value of a text element."""
        return self.texts(tag)[0] or None

    def texts(self, tag: int) -> tuple[str, ...]:
        """All values of a text element."""
        parts = self.bytes_of(tag).decode("latin-1").split("\\")
        return tuple(part.strip(" \0") for part in parts)

    def numbers(self, tag: int) -> tuple[float, ...]:
        """All values of a DS or IS element, also of a binary one; empty if any of them is not a finite number.

        Some writers take the decimal comma of their language.
        """
        kind = _BINARY.get(self.vr(tag) or "")
        if kind is not None:
            dtype = np.dtype(f"{'<' if self.is_little(tag) else '>'}{kind}")
            raw = self.bytes_of(tag)
            stored = np.frombuffer(raw[: len(raw) // dtype.itemsize * dtype.itemsize], dtype)
            return tuple(stored.tolist()) if np.isfinite(stored).all() else ()
        try:
            text = self.bytes_of(tag).decode("ascii").replace("\0", "").replace(",", ".")
            parts = text.split("\\")
            values = tuple(float(part) for part in parts if part.strip())
        except ValueError:
            return ()
        return values if np.isfinite(values).all() else ()

    def number(self, tag: int, default: float) -> float:
        """The first value of a DS or IS element."""
        return next(iter(self.numbers(tag)), default)

    def short(self, tag: int, signed: bool = False) -> int | None:
        """The first value of a US or SS element."""
        values = self.shorts(tag)
        if not len(values):
            return None
        return int(values[:1].astype(np.uint16).view(np.int16)[0] if signed else values[0])

    def shorts(self, tag: int) -> NDArray[np.uint16]:
        """All values of a US, SS or OW element, read as unsigned; also if written as UL, SL or IS."""
        vr = self.vr(tag)
        if vr in ("IS", "DS"):
            numbers = np.array(self.numbers(tag))
            return numbers[(numbers >= 0) & (numbers < 1 << 16)].astype(np.uint16)
        raw, size = self.bytes_of(tag), 4 if vr in ("UL", "SL") else 2
        order = f"{'<' if self.is_little(tag) else '>'}u{size}"
        return np.frombuffer(raw[: len(raw) // size * size], order).astype(np.uint16)

    def is_little(self, tag: int) -> bool:
        """Whether an element is stored little endian."""
        element = self._elements.get(tag)
        return element is None or element.layout.little

    def bytes_of(self, tag: int) -> bytes:
        """The value as stored."""
        element = self._elements.get(tag)
        return b"" if element is None else element.raw

    def vr(self, tag: int) -> str | None:
        """The VR named in the file; None in implicit VR."""
        element = self._elements.get(tag)
        return None if element is None else element.vr

    def only(self, wanted: tuple[int, ...]) -> dict[int, Value]:
        """Those of some elements that are there."""
        return {tag: self._elements[tag] for tag in wanted if tag in self._elements}

    def first_item(self, tag: int) -> Header | None:
        """The first item of a sequence; None if it is damaged, too."""
        return next(self.items(tag), None)

    def items(self, tag: int) -> Iterator[Header]:
        """The items of a sequence, up to the first empty or damaged one."""
        element = self._elements.get(tag)
        if element is None:
            return
        raw = element.raw
        try:
            for inside, layout in items(raw, element.layout):
                if not inside:
                    return
                yield Header(
                    {e.tag: Value(e.vr, raw[e.start : e.start + e.length], layout) for e in inside}
                )
        except EOFError:
            return

    @property
    def photometric(self) -> str:
        """Photometric Interpretation, by default the usual one for the samples per pixel.

        Spaces and other marks within its name do not count: DCMTK reads such films.
        """
        default = "RGB" if self.short(tags.SAMPLES) == 3 else "MONOCHROME2"
        text = (self.text(tags.PHOTOMETRIC) or default).upper()
        return _PHOTOMETRICS.get(re.sub(r"[\W_]", "", text), text)

    @property
    def stored_bits(self) -> int:
        """Bits Stored, by default Bits Allocated; 0 if the header has neither."""
        stored = self.short(tags.STORED)
        return stored if stored is not None else self.short(tags.ALLOCATED) or 0

    @property
    def padding(self) -> tuple[int, int] | None:
        """Least and greatest stored value outside the image (PS3.3 C.7.5.1.1.2)."""
        signed = self.short(tags.SIGNED) == 1
        first = self.short(tags.PADDING, signed)
        if first is None:
            return None
        limit = self.short(tags.PADDING_LIMIT, signed)
        last = first if limit is None else limit
        return min(first, last), max(first, last)

    def __len__(self) -> int:
        return len(self._elements)


def parse(data: bytes, start: int, implicit: bool, little: bool) -> tuple[Header, int]:
    """Splits a data set up to its pixels.

    Args:
        data: The whole file.
        start: Where the data set begins.
        implicit: Implicit VR.
        little: Little endian.

    Returns:
        The wanted elements, and where the pixel data element begins, or the end of the data if
        there is none.

    Raises:
        EOFError: An element is cut, or an undefined length has no end.
    """
    layout = Layout(implicit, little)
    values: dict[int, Value] = {}
    at, end = start, len(data)
    for element in elements(data, start, end, layout):
        if element.tag in tags.PIXELS:
            return Header(_with_groups(values)), at
        at = end_of(data, element, end, layout)
        if element.tag in _WANTED:
            values[element.tag] = Value(element.vr, data[element.start : at], layout)
    return Header(_with_groups(values)), end


def _with_groups(values: dict[int, Value]) -> dict[int, Value]:
    """The elements, and those that objects of several frames, of which this has one, keep in functional groups."""
    groups = (Header(values).first_item(tag) for tag in (tags.SHARED_GROUPS, tags.FRAME_GROUPS))
    inside: dict[int, Value] = {}
    for group in groups:
        for macro, wanted in tags.MACROS.items():
            item = None if group is None else group.first_item(macro)
            if item is not None:
                inside |= item.only(wanted)
    stated = {tag: value for tag, value in values.items() if value.raw or tag not in inside}
    return inside | stated
