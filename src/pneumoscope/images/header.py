"""The data elements of a DICOM film that pneumoscope looks at, and no others.

pydicom splits the file into raw elements; only wanted tags are kept, so names and identifiers are
never decoded. Values are converted here: pydicom's own conversion warns of every value that breaks
the letter of PS3.5, which real films do all the time.
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

if TYPE_CHECKING:
    from numpy.typing import NDArray

# PS3.6 chapter 6
SOP_CLASS, MODALITY, INTENT = 0x00080016, 0x00080060, 0x00080068
AGE, BODY_PART, IMAGER_SPACING, VIEW = 0x00101010, 0x00180015, 0x00181164, 0x00185101
ORIENTATION, SERIES_LATERALITY, LATERALITY = 0x00200020, 0x00200060, 0x00200062
SAMPLES, PHOTOMETRIC, PLANAR, FRAMES = 0x00280002, 0x00280004, 0x00280006, 0x00280008
ROWS, COLUMNS, SPACING = 0x00280010, 0x00280011, 0x00280030
ALLOCATED, STORED, SIGNED = 0x00280100, 0x00280101, 0x00280103
PADDING, PADDING_LIMIT = 0x00280120, 0x00280121
CENTER, WIDTH, INTERCEPT, SLOPE = 0x00281050, 0x00281051, 0x00281052, 0x00281053
FUNCTION, MODALITY_LUTS, VOI_LUTS, SHAPE = 0x00281056, 0x00283000, 0x00283010, 0x20500020
LUT_DESCRIPTOR, LUT_DATA = 0x00283002, 0x00283006
_PALETTES = (
    *(0x00281101, 0x00281102, 0x00281103),  # descriptors: red, green, blue
    *(0x00281201, 0x00281202, 0x00281203, 0x00281221, 0x00281222, 0x00281223),  # data, segments
)
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)  # float, double, integer

_WANTED: list[BaseTag | int] = [
    *(SOP_CLASS, MODALITY, INTENT, AGE, BODY_PART, IMAGER_SPACING, VIEW),
    *(ORIENTATION, SERIES_LATERALITY, LATERALITY, SAMPLES, PHOTOMETRIC, PLANAR, FRAMES),
    *(ROWS, COLUMNS, SPACING),
    *(ALLOCATED, STORED, SIGNED, PADDING, PADDING_LIMIT, CENTER, WIDTH, INTERCEPT),
    *(SLOPE, FUNCTION, MODALITY_LUTS, VOI_LUTS, SHAPE, *_PALETTES),
]


class Header:
    """Raw elements by tag. Every getter answers None where the element is absent or nonsense."""

    def __init__(self, elements: Mapping[Any, Any]) -> None:
        self._elements = elements

    def text(self, tag: int) -> str | None:
        """The first value of a text element."""
        raw = self._raw(tag)
        if not isinstance(raw, bytes):
            return None
        return raw.decode("latin-1").split("\\")[0].strip(" \0") or None

    def numbers(self, tag: int) -> tuple[float, ...]:
        """All values of a DS or IS element; empty if any of them is no finite number."""
        try:
            parts = self.bytes_of(tag).decode("ascii").replace("\0", "").split("\\")
            found = tuple(float(part) for part in parts if part.strip())
        except ValueError:
            return ()
        return found if np.isfinite(found).all() else ()

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
        """The value as it is stored."""
        raw = self._raw(tag)
        return raw if isinstance(raw, bytes) else b""

    def vr(self, tag: int) -> str | None:
        """The VR that the file itself names; None in implicit VR."""
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
        found = Dataset({key: self._elements[key] for key in self._elements if key in _PALETTES})
        found.PixelRepresentation = self.short(SIGNED) or 0
        return found

    def __len__(self) -> int:
        return len(self._elements)

    def _raw(self, tag: int) -> object:
        return getattr(self._elements.get(tag), "value", None)


class _Stream(BytesIO):
    """Remembers that a read ended early: pydicom takes that for the end of the data set."""

    is_short = False

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        if found and len(found) < (size or 0):
            self.is_short = True
        return found


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
            stream, implicit, little, lambda tag, _vr, _n: tag in _PIXELS, None, "latin-1", _WANTED
        )
    }
    for element in elements.values():
        value = element.value
        if isinstance(value, bytes) and len(value) < getattr(element, "length", 0) < 0xFFFFFFFF:
            raise EOFError(f"element {element.tag} is cut")
    if stream.is_short:
        raise EOFError("the last element is cut")
    return Header(elements), stream.tell()
