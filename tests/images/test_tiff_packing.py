"""Packed TIFF of which a part is damaged."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from film_files import ramp, save
from pneumoscope import images
from pneumoscope.errors import UnreadableImage
from pneumoscope.images.tiff import film_page
from pneumoscope.images.tiff_packing import is_sound
from tiff_files import entry, filled_up, of_pages, one_page, overlapping, packbits, tags

NOISE = np.random.default_rng(4).integers(0, 40, (200, 240))
FILM = (NOISE + 160 * (np.sin(np.arange(240) / 40) + 1) / 2).astype(np.uint8)
FILM[:, ::3] = FILM[:, 1::3]
KINDS = ("tiff_adobe_deflate", "tiff_deflate", "packbits")


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_with_a_part_that_was_changed_is_not_read(kind: str) -> None:
    whole = save(FILM, "TIFF", compression=kind)
    np.testing.assert_array_equal(images.read(whole).levels, FILM)
    for share in (0.3, 0.5, 0.7):
        at = int(share * len(whole))
        with pytest.raises(UnreadableImage):
            images.read(whole[:at] + b"\xc0" * 1000 + whole[at + 1000 :])


def test_a_stream_of_other_pixels_than_its_checksum_is_refused() -> None:
    stream = zlib.compress(ramp(70, 90).tobytes())
    assert is_sound(8, stream, 70 * 90)
    assert not is_sound(8, stream[:-1] + bytes([stream[-1] ^ 1]), 70 * 90)


def test_streams_without_a_checksum_and_of_more_rows_are_read() -> None:
    stream = zlib.compress(ramp(70, 90).tobytes())
    longer = zlib.compress(ramp(80, 90).tobytes())
    for data in (stream[:-4], longer):
        film = images.read(one_page(data, 8, t259=(8,)))
        assert film.pixels.shape == (70, 90)


def test_each_strip_has_its_own_length() -> None:
    strips = [zlib.compress(ramp(70, 90)[top : top + 32].tobytes()) for top in (0, 32, 64)]
    data = of_pages([([*tags((70, 90), 8, compression=8), entry(278, "I", 32)], strips, 273)])
    assert film_page(data, "film").piece_bytes == (32 * 90, 32 * 90, 6 * 90)
    np.testing.assert_array_equal(images.read(data).levels, ramp(70, 90))


def test_an_only_strip_that_was_filled_up_to_its_stated_height_is_read() -> None:
    film = ramp(70, 90)
    filled = np.vstack([film, np.full((58, 90), 255, np.uint8)])
    for height in (128, 2**32 - 1):
        fields = [*tags(film.shape, 8, compression=32773), entry(278, "I", height)]
        content = packbits(filled if height == 128 else film)
        data = of_pages([(fields, [content], 273)])
        np.testing.assert_array_equal(images.read(data).levels, film)
        with pytest.raises(UnreadableImage):
            images.read(data.replace(content, content[:900] + b"\xc0" * 900 + content[1800:]))


def test_bytes_of_the_next_strip_are_not_those_of_a_strip() -> None:
    """Some writers state sizes that reach to the end of the pixels, and store equal strips once."""
    film = ramp(70, 90)
    film[20:40] = film[:20]
    data, first = overlapping(film), packbits(film[:20])
    np.testing.assert_array_equal(images.read(data).levels, film)
    with pytest.raises(UnreadableImage):
        images.read(data.replace(first, first[:400] + b"\xc0" * 400 + first[800:]))


def test_a_last_strip_that_was_filled_up_with_white_is_read() -> None:
    np.testing.assert_array_equal(images.read(filled_up(ramp(70, 90))).levels, ramp(70, 90))
