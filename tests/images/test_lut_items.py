"""Which lookup tables are taken over."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from film_files import table, words
from pneumoscope.images.lut_items import sound_item


def item(descriptor: object, data: object, vr: str = "US") -> Dataset:
    made = Dataset()
    made.add_new("LUTDescriptor", "US", descriptor)
    made.add_new("LUTData", vr, data)
    return made


@pytest.mark.parametrize(
    ("entries", "sound"),
    [
        (table([4, 0, 16], words(0, 1, 2, 3)), True),
        (table([9, 0, 16], words(0, 1)), False),
        (item([2, 0, 16], [0, 1]), True),
        (item([1, 0, 16], 7), True),
        (item([2, 0, 16], 7), False),
        (item(4, [0, 1, 2, 3]), False),
        (item(None, [0, 1]), False),
        (item([2, 0, 16], None), False),
        (item([8, 0, 16], "JANE DOE", "LT"), False),
        (item([2, 0, 16], ["JANE", "DOE"], "LO"), False),
        (Dataset(), False),
    ],
)
def test_a_table_has_as_many_numbers_as_its_descriptor_says(entries: Dataset, sound: bool) -> None:
    assert sound_item(Sequence([entries])) is (entries if sound else None)


@pytest.mark.parametrize("value", [None, "", "text", 3, Sequence()])
def test_other_values_are_no_table(value: object) -> None:
    assert sound_item(value) is None
