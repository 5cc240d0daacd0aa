"""What a header asks for, from its elements to a `GreyscaleTransform`; the shades themselves are in
``test_greyscale``."""

from __future__ import annotations

import numpy as np
import pytest

from film_files import EXPLICIT, IMPLICIT, dataset, table, words, write
from pneumoscope.images.dicom_display import greyscale_transform, shown
from pneumoscope.images.greyscale import GreyscaleTransform, Lut, Window
from pneumoscope.images.header import Header, parse

STORED = np.arange(6, dtype=np.uint16).reshape(2, 3)


def header(stored: np.ndarray = STORED, syntax: str = EXPLICIT, **elements: object) -> Header:
    data = write(dataset(stored, **elements), syntax, preamble=False)
    return parse(data, 0, implicit=syntax == IMPLICIT, little=True)[0]


def transform(**elements: object) -> GreyscaleTransform:
    return greyscale_transform(header(**elements))


def test_a_plain_film_has_nothing_to_it() -> None:
    assert transform() == GreyscaleTransform(bits=16)


def test_signed_pixels_and_their_padding() -> None:
    head = header(STORED.astype(np.int16), PixelPaddingValue=-2000, PixelPaddingRangeLimit=-3000)
    assert greyscale_transform(head) == GreyscaleTransform(
        bits=16, signed=True, padding=(-3000, -2000)
    )


def test_one_padding_value_is_a_range_of_its_own() -> None:
    assert transform(PixelPaddingValue=9).padding == (9, 9)
    assert transform(PixelPaddingValue=9, PixelPaddingRangeLimit=4).padding == (4, 9)


@pytest.mark.parametrize(
    ("elements", "window"),
    [
        ({"WindowCenter": 40, "WindowWidth": 400}, Window(40, 400)),
        ({"WindowCenter": [40, 50], "WindowWidth": [400, 9]}, Window(40, 400)),
        (
            {"WindowCenter": 1, "WindowWidth": 0.5, "VOILUTFunction": "SIGMOID"},
            Window(1, 0.5, "SIGMOID"),
        ),
        ({"WindowCenter": 40}, None),
        ({"WindowWidth": 400}, None),
        ({"WindowCenter": 40, "WindowWidth": 0}, None),
        ({"WindowCenter": 40, "WindowWidth": 0.5}, None),  # LINEAR needs at least 1
    ],
)
def test_windows(elements: dict[str, object], window: Window | None) -> None:
    assert transform(**elements).voi == window


@pytest.mark.parametrize(
    ("elements", "slope", "intercept"),
    [
        ({}, 1.0, 0.0),
        ({"RescaleSlope": 2.5, "RescaleIntercept": -1000}, 2.5, -1000.0),
        ({"RescaleSlope": 0}, 1.0, 0.0),  # it would make every value the same
    ],
)
def test_rescaling(elements: dict[str, object], slope: float, intercept: float) -> None:
    made = transform(**elements)
    assert (made.slope, made.intercept) == (slope, intercept)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverse"),
    [
        ("MONOCHROME2", None, False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),  # says the same twice
    ],
)
def test_what_turns_a_film(photometric: str, shape: str | None, inverse: bool) -> None:
    more = {} if shape is None else {"PresentationLUTShape": shape}
    assert transform(PhotometricInterpretation=photometric, **more).inverse is inverse


def test_a_table_goes_before_a_window() -> None:
    made = transform(
        VOILUTSequence=[table([2, 0, 8], words(0, 255))], WindowCenter=1, WindowWidth=2
    )
    assert isinstance(made.voi, Lut)
    damaged = transform(VOILUTSequence=[table([9, 0, 8], words(0))], WindowCenter=1, WindowWidth=2)
    assert damaged.voi == Window(1, 2)


def test_colour_becomes_luminance_and_its_tint_is_measured() -> None:
    stored = np.zeros((2, 2, 3), np.uint8)
    stored[..., 0] = 255
    made, tint = shown(stored, header(stored))
    # ITU-R BT.601: red weighs 0.299; it strays by 1 from green.
    assert made[0].tolist() == pytest.approx([0.299, 0.299])
    assert tint == 1.0
    grey = np.full((2, 2, 3), 51, np.uint8)
    made, tint = shown(grey, header(grey))
    assert made[0].tolist() == pytest.approx([0.2, 0.2])
    assert tint == 0.0


def test_deep_colour_is_scaled_by_its_bits() -> None:
    stored = np.full((2, 2, 3), 1023, np.uint16)
    made, _ = shown(stored, header(stored, BitsStored=10, HighBit=9))
    assert made[0].tolist() == pytest.approx([1.0, 1.0])
