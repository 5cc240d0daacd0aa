"""Uncompressed films of which a part was erased."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from film_files import BIG, IMPLICIT, dicom, save, tiff
from page_in_node import in_node
from pneumoscope import images
from pneumoscope.errors import UnreadableImage
from pneumoscope.images.erased import erased_run, missing_rows


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
    assert erased_run(erased(film(), 70 * 80 + 30, END, value)) == (70, 100)


def test_an_end_that_begins_with_a_row_is_padding() -> None:
    for first in (80, 91):
        assert erased_run(erased(film(), first * 80, END)) is None
    square = np.zeros((100, 80), np.uint16)
    square[20:80] = film(60)
    assert erased_run(square) is None


def test_a_run_between_rows_begins_and_ends_within_them() -> None:
    assert erased_run(erased(film(), 38 * 80 + 30, 46 * 80 + 60)) == (38, 46)
    assert erased_run(erased(film(), 38 * 80 + 30, 46 * 80)) is None


def test_borders_of_a_film_are_no_erased_pixels() -> None:
    y, x = np.mgrid[:100, :80]
    framed = np.where((y > 20) & (y < 70) & (x > 10) & (x < 70), film(), 0)
    slanted = np.where(y + x / 20 < 70, film(), 0)
    cut_corner = np.where((y < 70) & (x + y < 130), film(), 0)
    faded = film() - np.minimum(film(), (40 * np.maximum(y - 10, 0)).astype(np.uint16))
    for pixels in (film(), framed, slanted, cut_corner, faded, np.zeros_like(film())):
        assert erased_run(pixels) is None


def test_a_border_that_slants_by_less_than_a_row_is_seen_by_the_border_above() -> None:
    short = erased(film(), 70 * 80 + 30, END)
    short[:3] = 0
    assert erased_run(short) is None
    short[0, 5] = 1
    assert erased_run(short) == (70, 100)


@pytest.mark.parametrize("row", [20, 30, 35])
def test_a_blank_row_before_a_border_is_none(row: int) -> None:
    pixels = film()
    pixels[row] = pixels[36:60] = 0
    assert erased_run(pixels) is None


def test_a_black_strip_with_text_is_no_erased_part() -> None:
    strip = erased(film(), 70 * 80, END)
    strip[80:90:2, 10:14] = 4095
    assert erased_run(strip) is None
    # Between two places where the film breaks off, too.
    holed = erased(film(), 38 * 80 + 30, 62 * 80 + 60)
    assert erased_run(holed) == (38, 62)
    holed[52, 50] = 4095
    assert erased_run(holed) is None


def test_the_film_does_not_go_on_behind_an_erased_part_of_a_row() -> None:
    notched = erased(film(), 71 * 80, END)
    notched[70, 30:79] = notched[60, 79] = 0
    assert erased_run(notched) is None


def test_the_sides_of_a_film_may_be_black() -> None:
    pixels = film()
    pixels[:, :10] = pixels[:, -10:] = 0
    assert erased_run(erased(pixels, 70 * 80 + 30, END)) == (70, 100)


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


def random_film(rng: np.random.Generator, number: int) -> np.ndarray:
    """A noisy film with a blank run from anywhere to anywhere; some have black sides, rows and dots in it."""
    rows, columns = (int(size) for size in rng.integers((3, 8), (70, 50)))
    kind = (np.uint8, np.uint16, np.float32)[number % 3]
    greatest = 1 if kind is np.float32 else np.iinfo(kind).max
    y, x = np.mgrid[:rows, :columns]
    shares = 0.3 + 0.3 * y / rows + 0.3 * x / columns + rng.normal(0, 0.01, (rows, columns))
    pixels = (shares.clip(0, 1) * greatest).astype(kind)
    pixels[:, : number % 4 // 3 * 3] = 0
    pixels[: number % 13 // 12] = 0
    first, last = np.sort(rng.integers(0, pixels.size, 2))
    pixels.ravel()[first : last if number % 2 else None] = greatest if number % 7 == 0 else 0
    if number % 5 == 0:
        pixels[rng.integers(0, rows)] = 0
    if number % 11 == 0:
        pixels[rng.integers(0, rows), rng.integers(0, columns)] = greatest / 2
    return pixels


SCRIPT = """
import { readFileSync } from "node:fs";
import { missingRowsOf } from "./films/erased.js";
const kinds = { uint8: Uint8Array, uint16: Uint16Array, float32: Float32Array };
const answers = JSON.parse(readFileSync("input.json")).map(([kind, columns, values]) => {
  try {
    return missingRowsOf(kinds[kind].from(values), columns);
  } catch (error) {
    return error.code ?? String(error);
  }
});
console.log(JSON.stringify(answers));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_page_says_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    films = [random_film(rng, number) for number in range(300)]

    def answer(pixels: np.ndarray) -> int | str | None:
        try:
            return missing_rows(pixels, "film")
        except UnreadableImage as error:
            return error.code

    answers = [answer(pixels) for pixels in films]
    assert min(answers.count(None), answers.count("UnreadableImage")) > 20
    assert sum(isinstance(each, int) for each in answers) > 20
    values = [(pixels.dtype.name, pixels.shape[1], pixels.ravel().tolist()) for pixels in films]
    assert in_node(tmp_path, SCRIPT, values) == answers
