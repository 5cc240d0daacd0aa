"""TIFF in layouts beyond those of Pillow, written by TIFF 6.0 so that no writer has a say in them."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from PIL import Image

from film_files import ramp, save, smooth
from pneumoscope import errors, images
from tiff_files import entry, of_pages, of_strip_rows, one_page, one_strip, packbits, packed, tags

GREY = ramp(70, 90)


def bigger(kind: str) -> np.ndarray:
    """The ramp with white as 1.0, or as the largest value of an integer kind."""
    unit = GREY / 250
    if kind.startswith("f"):
        return unit.astype(kind)
    if kind.endswith("8"):  # floats do not hold 64 bits
        return GREY.astype(kind) * (np.iinfo(kind).max // 250)
    return np.round(unit * np.iinfo(kind).max).astype(kind)


UNIT = (GREY / 250).astype(np.float32)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u2", "u4", "i4", "u8", "f2", "f4", "f8"])
def test_every_depth_is_read(kind: str, order: str) -> None:
    tolerance = 1e-3 if kind == "f2" else 1e-4
    pixels = images.read(one_strip(bigger(kind), order)).pixels
    np.testing.assert_allclose(pixels, UNIT, atol=tolerance)


def test_32_bits_unsigned_do_not_wrap() -> None:
    # Above 2 ** 31 a signed reader sees negative numbers.
    stored = (GREY.astype(np.uint32) + 5) << 24
    pixels = images.read(one_strip(stored)).pixels
    np.testing.assert_allclose(pixels, UNIT, atol=1e-6)


@pytest.mark.parametrize("kind", ["u4", "f8", "f2"])
def test_white_is_zero_in_deep_films(kind: str) -> None:
    pixels = images.read(one_strip(bigger(kind), photometric=0)).pixels
    np.testing.assert_allclose(pixels, 1 - UNIT, atol=1e-3)


@pytest.mark.parametrize("kind", ["u1", "u2"])
@pytest.mark.parametrize("extra", [None, 0, 1, 2])
def test_grey_with_alpha(kind: str, extra: int | None) -> None:
    most = np.iinfo(kind).max
    alpha = np.full(GREY.shape, most, kind)
    alpha[:, :10] = 0
    stored = np.dstack([bigger(kind), alpha])
    more = () if extra is None else (entry(338, "H", extra),)
    expected = UNIT.copy()
    if extra == 2:
        expected[:, :10] = 0
    pixels = images.read(one_strip(stored, more=more)).pixels
    np.testing.assert_allclose(pixels, expected, atol=0.005)


def test_planes_of_16_bit_colour() -> None:
    planes = np.stack([bigger("u2")] * 3)
    fields = [*tags((70, 90, 3), 16, photometric=2), entry(278, "I", 70), entry(284, "H", 2)]
    data = of_pages([(fields, [plane.tobytes() for plane in planes], 273)])
    film = images.read(data)
    np.testing.assert_allclose(film.pixels, UNIT, atol=0.005)
    assert not film.facts.colour
    planes[0] = 0
    coloured = images.read(of_pages([(fields, [plane.tobytes() for plane in planes], 273)]))
    assert coloured.facts.colour


@pytest.mark.parametrize("compression", [8, 32946])
@pytest.mark.parametrize("predictor", [1, 2])
def test_several_compressed_strips(compression: int, predictor: int) -> None:
    stored = bigger("u4")
    coded = stored.copy()
    if predictor == 2:
        coded[:, 1:] -= stored[:, :-1]
    strips = [zlib.compress(coded[at : at + 32].tobytes()) for at in range(0, 70, 32)]
    fields = [
        *tags(stored.shape, 32, compression=compression), entry(278, "I", 32),
        entry(317, "H", predictor),
    ]  # fmt: skip
    pixels = images.read(of_pages([(fields, strips, 273)])).pixels
    np.testing.assert_allclose(pixels, UNIT, atol=1e-6)


STRIP_ROWS = (71, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
CODINGS = (None, "packbits", "tiff_lzw", "tiff_adobe_deflate")


@pytest.mark.parametrize("rows", STRIP_ROWS)
@pytest.mark.parametrize("coding", CODINGS)
def test_one_strip_may_state_any_number_of_rows(coding: str | None, rows: int) -> None:
    for film, unit in (
        (GREY, GREY / 255),
        (bigger("u2"), UNIT),
        (np.dstack([GREY] * 3), GREY / 255),
    ):
        data = of_strip_rows(save(film, "TIFF", compression=coding), rows)
        np.testing.assert_allclose(images.read(data).pixels, unit, atol=1e-4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wide", [False, True])
def test_packed_data_of_any_kind_of_file_may_do_so(wide: bool, order: str) -> None:
    data = one_page(packbits(GREY), 8, order=order, wide=wide, t259=(32773,), t278=(2**31,))
    np.testing.assert_allclose(images.read(data).pixels, GREY / 255, atol=1e-6)


@pytest.mark.parametrize("compression", [1, 8, 32773])
@pytest.mark.parametrize("order", ["<", ">"])
def test_packed_floats_of_either_byte_order(order: str, compression: int) -> None:
    stored = UNIT.astype(order + "f4").tobytes()
    data = stored if compression == 1 else zlib.compress(stored)
    if compression == 32773:  # PackBits: runs of different bytes
        data = b"".join(b"\x59" + stored[at : at + 90] for at in range(0, len(stored), 90))
    fields = [*tags(GREY.shape, 32, 3, compression=compression), entry(278, "I", 70)]
    pixels = images.read(of_pages([(fields, [data], 273)], order)).pixels
    np.testing.assert_allclose(pixels, UNIT, atol=1e-6)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_film_whose_strips_are_not_all_listed_is_an_error(coding: str | None) -> None:
    for film in (GREY, bigger("u2"), np.dstack([GREY] * 3)):
        data = of_strip_rows(save(film, "TIFF", compression=coding), 69)
        with pytest.raises(errors.UnreadableImage, match="strips are not listed"):
            images.read(data)


def test_a_film_whose_tiles_are_not_all_listed_is_an_error() -> None:
    sizes = (entry(322, "I", 32), entry(323, "I", 48))
    fields = [*tags(GREY.shape, 8), *sizes]
    for count in (3, 5):  # of six
        with pytest.raises(errors.UnreadableImage, match="tiles are not listed"):
            images.read(of_pages([(fields, [bytes(32 * 48)] * count, 324)]))


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_strips_and_tiles_that_are_listed_beyond_the_film_are_left_out(kind: str, compression: int) -> None:  # fmt: skip
    film = GREY.astype(kind) * (np.iinfo(kind).max // 255)
    tiles = np.zeros((96, 96), kind)
    tiles[:70, :90] = film
    cells = [
        tiles[row : row + 48, column : column + 32] for row in (0, 48) for column in (0, 32, 64)
    ]
    strips = [film[:35], film[35:]]
    sizes = [entry(322, "I", 32), entry(323, "I", 48)]
    for parts, more, tag in ((strips, [entry(278, "I", 35)], 273), (cells, sizes, 324)):
        for others in ([b""], [bytes(tiles[:48, :32].nbytes)] * 3):
            stored = [part.tobytes() for part in parts]
            packed = [zlib.compress(part) for part in stored] if compression == 8 else stored
            fields = [*tags(film.shape, film.itemsize * 8, compression=compression), *more]
            pixels = images.read(of_pages([(fields, [*packed, *others], tag)])).pixels
            np.testing.assert_allclose(pixels, film / np.iinfo(kind).max, atol=1e-6)


def test_a_jpeg_with_fewer_pixels_than_its_strip_or_tile_is_an_error() -> None:
    jpeg = save(GREY[:64, :80], "JPEG")
    fields = [*tags((64, 80), 8, compression=7), entry(278, "I", 64)]
    images.read(of_pages([(fields, [jpeg], 273)]))
    for shape in ((70, 80), (64, 90)):
        fields = [*tags(shape, 8, compression=7), entry(278, "I", shape[0])]
        with pytest.raises(errors.UnreadableImage, match="a part of its pixels is missing"):
            images.read(of_pages([(fields, [jpeg], 273)]))
    fields = [*tags((64, 160), 8, compression=7), entry(322, "I", 80), entry(323, "I", 96)]
    images.read(of_pages([(fields, [jpeg] * 2, 324)]))  # a tile need not go on below the film
    fields = [*tags((70, 160), 8, compression=7), *fields[-2:]]
    with pytest.raises(errors.UnreadableImage, match="a part of its pixels is missing"):
        images.read(of_pages([(fields, [jpeg] * 2, 324)]))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_strip_may_state_more_bytes_than_it_has(bits: int, order: str) -> None:
    white = 2**bits - 1
    film = np.round(UNIT * white).astype(order + "u2")
    strip = {8: film.astype(np.uint8).tobytes(), 12: packed(film, 12), 16: film.tobytes()}[bits]
    data = one_page(strip, bits, order=order, t279=(10**6,))
    np.testing.assert_allclose(images.read(data).pixels, film / white, atol=1e-6)
    short = one_page(strip, bits, order=order, t279=(10**6,), t257=(71,), t278=(71,), t273=(300,))
    with pytest.raises(errors.ImageError):
        images.read(short)


def test_a_volume_is_no_film() -> None:
    with pytest.raises(errors.NotA2DImage, match="4 frames"):
        images.read(one_strip(GREY, more=(entry(32997, "I", 4),)))


def test_tiles_with_floating_point_differences() -> None:
    stored = np.zeros((96, 96), np.float64)
    stored[:70, :90] = GREY / 250
    tiles = []
    for top in range(0, 96, 32):
        for left in range(0, 96, 48):
            tile = stored[top : top + 32, left : left + 48].astype(">f8")
            bytewise = tile.view(np.uint8).reshape(32, 48, 8).transpose(0, 2, 1).reshape(32, -1)
            coded = bytewise.copy()
            coded[:, 1:] -= bytewise[:, :-1]
            tiles.append(zlib.compress(coded.tobytes()))
    fields = [
        *tags((70, 90), 64, 3, compression=8), entry(317, "H", 3), entry(322, "I", 48),
        entry(323, "I", 32),
    ]  # fmt: skip
    pixels = images.read(of_pages([(fields, tiles, 324)])).pixels
    np.testing.assert_allclose(pixels, UNIT, atol=1e-6)


def page(stored: np.ndarray, *more: tuple[int, str, tuple[int, ...]]) -> tuple[list, list, int]:
    bits = 8 * stored.itemsize
    return [*tags(stored.shape, bits), entry(278, "I", len(stored)), *more], [stored.tobytes()], 273


SMALL = ramp(64, 64)
REDUCED, OLD_REDUCED, MASK = entry(254, "I", 1), entry(255, "H", 2), entry(254, "I", 4)


@pytest.mark.parametrize("order", ["film first", "film last"])
@pytest.mark.parametrize("copy", [REDUCED, OLD_REDUCED, MASK])
@pytest.mark.parametrize("kind", ["u1", "u2", "u4"])
def test_a_reduced_copy_is_no_second_film(kind: str, copy: tuple, order: str) -> None:
    pages = [page(bigger(kind)), page(SMALL, copy)]
    if order == "film last":
        pages.reverse()
    pixels = images.read(of_pages(pages)).pixels
    np.testing.assert_allclose(pixels, bigger(kind) / np.iinfo(kind).max, atol=0.005)


def test_two_films_in_a_file_are_still_two() -> None:
    with pytest.raises(errors.NotA2DImage, match="several pages"):
        images.read(of_pages([page(GREY), page(SMALL)]))
    with pytest.raises(errors.NotA2DImage, match="no page but reduced copies"):
        images.read(of_pages([page(GREY, REDUCED)]))


def test_a_circle_of_pages_ends() -> None:
    data = bytearray(of_pages([page(GREY), page(SMALL, REDUCED)]))
    first = data[4:8]
    data[-4:] = first
    np.testing.assert_array_equal(images.read(bytes(data)).pixels, GREY / np.float32(255))


@pytest.mark.parametrize(
    ("compression", "name"),
    [
        (34887, "LERC"),
        (33005, "JPEG 2000"),
        (34712, "JPEG 2000"),
        (50002, "JPEG XL"),
        (9999, "9999"),
    ],
)
def test_a_sound_but_rare_compression_is_not_supported(compression: int, name: str) -> None:
    fields = [*tags(GREY.shape, 8, compression=compression), entry(278, "I", 70)]
    with pytest.raises(errors.UnsupportedCoding, match=name) as caught:
        images.read(of_pages([(fields, [GREY.tobytes()], 273)]))
    assert "damaged" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("shape", "bits", "fmt", "photometric"),
    [
        ((70, 90), 24, 1, 1),
        ((70, 90, 3), 32, 3, 2),  # colour in floats
        ((70, 90), 16, 1, 8),  # CIE L*a*b*
        ((70, 90), 128, 6, 1),  # complex
    ],
)
def test_a_rare_layout_is_not_supported(
    shape: tuple[int, ...], bits: int, fmt: int, photometric: int
) -> None:
    data = bytes(int(np.prod(shape)) * bits // 8)
    fields = [*tags(shape, bits, fmt, photometric), entry(278, "I", 70)]
    with pytest.raises(errors.UnsupportedCoding, match="not supported"):
        images.read(of_pages([(fields, [data], 273)]))


def test_a_deep_film_that_is_cut_is_truncated() -> None:
    with pytest.raises(errors.TruncatedImage):
        images.read(cut(one_strip(bigger("f8"))))


def cut(data: bytes) -> bytes:
    """The strips of this writer come first, so the directory is moved to the front of the cut."""
    start = int.from_bytes(data[4:8], "little")
    directory = data[start:]
    at = 8 + (start - 8) // 2
    shorter = bytearray(data[:at] + directory)
    shorter[4:8] = at.to_bytes(4, "little")
    return bytes(shorter)


def test_orientation_is_undone_in_deep_films() -> None:
    turned = one_strip(bigger("f8"), more=(entry(274, "H", 6),))
    pixels = images.read(turned).pixels
    np.testing.assert_allclose(pixels, UNIT.T[:, ::-1], atol=1e-6)


def test_jpeg_inside_is_complete_or_an_error() -> None:
    coded = save(smooth(), "JPEG", quality=90)
    fields = [*tags((64, 80), 8, compression=7), entry(278, "I", 64)]
    whole = images.read(of_pages([(fields, [coded], 273)]))
    expected = np.asarray(Image.fromarray(smooth())) / 255
    np.testing.assert_allclose(whole.pixels, expected, atol=0.03)
    with pytest.raises(errors.TruncatedImage):
        images.read(of_pages([(fields, [coded[:-200] + b"\xff\xd9"], 273)]))
