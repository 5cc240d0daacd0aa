"""Films at their full depth: values, windows and curves, by hand."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from film_files import dataset, dicom, write
from pneumoscope import images
from pneumoscope.errors import OnlyPadding, UnknownFormat
from pneumoscope.images.film_values import FilmValues, Voi, reduced
from pneumoscope.images.reading import read

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def values_of(stored: np.ndarray, **elements: Any) -> FilmValues:
    return images.read_values(dicom(stored, **elements), "film")


def shown(film: FilmValues) -> np.ndarray:
    """The film by its first window or curve, as the page shows it; float (rows, columns)."""
    real = film.first + film.step * film.values.astype(np.float64)
    voi = film.vois[0]
    share = np.clip((real - voi.low) / (voi.high - voi.low), 0, 1)
    if voi.curve is not None:
        share = np.interp(share, np.linspace(0, 1, len(voi.curve)), voi.curve)
    share = 1 - share if film.is_inverse else share
    return np.where((film.values == 0) & film.padding, 0, share)


def test_twelve_bits_keep_every_step() -> None:
    film = values_of(RAMP, BitsStored=12, HighBit=11, WindowCenter=1000.5, WindowWidth=401)
    assert len(np.unique(film.values)) == 4096
    assert (film.first, film.step, film.is_inverse, film.padding) == (0, 1, False, False)
    # PS3.3 C.11.2.1.2.1: black at c - 0.5 - (w - 1) / 2, white at c - 0.5 + (w - 1) / 2.
    assert film.vois == (Voi("", 800, 1200),)


def test_windows_are_listed_by_their_short_names_and_the_first_is_in_use() -> None:
    film = values_of(
        RAMP, RescaleSlope=2, RescaleIntercept=-100, WindowCenter=[500, 900, 50], WindowWidth=[101, 0.5, 201],
        WindowCenterWidthExplanation=["HARD", "WRONG", "a sentence about the patient"],
    )  # fmt: skip
    assert (film.first, film.step) == (-100, 2)
    assert [(voi.name, voi.low, voi.high) for voi in film.vois] == [
        ("HARD", 449.5, 549.5),
        ("", -50.5, 149.5),
    ]


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"WindowCenter": 2000, "WindowWidth": 900},
        {"WindowCenter": 2000, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": 2000, "WindowWidth": 900, "VOILUTFunction": "LINEAR_EXACT"},
        {"RescaleSlope": 0.5, "RescaleIntercept": -300},
        {"RescaleSlope": -1, "RescaleIntercept": 4095, "WindowCenter": 2000, "WindowWidth": 900},
        {"PixelPaddingValue": 0, "PhotometricInterpretation": "MONOCHROME1"},
    ],
)
def test_the_choice_in_use_is_what_the_film_is_shown_by(elements: dict[str, Any]) -> None:
    data = dicom(RAMP, BitsStored=12, HighBit=11, **elements)
    assert shown(images.read_values(data, "film")) == pytest.approx(read(data).pixels, abs=0.004)


def test_lookup_tables_are_curves() -> None:
    film = dataset(RAMP, BitsStored=12, HighBit=11, WindowCenter=2000, WindowWidth=1001)
    item = Dataset()
    item.LUTDescriptor = [4096, 0, 12]
    item.LUTExplanation = "Soft"
    item.LUTData = (np.arange(4096) ** 2 // 4095).astype("<u2").tobytes()
    other = Dataset()
    other.LUTDescriptor, other.LUTData = [4096, 0, 12], RAMP.tobytes()
    film.VOILUTSequence = [item, other]
    data = write(film)
    values = images.read_values(data, "film")
    assert [(voi.name, voi.low, voi.high) for voi in values.vois] == [
        ("Soft", 0, 4095), ("", 0, 4095), ("", 1499.5, 2499.5),
    ]  # fmt: skip
    curve = values.vois[0].curve
    assert curve is not None
    assert curve[512] == pytest.approx((512 / 1023) ** 2, abs=0.002)
    assert shown(values) == pytest.approx(read(data).pixels, abs=0.004)


def test_more_values_than_16_bits_are_spread_over_them() -> None:
    film = values_of(np.array([[0, 65536 * 3], [65536, 65535]] * 32, np.uint32).repeat(32, 1))
    assert film.values.max() == 65535
    assert film.first + film.step * film.values[1, 0] == pytest.approx(65536, abs=film.step)


def test_pictures_have_the_units_of_their_bits() -> None:
    deep = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    for pixels, white in ((deep, 65535), ((deep >> 8).astype(np.uint8), 255)):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        film = images.read_values(stream.getvalue(), "film")
        assert film.vois == (Voi("", 0, white),)
        assert (np.rint(film.first + film.step * film.values) == pixels).all()


def test_colours_are_shown_by_their_grey() -> None:
    data = dicom(np.full((64, 64, 3), (200, 100, 0), np.uint8), PhotometricInterpretation="RGB")
    film = images.read_values(data, "film")
    assert film.values[0, 0] / 65535 == pytest.approx(read(data).pixels[0, 0], abs=1e-4)
    assert film.vois == (Voi("", 0, 255),)


def test_a_reduced_film_keeps_its_padding_apart() -> None:
    stored = np.full((64, 64), 1000, np.uint16)
    stored[:, 32:] = 50
    film = reduced(values_of(stored, PixelPaddingValue=50), 16, 16)
    assert film.padding
    assert (film.values[:, 8:] == 0).all()
    assert (film.values[:, :7] == 950).all()  # 50 is the value 0
    assert reduced(film, 16, 16) is film


def test_it_is_restored_from_json() -> None:
    film = values_of(RAMP, WindowCenter=2000, WindowWidth=900, VOILUTFunction="SIGMOID")
    restored = FilmValues.restored(film.as_dict(), film.values)
    assert restored.as_dict() == film.as_dict()
    assert restored.vois == film.vois


def test_what_cannot_be_read() -> None:
    with pytest.raises(OnlyPadding):
        values_of(np.full((64, 64), 7, np.uint16), PixelPaddingValue=7)
    with pytest.raises(UnknownFormat):
        images.read_values(b"no film at all", "film")
