"""The data elements of a DICOM film that pneumoscope reads, and no others.

pydicom splits the file into raw elements. Only wanted tags are kept, so names and identifiers are
never decoded. Values are converted here, because pydicom's own conversion warns about every value
that violates PS3.5, which real films do all the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.filereader import data_element_generator
from pydicom.tag import BaseTag
from pydicom.values import convert_SQ

import pneumoscope.images.dicom_tags as tags

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WANTED: list[BaseTag | int] = [
    tags.SOP_CLASS,
    tags.MODALITY,
    tags.INTENT,
    tags.AGE,
    tags.BODY_PART,
    tags.IMAGER_SPACING,
    tags.VIEW,
    tags.ORIENTATION,
    tags.SERIES_LATERALITY,
    tags.LATERALITY,
    tags.SAMPLES,
    tags.PHOTOMETRIC,
    tags.PLANAR,
    tags.FRAMES,
    tags.ROWS,
    tags.COLUMNS,
    tags.SPACING,
    tags.ALLOCATED,
    tags.STORED,
    tags.SIGNED,
    tags.PADDING,
    tags.PADDING_LIMIT,
    tags.CENTER,
    tags.WIDTH,
    tags.INTERCEPT,
    tags.SLOPE,
    tags.FUNCTION,
    tags.MODALITY_LUTS,
    tags.VOI_LUTS,
    tags.SHAPE,
    *tags.PALETTES,
]


class Header:
    """Raw elements by tag. Every getter returns None if the element is absent or invalid."""

    def __init__(self, elements: Mapping[Any, Any]) -> None:
        self._elements = elements

    def text(self, tag: int) -> str | None:
        """The first value of a text element."""
        raw = self._raw(tag)
        if not isinstance(raw, bytes):
            return None
        return raw.decode("latin-1").split("\\")[0].strip(" \0") or None

    def numbers(self, tag: int) -> tuple[float, ...]:
        """All values of a DS or IS element; empty if any of them is not a finite number."""
        try:
            parts = self.bytes_of(tag).decode("ascii").replace("\0", "").split("\\")
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
        """All values of a US, SS or OW element, read as unsigned."""
        raw = self._raw(tag)
        if not isinstance(raw, bytes):
            return np.zeros(0, np.uint16)
        order = "<u2" if self._elements[tag].is_little_endian else ">u2"
        return np.frombuffer(raw[: len(raw) // 2 * 2], order).astype(np.uint16)

    def bytes_of(self, tag: int) -> bytes:
        """The value as stored."""
        raw = self._raw(tag)
        return raw if isinstance(raw, bytes) else b""

    def vr(self, tag: int) -> str | None:
        """The VR named in the file; None in implicit VR."""
        element = self._elements.get(tag)
        return getattr(element, "VR", None)

    def first_item(self, tag: int) -> Header | None:
        """The first item of a sequence."""
        element = self._elements.get(tag)
        if element is None:
            return None
        items = element.value
        if isinstance(items, bytes):
            items = convert_SQ(items, element.is_implicit_VR, element.is_little_endian)
        if not items:
            return None
        item: Dataset = items[0]
        return Header({int(key): item.get_item(key) for key in item.keys()})  # noqa: SIM118

    def palette(self) -> Dataset:
        """The palette's elements as pydicom's ``apply_color_lut`` wants them."""
        palette = Dataset(
            {key: self._elements[key] for key in self._elements if key in tags.PALETTES}
        )
        palette.PixelRepresentation = self.short(tags.SIGNED) or 0
        return palette

    @property
    def photometric(self) -> str:
        """Photometric Interpretation, by default the usual one for the samples per pixel."""
        default = "RGB" if self.short(tags.SAMPLES) == 3 else "MONOCHROME2"
        return (self.text(tags.PHOTOMETRIC) or default).upper()

    @property
    def stored_bits(self) -> int:
        """Bits Stored, by default Bits Allocated; 0 if the header has neither."""
        stored = self.short(tags.STORED)
        return stored if stored is not None else self.short(tags.ALLOCATED) or 0

    def __len__(self) -> int:
        return len(self._elements)

    def _raw(self, tag: int) -> object:
        return getattr(self._elements.get(tag), "value", None)


class _Stream(BytesIO):
    """Remembers that a read ended early, which pydicom takes for the end of the data set."""

    is_short = False

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if data and len(data) < (size or 0):
            self.is_short = True
        return data


def parse(data: bytes, start: int, implicit: bool, little: bool) -> tuple[Header, int]:
    """Splits a data set up to its pixels.

    Args:
        data: The whole file.
        start: Where the data set begins.
        implicit: Implicit VR.
        little: Little endian.

    Returns:
        The wanted elements, and where the pixel data element begins, or the position behind the
        last element if there is none (beyond ``len(data)`` if the file was cut).

    Raises:
        EOFError: An element of undefined length has no end.
    """
    stream = _Stream(data)
    stream.seek(start)
    elements = {
        int(element.tag): element
        for element in data_element_generator(
            stream,
            implicit,
            little,
            lambda tag, _vr, _n: tag in tags.PIXELS,
            None,
            "latin-1",
            _WANTED,
        )
    }
    for element in elements.values():
        value = element.value
        if isinstance(value, bytes) and len(value) < getattr(element, "length", 0) < 0xFFFFFFFF:
            raise EOFError(f"element {element.tag} is cut")
    if stream.is_short:
        raise EOFError("the last element is cut")
    return Header(elements), stream.tell()
