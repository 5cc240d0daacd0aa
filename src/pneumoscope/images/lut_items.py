"""Items of lookup tables as pydicom reads them, for objects that take a film's table over."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

_MOST_ENTRIES = 65536  # PS3.3 C.11.1.1.1: a count of 0 stands for 2^16


def sound_item(sequence: Any) -> Dataset | None:
    """The first item of a Modality or VOI LUT Sequence (PS3.3 C.11.1, C.11.2) if it is sound.

    Args:
        sequence: The value of the attribute, of any type.

    Returns:
        An item whose descriptor is three integers and whose entries are numbers, as many as the
        descriptor says; else None.
    """
    if not isinstance(sequence, Sequence) or not sequence:
        return None
    descriptor, data = (sequence[0].get(name) for name in ("LUTDescriptor", "LUTData"))
    numbers = _integers(descriptor)
    if len(numbers) != 3:
        return None
    count = len(data) // 2 if isinstance(data, bytes) else len(_integers(data))
    return sequence[0] if count == (numbers[0] or _MOST_ENTRIES) else None


def _integers(value: Any) -> list[int]:
    """The integers of a value; pydicom does not put a single one into a list. Else empty."""
    values = list(value) if isinstance(value, MultiValue | list) else [value]
    return values if all(isinstance(number, int) for number in values) else []
