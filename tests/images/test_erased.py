"""Uncompressed films of which a part was erased."""

from __future__ import annotations

import numpy as np
import pytest

from film_files import BIG, IMPLICIT, dicom, save, tiff
from pneumoscope import images
from pneumoscope.errors import UnreadableImage
from pneumoscope.images.erased import erased_rows


def film(rows: int = 100, columns: int = 80, bits: int = 12) -> np.ndarray:
    """Brighter towards the lower right corner; no pixel is black or white."""
    y, x = np.mgrid[:rows, :columns]
    shares = 0.3 + 0.3 * y / rows + 0.3 * x / columns
    return (shares * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def erased(pixels: np.ndarray, first: int, last: int, value: int = 0) -> np.ndarray:
    """Pixels of which those between two numbers have a value."""
    flat = pixels.ravel().copy()
    flat[first:last] = value
    return flat.reshape(pixels.shape)


END = 100 * 80


@pytest.mark.parametrize("value", [0, 65535])
def test_a_film_whose_end_was_erased_lacks_the_rows_from_the_one_that_breaks_off(
    value: int,
) -> None:
    assert erased_rows(erased(film(), 70 * 80 + 30, END, value)) == (70, 100)


def test_an_end_of_a_tenth_or_more_may_begin_with_a_row() -> None:
    assert erased_rows(erased(film(), 80 * 80, END)) == (80, 100)


def test_a_smaller_black_border_below_is_none() -> None:
    assert erased_rows(erased(film(), 91 * 80, END)) is None


def test_a_run_between_rows_begins_and_ends_within_them() -> None:
    assert erased_rows(erased(film(), 38 * 80 + 30, 46 * 80 + 60)) == (38, 46)
    assert erased_rows(erased(film(), 38 * 80 + 30, 46 * 80)) is None


def test_borders_of_a_film_are_no_erased_pixels() -> None:
    y, x = np.mgrid[:100, :80]
    framed = np.where((y > 20) & (y < 70) & (x > 10) & (x < 70), film(), 0)
    slanted = np.where(y + x / 20 < 70, film(), 0)
    cut_corner = np.where((y < 70) & (x + y < 130), film(), 0)
    faded = film() - np.minimum(film(), (40 * np.maximum(y - 10, 0)).astype(np.uint16))
    for pixels in (film(), framed, slanted, cut_corner, faded, np.zeros_like(film())):
        assert erased_rows(pixels) is None


def test_the_sides_of_a_film_may_be_black() -> None:
    pixels = film()
    pixels[:, :10] = pixels[:, -10:] = 0
    assert erased_rows(erased(pixels, 70 * 80 + 30, END)) == (70, 100)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", IMPLICIT, BIG])
def test_a_dicom_film_without_its_end_tells_how_much_is_missing(syntax: str) -> None:
    short = erased(film(), 70 * 80 + 30, END)
    facts = images.read(dicom(short, syntax, BitsStored=12, HighBit=11)).facts
    assert facts.missing_rows == 30
    assert images.read(dicom(film(), syntax, BitsStored=12, HighBit=11)).facts.missing_rows is None


@pytest.mark.parametrize("planes", [0, 1])
def test_an_erased_end_is_seen_in_colour(planes: int) -> None:
    colour = np.repeat(film(bits=8)[..., None], 3, axis=2)
    if planes:
        stored = erased(colour.transpose(2, 0, 1).reshape(300, 80), 290 * 80 + 30, 3 * END)
    else:
        stored = erased(colour.reshape(100, 240), 90 * 240 + 50, 3 * END)
    film_file = dicom(stored.reshape(100, 80, 3), PlanarConfiguration=planes)
    assert images.read(film_file).facts.missing_rows == 10


def test_a_dicom_film_with_an_erased_part_between_rows_is_not_read() -> None:
    with pytest.raises(UnreadableImage, match="a part of its pixels is blank"):
        images.read(dicom(erased(film(), 38 * 80 + 30, 46 * 80 + 60)))


@pytest.mark.parametrize("value", [0, 255])
def test_tiff_and_bmp_tell_how_much_is_missing(value: int) -> None:
    short = erased(film(bits=8), 70 * 80 + 30, END, value)
    assert images.read(tiff(short)).facts.missing_rows == 30
    # The lowest row of a BMP comes first.
    assert images.read(save(short[::-1], "BMP")).facts.missing_rows == 30
    assert images.read(save(film(bits=8), "BMP")).facts.missing_rows is None


def test_png_is_not_asked_because_its_checksums_tell() -> None:
    assert images.read(save(erased(film(bits=8), 5630, END), "PNG")).facts.missing_rows is None
