"""Lookup tables whose descriptor does not fit their entries, and palettes."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from pydicom.dataset import Dataset

from film_files import BIG, EXPLICIT, IMPLICIT, dataset, dicom, ramp, table, words, write
from pneumoscope import images
from pneumoscope.errors import UnreadableImage
from pneumoscope.images.greyscale import Lut
from pneumoscope.images.header import Header, parse
from pneumoscope.images.lookup_tables import lut_of, palette_of

STORED = np.arange(6, dtype=np.uint16).reshape(2, 3)


def header(stored: np.ndarray = STORED, syntax: str = EXPLICIT, **elements: object) -> Header:
    data = write(dataset(stored, **elements), syntax, preamble=False)
    return parse(data, 0, implicit=syntax == IMPLICIT, little=syntax != BIG)[0]


def lut(
    item: Dataset,
    *,
    signed: bool = False,
    syntax: str = EXPLICIT,
    inputs: tuple[float, float] | None = None,
) -> Lut | None:
    head = header(syntax=syntax, VOILUTSequence=[item])
    return lut_of(head.first_item(0x00283010), signed, inputs)


def parts(made: Lut | None) -> tuple[int, list[int], int] | None:
    return None if made is None else (made.first, made.entries.tolist(), made.bits)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_table_of_words(syntax: str) -> None:
    made = lut(table([3, 100, 12], words(0, 700, 4095)), syntax=syntax)
    assert parts(made) == (100, [0, 700, 4095], 12)


def test_a_table_packed_in_bytes() -> None:
    assert parts(lut(table([4, 0, 8], bytes([0, 9, 99, 255])))) == (0, [0, 9, 99, 255], 8)
    # An odd number of entries is padded to whole words.
    assert parts(lut(table([3, 0, 8], bytes([0, 9, 255, 0])))) == (0, [0, 9, 255], 8)


def test_no_entries_stand_for_all_of_them() -> None:
    made = lut(table([0, 0, 16], words(*range(65536))))
    assert made is not None
    assert (len(made.entries), made.entries[-1]) == (65536, 65535)


@pytest.mark.parametrize(
    ("vr", "signed", "first"),
    [("SS", False, -2), ("US", True, 65534), ("SS", True, -2), ("US", False, 65534)],
)
def test_the_first_input_has_a_sign_if_its_vr_says_so(vr: str, signed: bool, first: int) -> None:
    descriptor = [2, -2 if vr == "SS" else 65534, 8]
    made = lut(table(descriptor, words(0, 255), vr), signed=signed)
    assert made is not None
    assert made.first == first


def test_without_a_vr_the_pixels_tell_the_sign() -> None:
    item = table([2, 65534, 8], words(0, 255))
    made = [lut(item, signed=signed, syntax=IMPLICIT) for signed in (False, True)]
    assert [m.first for m in made if m is not None] == [65534, -2]


@pytest.mark.parametrize(
    "item",
    [
        table([3, 0], words(0, 1, 2)),  # a descriptor of two values
        table([4, 0, 12], words(0, 1, 2)),  # fewer entries than it says
    ],
)
def test_a_table_that_contradicts_itself_is_none(item: Dataset) -> None:
    assert lut(item) is None


# -- descriptors that do not fit the entries -------------------------------------------------------

RAMP = ramp(64, 80).astype(np.uint16) * 16  # 12 bits, up to 4000
IDENTITY = words(*range(4096))


def film_through(item: Dataset, stored: np.ndarray = RAMP, **elements: object) -> np.ndarray:
    elements = {"BitsStored": 12, "HighBit": 11} | elements
    return images.read(dicom(stored, VOILUTSequence=[item], **elements)).pixels


@pytest.mark.parametrize("bits", [0, 8, 10, 12, 14, 16, 32])
def test_white_is_what_the_entries_need(bits: int) -> None:
    np.testing.assert_allclose(
        film_through(table([4096, 0, bits], IDENTITY)), RAMP / 4095, atol=1e-6
    )


def test_8_bit_entries_in_words_called_16_bits() -> None:
    item = table([4096, 0, 16], words(*(value // 16 for value in range(4096))))
    np.testing.assert_allclose(film_through(item), ramp(64, 80) / 255, atol=1e-6)


def test_bytes_that_are_called_12_bits() -> None:
    item = table([4096, 0, 12], bytes(value // 16 for value in range(4096)))
    np.testing.assert_allclose(film_through(item), ramp(64, 80) / 255, atol=1e-6)


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
@pytest.mark.parametrize("vr", ["OW", "US"])
def test_packed_bytes_in_either_byte_order(syntax: str, vr: str) -> None:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4, 0, 8])
    packed = struct.unpack("<2H", bytes([0, 51, 102, 255]))
    order = ">" if syntax == BIG else "<"
    value = struct.pack(f"{order}2H", *packed) if vr == "OW" else list(packed)
    item.add_new("LUTData", vr, value)
    made = lut(item, syntax=syntax)
    assert parts(made) == (0, [0, 51, 102, 255], 8)


def test_words_in_big_endian() -> None:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [3, 0, 16])
    item.add_new("LUTData", "OW", struct.pack(">3H", 0, 700, 4095))
    assert parts(lut(item, syntax=BIG)) == (0, [0, 700, 4095], 12)


@pytest.mark.parametrize(
    ("first", "inputs", "right"),
    [
        (64512, (-1024.0, 3071.0), -1024),  # a US for a negative number
        (65535, (-1.0, 4094.0), -1),
        (0, (0.0, 4000.0), 0),
        (5000, (0.0, 4000.0), 0),  # beyond every value: the table begins where values do
        (30000, (-2048.0, 2047.0), -2048),
        (20000, (-100.0, 3000.0), -100),
    ],
)
def test_the_first_input_is_one_that_the_film_reaches(
    first: int, inputs: tuple[float, float], right: int
) -> None:
    made = lut(table([4096, first, 12], IDENTITY), inputs=inputs)
    assert made is not None
    assert made.first == right


def test_a_negative_first_input_behind_a_rescale() -> None:
    item = table([4096, 64512, 12], IDENTITY)
    made = film_through(item, RescaleIntercept=-1024, RescaleSlope=1)
    np.testing.assert_allclose(made, RAMP / 4095, atol=1e-6)


def test_a_first_input_beyond_the_film() -> None:
    np.testing.assert_allclose(
        film_through(table([4096, 5000, 12], IDENTITY)), RAMP / 4095, atol=1e-6
    )


@pytest.mark.parametrize(
    ("count", "given"),
    [
        (4096, 4095),
        (4096, 4001),  # all that a film up to 4000 needs
        (0, 4096),  # 65,536 said
    ],
)
def test_fewer_entries_than_said_serve_where_they_suffice(count: int, given: int) -> None:
    item = table([count, 0, 12], IDENTITY[: 2 * given])
    np.testing.assert_allclose(film_through(item), RAMP / 4095, atol=1e-6)


def test_a_few_missing_entries_repeat_the_last() -> None:
    made = film_through(table([4096, 0, 12], IDENTITY[: 2 * 3900]))
    np.testing.assert_allclose(made, np.minimum(RAMP, 3899) / 4095, atol=1e-6)


def test_entries_that_are_not_stated_count_if_the_film_needs_them() -> None:
    item = table([2, 100, 12], words(0, 700, 900, 4095))
    assert parts(lut(item, inputs=(100, 101))) == (100, [0, 700], 10)
    assert parts(lut(item, inputs=(100, 103))) == (100, [0, 700, 900, 4095], 12)
    # Zeros at its end fill it up.
    filled = table([2, 100, 12], words(0, 700, 900, 0, 0))
    assert parts(lut(filled, inputs=(100, 104))) == (100, [0, 700, 900], 10)
    filled = table([2, 100, 12], words(0, 700, 0, 0))
    assert parts(lut(filled, inputs=(100, 103))) == (100, [0, 700], 10)
    # Values beyond a table that is as long as stated have its last entry (PS3.3 C.11.2.1.1).
    assert parts(lut(table([2, 100, 12], words(0, 700)), inputs=(100, 103))) == (100, [0, 700], 10)


def test_half_a_table_is_none() -> None:
    made = film_through(
        table([4096, 0, 12], IDENTITY[: 2 * 2048]), WindowCenter=2048, WindowWidth=4096
    )
    np.testing.assert_allclose(made, RAMP / 4095, atol=1e-6)


@pytest.mark.parametrize("entries", [[0] * 4, [7] * 4])
def test_a_table_of_one_shade_is_none(entries: list[int]) -> None:
    assert lut(table([4, 0, 8], words(*entries)), inputs=(0.0, 3.0)) is None


@pytest.mark.parametrize("bits", [8, 16])
def test_a_modality_table_feeds_a_voi_table(bits: int) -> None:
    modality = table([4096, 0, bits], words(*(value + 1000 for value in range(4096))))
    made = film_through(table([4096, 1000, 16], IDENTITY), ModalityLUTSequence=[modality])
    np.testing.assert_allclose(made, RAMP / 4095, atol=1e-6)


# -- palettes --------------------------------------------------------------------------------------


def palette_film(
    data: bytes,
    descriptor: list[int],
    *,
    segmented: bool = False,
    syntax: str = EXPLICIT,
    stored: np.ndarray | None = None,
) -> bytes:
    """A film of indices whose three colours have the same table."""
    ds = dataset(ramp() if stored is None else stored, PhotometricInterpretation="PALETTE COLOR")
    for channel in range(3):
        ds.add_new(0x00281101 + channel, "SS" if descriptor[1] < 0 else "US", descriptor)
        ds.add_new((0x00281221 if segmented else 0x00281201) + channel, "OW", data)
    return write(ds, syntax)


def palette_shades(*args: object, **options: object) -> np.ndarray:
    return images.read(palette_film(*args, **options)).pixels


LINE = words(0, 1, 0) + words(1, 255, 65535)  # one entry of 0, then a line of 255 up to 65535


@pytest.mark.parametrize(
    ("data", "descriptor"),
    [
        (words(*range(256)), [256, 0, 8]),  # 8-bit entries in words (C.7.6.3.1.5)
        (words(*range(256)), [256, 0, 16]),  # the same, called 16 bits
        (bytes(range(256)), [256, 0, 8]),  # packed
        (bytes(range(256)), [256, 0, 16]),
        (words(*(257 * value for value in range(256))), [256, 0, 16]),
        (words(*(257 * value for value in range(256))), [256, 0, 8]),  # too narrow
        (words(*(value * 16 for value in range(256))), [256, 0, 16]),  # 12 bits, called 16
        (words(*range(256)), [300, 0, 8]),  # fewer entries than said
        (words(*range(256)), [256, 4000, 8]),  # begins where no pixel is
    ],
)
def test_a_palette_is_scaled_by_its_entries(data: bytes, descriptor: list[int]) -> None:
    made = palette_shades(data, descriptor)
    np.testing.assert_allclose(made, ramp() / 255, atol=0.005)


def test_a_palette_in_big_endian() -> None:
    wide = struct.pack(">256H", *range(256))
    np.testing.assert_allclose(
        palette_shades(wide, [256, 0, 8], syntax=BIG), ramp() / 255, atol=1e-6
    )
    swapped = np.arange(256, dtype=np.uint8).view("<u2").astype(">u2").tobytes()
    np.testing.assert_allclose(
        palette_shades(swapped, [256, 0, 8], syntax=BIG), ramp() / 255, atol=1e-6
    )


def test_a_palette_of_negative_indices() -> None:
    stored = ramp().astype(np.int16) - 100
    made = palette_shades(words(*range(256)), [256, -100, 8], stored=stored)
    np.testing.assert_allclose(made, ramp() / 255, atol=1e-6)


def test_a_dark_palette_of_8_bits_stays_dark() -> None:
    made = palette_shades(words(*(value // 4 for value in range(256))), [256, 0, 8])
    assert made.max() == pytest.approx(62 / 255)


@pytest.mark.parametrize(
    ("data", "descriptor"),
    [
        (LINE, [256, 0, 16]),
        (words(0, 2, 0, 257) + words(1, 254, 65535), [256, 0, 16]),
        # 8 bits, each segment value in a byte: 0, then 255 steps up to 255, and a padding byte.
        (bytes([0, 1, 0, 1, 255, 255]), [256, 0, 8]),
        # The same in words, as some writers do.
        (words(0, 1, 0, 1, 255, 255), [256, 0, 8]),
    ],
)
def test_a_segmented_palette(data: bytes, descriptor: list[int]) -> None:
    made = palette_shades(data, descriptor, segmented=True)
    np.testing.assert_allclose(made, ramp() / 255, atol=0.005)


def test_a_segmented_palette_in_big_endian() -> None:
    data = struct.pack(">6H", 0, 1, 0, 1, 255, 65535)
    made = palette_shades(data, [256, 0, 16], segmented=True, syntax=BIG)
    np.testing.assert_allclose(made, ramp() / 255, atol=0.005)
    packed = struct.pack(">3H", *struct.unpack("<3H", bytes([0, 1, 0, 1, 255, 255])))
    made = palette_shades(packed, [256, 0, 8], segmented=True, syntax=BIG)
    np.testing.assert_allclose(made, ramp() / 255, atol=1e-6)


def test_an_indirect_segment_repeats_others() -> None:
    # Entries 0 to 63 and 1000; then once more the segment at byte 6: a line of 63 up from 1000.
    segments = words(0, 1, 0) + words(1, 63, 630) + words(0, 1, 1000) + words(2, 1, 6, 0)
    head = header(
        PhotometricInterpretation="PALETTE COLOR",
        **{
            f"{colour}PaletteColorLookupTableDescriptor": [128, 0, 16]
            for colour in ("Red", "Green", "Blue")
        },
        **{
            f"Segmented{colour}PaletteColorLookupTableData": segments
            for colour in ("Red", "Green", "Blue")
        },
    )
    _, colours = palette_of(head, (0.0, 127.0))
    entries = np.rint(colours[:, 0] * 1023)
    assert entries[[0, 1, 63, 64]].tolist() == [0, 10, 630, 1000]
    # C.7.9.2.2: from the entry before, 1000, in 63 steps to 630.
    assert entries[[65, 127]].tolist() == [994, 630]


def test_colours_keep_their_proportions() -> None:
    ds = dataset(np.full((64, 64), 1, np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for channel, white in enumerate((255, 100, 0)):
        ds.add_new(0x00281101 + channel, "US", [2, 0, 16])
        ds.add_new(0x00281201 + channel, "OW", words(0, white))
    film = images.read(write(ds))
    assert film.facts.tint == pytest.approx((255 - 100) / 255)
    assert film.pixels[0, 0] == pytest.approx((0.299 * 255 + 0.587 * 100) / 255)


def test_an_incomplete_palette_is_an_error() -> None:
    ds = dataset(ramp(), PhotometricInterpretation="PALETTE COLOR")
    ds.add_new(0x00281101, "US", [256, 0, 8])
    ds.add_new(0x00281201, "OW", words(*range(256)))
    with pytest.raises(UnreadableImage, match="palette is incomplete"):
        images.read(write(ds))
    with pytest.raises(
        UnreadableImage, match="palette is incomplete"
    ):  # a line without a first entry
        images.read(palette_film(words(1, 256, 65535), [256, 0, 16], segmented=True))


def test_a_palette_of_signed_indices_has_a_signed_beginning() -> None:
    stored = np.array([[-3, 2]], np.int16)
    head = header(
        stored,
        PhotometricInterpretation="PALETTE COLOR",
        RedPaletteColorLookupTableDescriptor=[6, -3, 8],
        GreenPaletteColorLookupTableDescriptor=[6, -3, 8],
        BluePaletteColorLookupTableDescriptor=[6, -3, 8],
        RedPaletteColorLookupTableData=words(*range(6)),
        GreenPaletteColorLookupTableData=words(*range(6)),
        BluePaletteColorLookupTableData=words(*range(6)),
    )
    first, colours = palette_of(head, (-3.0, 2.0))
    assert first == -3
    assert colours.shape == (6, 3)
