"""DICOM films: which are taken, how they are decoded, and how stored values become grey."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

import film_files as make
from film_files import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    SC_WORDS,
    dataset,
    dicom,
    lossless_jpeg,
    ramp,
    save,
    smooth,
    wrap,
    write,
)
from pneumoscope import images
from pneumoscope.errors import ImageError, UnreadableImage, UnsupportedObject


def deep(bits: int = 12) -> np.ndarray:
    """uint16 (64, 80), from 0 to the greatest value of so many bits."""
    return np.linspace(0, 2**bits - 1, 64 * 80).reshape(64, 80).astype(np.uint16)


def four(*values: int, dtype: type = np.uint16) -> np.ndarray:
    """(64, 64) in four upright stripes of 16 columns, one per value."""
    return np.repeat(np.array(values, dtype)[None, :], 64, axis=0).repeat(64 // len(values), axis=1)


def shades(data: bytes) -> list[float]:
    """Grey of the stripes of ``four``."""
    film = images.read(data)
    assert film.pixels.dtype == np.float32
    assert film.pixels.flags.c_contiguous
    assert film.pixels.min() >= 0
    assert film.pixels.max() <= 1
    return [round(float(v), 4) for v in film.pixels[7, 8::16]]


def item(**elements: object) -> Dataset:
    ds = Dataset()
    for key, value in elements.items():
        setattr(ds, key, value)
    return ds


# -- transfer syntaxes ---------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [make.IMPLICIT, make.EXPLICIT, make.BIG])
def test_uncompressed(syntax: str) -> None:
    film = images.read(dicom(deep(), syntax, BitsStored=12, HighBit=11))
    np.testing.assert_allclose(film.pixels, deep() / 4095, atol=1e-6)
    assert film.facts.transfer_syntax == syntax
    assert (film.facts.format, film.facts.bits) == ("DICOM", 12)


@pytest.mark.parametrize("syntax", [make.IMPLICIT, make.EXPLICIT, make.BIG])
def test_uncompressed_8_bit(syntax: str) -> None:
    film = images.read(dicom(ramp(), syntax))
    np.testing.assert_allclose(film.pixels, ramp() / 255, atol=1e-6)


def test_8_bit_in_big_endian_words() -> None:
    """OW swaps the bytes of each word, of 8-bit pixels too (PS3.5 8.2)."""
    ds = dataset(ramp())
    ds.PixelData = np.frombuffer(ramp().tobytes(), "<u2").astype(">u2").tobytes()
    ds["PixelData"].VR = "OW"
    film = images.read(write(ds, make.BIG))
    np.testing.assert_allclose(film.pixels, ramp() / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("syntax", "plugin"),
    [
        (make.RLE, "pydicom"),
        (make.JLS, "pyjpegls"),
        (make.J2K_LOSSLESS, "openjpeg"),
    ],
)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_compression(syntax: str, plugin: str, bits: int) -> None:
    stored = deep(bits) if bits > 8 else deep(8).astype(np.uint8)
    ds = dataset(stored, BitsStored=bits, HighBit=bits - 1)
    film = images.read(make.compressed(ds, syntax, plugin))
    np.testing.assert_allclose(film.pixels, stored / (2**bits - 1), atol=1e-6)
    assert film.facts.transfer_syntax == syntax


@pytest.mark.parametrize(
    ("syntax", "plugin", "options"),
    [
        (make.JLS_NEAR, "pyjpegls", {"jls_error": 2}),
        (make.J2K, "openjpeg", {"compression_ratios": [4]}),
    ],
)
def test_lossy_compression(syntax: str, plugin: str, options: dict[str, object]) -> None:
    stored = smooth().astype(np.uint16) * 16
    ds = dataset(stored, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)
    film = images.read(make.compressed(ds, syntax, plugin, **options))
    assert np.abs(film.pixels - stored / 4095).max() < 0.01


def test_signed_jpeg_2000_and_jpeg_ls() -> None:
    stored = four(-2048, -1024, 0, 2047, dtype=np.int16)
    expected = [0.0, 0.2501, 0.5001, 1.0]
    ds = dataset(stored, BitsStored=12, HighBit=11)
    assert shades(make.compressed(ds, make.J2K_LOSSLESS, "openjpeg")) == expected
    # a codestream that lost the sign: the same bits, called unsigned
    ds = dataset(stored, BitsStored=12, HighBit=11)
    unsigned = make.jpeg_2000((stored & 0x0FFF).astype(np.uint16), 12)
    assert shades(wrap(ds, unsigned, make.J2K_LOSSLESS)) == expected
    ds = dataset(stored, BitsStored=12, HighBit=11)
    assert shades(make.compressed(ds, make.JLS, "pyjpegls")) == expected


def test_jpeg_2000_in_a_jp2_file() -> None:
    codestream = make.jpeg_2000(ramp(), 8, codec_format=1)
    assert codestream[4:8] == b"jP  "
    film = images.read(wrap(dataset(ramp()), codestream, make.J2K_LOSSLESS))
    np.testing.assert_allclose(film.pixels, ramp() / 255, atol=1e-6)


def test_jpeg_baseline() -> None:
    codestream = save(smooth(), "JPEG", quality=95)
    film = images.read(wrap(dataset(smooth()), codestream, make.JPEG_8))
    assert np.abs(film.pixels * 255 - smooth()).max() <= 4
    # the same frame under the Extended syntax, which may hold 8 bits
    film = images.read(wrap(dataset(smooth()), codestream, make.JPEG_12))
    assert np.abs(film.pixels * 255 - smooth()).max() <= 4


def test_jpeg_baseline_in_colour() -> None:
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[..., 0] = 200
    ds = dataset(rgb, PhotometricInterpretation="YBR_FULL_422", SOPClassUID=make.SC)
    film = images.read(wrap(ds, save(rgb, "JPEG", quality=95), make.JPEG_8))
    assert film.facts.colour
    assert np.abs(film.pixels * 255 - 60).max() < 4  # 0.299 * 200


@pytest.mark.parametrize(
    ("syntax", "predictor"), [(make.LOSSLESS, 1), (make.LOSSLESS, 2), (make.LOSSLESS_SV1, 1)]
)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_jpeg_lossless(syntax: str, predictor: int, bits: int) -> None:
    stored = deep(bits) if bits > 8 else deep(8).astype(np.uint8)
    ds = dataset(stored, BitsStored=bits, HighBit=bits - 1)
    film = images.read(wrap(ds, lossless_jpeg(stored, bits, predictor), syntax))
    np.testing.assert_allclose(film.pixels, stored / (2**bits - 1), atol=1e-6)


def test_jpeg_extended_with_12_bits() -> None:
    stored = make.blocks(np.linspace(0, 4095, 80).reshape(8, 10).astype(np.uint16))
    ds = dataset(stored, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)
    film = images.read(wrap(ds, make.dct_jpeg(stored), make.JPEG_12))
    np.testing.assert_allclose(film.pixels, stored / 4095, atol=1e-6)
    assert film.facts.transfer_syntax == make.JPEG_12


def test_jpeg_extended_without_a_frame_is_broken() -> None:
    ds = dataset(deep(), BitsStored=12, HighBit=11)
    with pytest.raises(UnreadableImage):
        images.read(wrap(ds, b"\xff\xd8\xff\xd9", make.JPEG_12))


def test_a_frame_in_several_fragments() -> None:
    codestream = save(smooth(), "JPEG", quality=95)
    ds = dataset(smooth())
    pieces = [codestream[:200], codestream[200 : len(codestream) // 2 * 2]]
    pieces[-1] += b"\0" * (len(codestream) % 2)
    if len(codestream) % 2:
        pieces[-1] = codestream[200:] + b"\0"
    value = b"\xfe\xff\x00\xe0" + struct.pack("<I", 0)
    for piece in pieces:
        value += b"\xfe\xff\x00\xe0" + struct.pack("<I", len(piece)) + piece
    ds.PixelData = value + b"\xfe\xff\xdd\xe0" + struct.pack("<I", 0)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    film = images.read(write(ds, make.JPEG_8))
    assert np.abs(film.pixels * 255 - smooth()).max() <= 4


@pytest.mark.parametrize("syntax", [make.IMPLICIT, make.EXPLICIT])
def test_without_preamble(syntax: str) -> None:
    film = images.read(write(dataset(ramp()), syntax, preamble=False))
    np.testing.assert_allclose(film.pixels, ramp() / 255, atol=1e-6)
    assert film.facts.transfer_syntax == syntax


def test_implicit_vr_under_an_explicit_name() -> None:
    """Seen in the field; the elements themselves are believed."""
    explicit = dicom(ramp(), make.EXPLICIT)
    meta = explicit[: explicit.index(b"\x08\0\x16\0")]
    film = images.read(meta + write(dataset(ramp()), make.IMPLICIT, preamble=False))
    np.testing.assert_allclose(film.pixels, ramp() / 255, atol=1e-6)


# -- stored values to grey -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", None, False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME1", "INVERSE", True),
    ],
)
@pytest.mark.parametrize("window", [True, False])
def test_inverted_exactly_once(
    photometric: str, shape: str | None, inverted: bool, window: bool
) -> None:
    elements: dict[str, object] = {"PhotometricInterpretation": photometric, "BitsStored": 12}
    if shape:
        elements["PresentationLUTShape"] = shape
    if window:
        elements |= {"WindowCenter": 2048, "WindowWidth": 4096}
    expected = np.array([0, 1023, 3071, 4095]) / 4095
    if inverted:
        expected = 1 - expected
    greys = shades(dicom(four(0, 1023, 3071, 4095), **elements))
    np.testing.assert_allclose(greys, expected, atol=1e-4)


def test_linear_window() -> None:
    # c = 100, w = 101: y = (x - 99.5) / 100 + 0.5, so 50 gives 0.005
    data = dicom(four(0, 50, 100, 1000), WindowCenter=100, WindowWidth=101)
    assert shades(data) == [0.0, 0.005, 0.505, 1.0]


def test_linear_window_of_width_1_is_a_threshold() -> None:
    assert shades(dicom(four(9, 10, 11, 12), WindowCenter=11, WindowWidth=1)) == [0, 0, 1, 1]


@pytest.mark.parametrize("width", [1, 0.5])
def test_a_linear_window_of_shares_is_no_threshold(width: float) -> None:
    """A film in [0, 1] by its slope; LINEAR counts in steps of 1."""
    data = dicom(
        four(0, 25, 50, 100), RescaleSlope="0.01", WindowCenter=width / 2, WindowWidth=width
    )
    assert shades(data) == [0.0, round(0.25 / width, 4), round(0.5 / width, 4), 1.0]


def test_linear_exact_window() -> None:
    data = dicom(
        four(0, 50, 100, 150), WindowCenter=100, WindowWidth=100, VOILUTFunction="LINEAR_EXACT"
    )
    assert shades(data) == [0.0, 0.0, 0.5, 1.0]


def test_sigmoid_window() -> None:
    data = dicom(four(0, 50, 100, 150), WindowCenter=100, WindowWidth=100, VOILUTFunction="SIGMOID")
    # 1 / (1 + e^(-4 (x - 100) / 100)): e^4 = 54.598, e^2 = 7.3891
    assert shades(data) == [0.018, 0.1192, 0.5, 0.8808]


def test_the_first_of_several_windows_counts() -> None:
    data = dicom(
        four(0, 50, 100, 150),
        WindowCenter=[100, 9],
        WindowWidth=[100, 9],
        VOILUTFunction="LINEAR_EXACT",
    )
    assert shades(data) == [0.0, 0.0, 0.5, 1.0]


def test_a_window_behind_an_impossible_one_counts() -> None:
    data = dicom(
        four(0, 50, 100, 150),
        WindowCenter=[0, 100, 9],
        WindowWidth=[0, 100, 9],
        VOILUTFunction="LINEAR_EXACT",
    )
    assert shades(data) == [0.0, 0.0, 0.5, 1.0]


def groups(center: int, width: int, slope: int = 0) -> list[Dataset]:
    """Functional groups (PS3.3 C.7.6.16) with an exact window, and with a slope unless it is 0."""
    window = item(WindowCenter=center, WindowWidth=width, VOILUTFunction="LINEAR_EXACT")
    group = item(FrameVOILUTSequence=[window])
    if slope:
        values = item(RescaleSlope=slope, RescaleIntercept=-100)
        group.PixelValueTransformationSequence = [values]
    return [group]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_one_frame_with_its_window_in_functional_groups(syntax: str) -> None:
    shared = {"SOPClassUID": SC_WORDS, "NumberOfFrames": 1}
    data = dicom(
        four(0, 50, 100, 150), syntax, **shared, SharedFunctionalGroupsSequence=groups(100, 100)
    )
    assert shades(data) == [0.0, 0.0, 0.5, 1.0]
    empty = {"WindowCenter": "", "WindowWidth": ""}
    data = dicom(
        four(0, 50, 100, 150),
        syntax,
        **shared,
        **empty,
        SharedFunctionalGroupsSequence=groups(100, 100),
    )
    assert shades(data) == [0.0, 0.0, 0.5, 1.0]
    # 2 x - 100: -100, 0, 100, 200; those of the frame go before the shared ones
    data = dicom(
        four(0, 50, 100, 150),
        syntax,
        **shared,
        SharedFunctionalGroupsSequence=groups(7, 7, slope=2),
        PerFrameFunctionalGroupsSequence=groups(100, 200),
    )
    assert shades(data) == [0.0, 0.0, 0.5, 1.0]


@pytest.mark.parametrize("width", [0, -5])
def test_an_impossible_window_is_ignored(width: int) -> None:
    data = dicom(four(100, 200, 300, 500), WindowCenter=5, WindowWidth=width)
    assert shades(data) == [0.0, 0.25, 0.5, 1.0]


def test_rescale_goes_before_the_window() -> None:
    # 2 x - 100: -100, 0, 100, 300; exact window from 0 to 200
    data = dicom(
        four(0, 50, 100, 200),
        RescaleSlope=2,
        RescaleIntercept=-100,
        WindowCenter=100,
        WindowWidth=200,
        VOILUTFunction="LINEAR_EXACT",
    )
    assert shades(data) == [0.0, 0.0, 0.5, 1.0]


def test_a_negative_slope_turns_the_film() -> None:
    data = dicom(four(100, 200, 300, 500), RescaleSlope=-1, RescaleIntercept=0)
    assert shades(data) == [1.0, 0.75, 0.5, 0.0]


def lut(first: int, entries: list[int], bits: int, vr: str = "US") -> Dataset:
    ds = Dataset()
    ds.add_new(0x00283002, vr, [len(entries), first, bits])
    ds.add_new(0x00283006, "OW", np.array(entries, "<u2").tobytes())
    return ds


@pytest.mark.parametrize("syntax", [make.IMPLICIT, make.EXPLICIT])
def test_voi_lut_goes_before_a_window(syntax: str) -> None:
    data = dicom(
        four(9, 10, 11, 99),
        syntax,
        VOILUTSequence=Sequence([lut(10, [0, 255, 1023], 10)]),
        WindowCenter=1,
        WindowWidth=1,
    )
    # 9 lies below the table and takes its first entry, 99 above it and takes the last
    assert shades(data) == [0.0, 0.0, 0.2493, 1.0]


def test_voi_lut_of_signed_pixels() -> None:
    ds = dataset(four(-3, -2, -1, 5, dtype=np.int16))
    ds.VOILUTSequence = Sequence([lut(-2, [0, 100, 200, 1000], 10, "SS")])
    assert shades(write(ds)) == [0.0, 0.0, 0.0978, 0.9775]


def test_voi_lut_packed_in_bytes() -> None:
    ds = dataset(four(0, 1, 2, 3))
    packed = Dataset()
    packed.add_new(0x00283002, "US", [4, 0, 8])
    packed.add_new(0x00283006, "OW", bytes([0, 51, 102, 255]))
    ds.VOILUTSequence = Sequence([packed])
    assert shades(write(ds)) == [0.0, 0.2, 0.4, 1.0]


def test_a_damaged_voi_lut_is_ignored() -> None:
    ds = dataset(four(100, 200, 300, 500))
    ds.VOILUTSequence = Sequence([item(LUTExplanation="none")])
    assert shades(write(ds)) == [0.0, 0.25, 0.5, 1.0]


def test_modality_lut_goes_before_the_window() -> None:
    data = dicom(
        four(0, 1, 2, 3),
        ModalityLUTSequence=Sequence([lut(0, [0, 100, 150, 400], 16)]),
        WindowCenter=100,
        WindowWidth=200,
        VOILUTFunction="LINEAR_EXACT",
    )
    assert shades(data) == [0.0, 0.5, 0.75, 1.0]


def test_modality_lut_without_a_window() -> None:
    data = dicom(four(0, 1, 2, 3), ModalityLUTSequence=Sequence([lut(0, [100, 200, 300, 500], 16)]))
    assert shades(data) == [0.0, 0.25, 0.5, 1.0]


def test_without_window_the_film_takes_its_own_range() -> None:
    assert shades(dicom(four(100, 200, 300, 500))) == [0.0, 0.25, 0.5, 1.0]
    # 8 bits are made for the screen, as in a PNG
    assert shades(dicom(four(0, 51, 102, 204, dtype=np.uint8))) == [0.0, 0.2, 0.4, 0.8]


def test_one_dead_pixel_does_not_squeeze_the_film() -> None:
    stored = np.tile(deep(10), (4, 4))  # 81,920 pixels; eight may be outliers
    stored[0, :3] = 65535
    film = images.read(dicom(stored))
    assert abs(film.pixels[100, 40] - stored[100, 40] / 1023) < 0.002
    assert film.pixels[0, 0] == 1


def test_a_flat_film() -> None:
    assert shades(dicom(four(7, 7, 7, 7))) == [0, 0, 0, 0]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("syntax", [make.IMPLICIT, make.EXPLICIT])
def test_padding_is_dark_and_outside_the_range(photometric: str, syntax: str) -> None:
    data = dicom(
        four(65535, 100, 300, 500),
        syntax,
        PixelPaddingValue=65535,
        PhotometricInterpretation=photometric,
    )
    expected = [0.0, 0.0, 0.5, 1.0] if photometric == "MONOCHROME2" else [0.0, 1.0, 0.5, 0.0]
    assert shades(data) == expected


def test_padding_range() -> None:
    data = dicom(
        four(60000, 100, 62000, 500), PixelPaddingValue=62500, PixelPaddingRangeLimit=59000
    )
    assert shades(data) == [0.0, 0.0, 0.0, 1.0]


def test_signed_padding() -> None:
    ds = dataset(four(-2000, -100, 0, 100, dtype=np.int16), PhotometricInterpretation="MONOCHROME1")
    ds.add_new(0x00280120, "SS", -2000)
    assert shades(write(ds)) == [0.0, 1.0, 0.5, 0.0]


def test_nothing_but_padding() -> None:
    with pytest.raises(UnreadableImage):
        images.read(dicom(four(9, 9, 9, 9), PixelPaddingValue=9))


@pytest.mark.parametrize("syntax", [make.IMPLICIT, make.EXPLICIT, make.BIG])
def test_signed(syntax: str) -> None:
    assert shades(dicom(four(-100, 0, 100, 300, dtype=np.int16), syntax)) == [0, 0.25, 0.5, 1.0]


def test_signed_8_bit() -> None:
    # -128 to 127 is the full range
    assert shades(dicom(four(-128, -77, 25, 127, dtype=np.int8))) == [0.0, 0.2, 0.6, 1.0]


def test_unused_high_bits_are_dropped() -> None:
    """PS3.5 8.1.1: bits above Bits Stored may hold anything."""
    dirty = four(0, 1023, 2047, 4095) | 0xF000
    data = dicom(dirty, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)
    assert shades(data) == [0.0, 0.2498, 0.4999, 1.0]


def test_signed_12_bits_in_16() -> None:
    stored = four(-2048, -1024, 0, 2047, dtype=np.int16) & 0x0FFF
    data = dicom(stored, BitsStored=12, HighBit=11, PixelRepresentation=1)
    assert shades(data) == [0.0, 0.2501, 0.5001, 1.0]


def test_32_bits() -> None:
    assert shades(dicom(four(0, 10**9, 2 * 10**9, 4 * 10**9, dtype=np.uint32))) == [0, 0.25, 0.5, 1]


def test_1_bit() -> None:
    ds = dataset(np.zeros((64, 64), np.uint8), BitsAllocated=1, BitsStored=1, HighBit=0)
    ds.PixelData = (b"\0" * 4 + b"\xff" * 4) * 64
    film = images.read(write(ds))
    assert (film.pixels[5, 5], film.pixels[5, 60]) == (0, 1)


def test_rgb_secondary_capture() -> None:
    rgb = np.zeros((64, 96, 3), np.uint8)
    rgb[:, :32, 0] = rgb[:, 32:64, 1] = rgb[:, 64:, 2] = 255
    film = images.read(dicom(rgb, SOPClassUID=make.SC))
    assert film.facts.colour
    np.testing.assert_allclose(film.pixels[9, 9::32], [0.299, 0.587, 0.114], atol=1e-5)
    planar = dataset(rgb, SOPClassUID=make.SC, PlanarConfiguration=1)
    planar.PixelData = rgb.transpose(2, 0, 1).tobytes()
    np.testing.assert_array_equal(images.read(write(planar)).pixels, film.pixels)
    grey = np.repeat(ramp()[..., None], 3, axis=2)
    film = images.read(dicom(grey, SOPClassUID=make.SC))
    assert not film.facts.colour
    np.testing.assert_allclose(film.pixels, ramp() / 255, atol=1e-5)


@pytest.mark.parametrize(
    ("syntax", "plugin"),
    [(make.RLE, "pydicom"), (make.JLS, "pyjpegls"), (make.J2K_LOSSLESS, "openjpeg")],
)
def test_rgb_compressed(syntax: str, plugin: str) -> None:
    rgb = np.stack([ramp(), ramp()[::-1], smooth()], axis=-1)
    plain = images.read(dicom(rgb, SOPClassUID=make.SC))
    ds = dataset(rgb, SOPClassUID=make.SC)
    film = images.read(make.compressed(ds, syntax, plugin))
    np.testing.assert_allclose(film.pixels, plain.pixels, atol=1e-5)


def test_ybr_full() -> None:
    ybr = np.full((64, 64, 3), 128, np.uint8)
    ybr[..., 0] = 99
    film = images.read(dicom(ybr, SOPClassUID=make.SC, PhotometricInterpretation="YBR_FULL"))
    np.testing.assert_allclose(film.pixels, 99 / 255, atol=1e-5)
    assert not film.facts.colour


def test_ybr_full_422() -> None:
    ds = dataset(np.zeros((64, 64, 3), np.uint8), PhotometricInterpretation="YBR_FULL_422")
    ds.PixelData = bytes([50, 99, 128, 128]) * (64 * 32)  # Y1 Y2 Cb Cr
    film = images.read(write(ds))
    np.testing.assert_allclose(film.pixels[3, :2], np.array([50, 99]) / 255, atol=1e-5)


GREY_AS_RGB = np.repeat(ramp()[..., None], 3, axis=2)
GREY_AS_YBR = np.dstack([ramp(), np.full_like(ramp(), 128), np.full_like(ramp(), 128)])


@pytest.mark.parametrize("samples", [GREY_AS_RGB, GREY_AS_YBR], ids=["RGB", "YBR"])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("coding", ["", "RLE", "JPEG-LS"])
def test_samples_of_a_grey_film_count_whatever_they_are_called(
    samples: np.ndarray, photometric: str, coding: str
) -> None:
    """Some programs convert RGB and YBR_FULL_422, and leave Photometric Interpretation as it was."""
    ds = dataset(samples, SOPClassUID=make.SC)
    if coding:
        data = make.compressed(
            ds, *((make.RLE, "pydicom") if coding == "RLE" else (make.JLS, "pyjpegls"))
        )
        called = photometric + " " * (len(photometric) % 2)
        data = data.replace(b"CS\4\0RGB ", f"CS{chr(len(called))}\0{called}".encode())
    else:
        ds.PhotometricInterpretation = photometric
        data = write(ds)
    film = images.read(data)
    np.testing.assert_allclose(film.pixels, ramp() / 255, atol=1e-5)
    assert not film.facts.colour


def test_colour_has_no_sign() -> None:
    grey = np.repeat(ramp()[..., None], 3, axis=2)
    film = images.read(dicom(grey, PixelRepresentation=1))
    np.testing.assert_allclose(film.pixels, ramp() / 255, atol=1e-6)


@pytest.mark.parametrize("name", ["MONOCHROME 1", "MONOCHROME_1", "MONO CHROME1"])
def test_marks_within_the_name_of_a_photometric_interpretation(name: str) -> None:
    film = images.read(dicom(ramp(), PhotometricInterpretation=name))
    np.testing.assert_allclose(film.pixels, 1 - ramp() / 255, atol=1e-6)


def test_colour_in_ybr_stays_colour() -> None:
    ybr = np.stack([ramp(), ramp()[::-1], smooth()], axis=-1)
    film = images.read(dicom(ybr, SOPClassUID=make.SC, PhotometricInterpretation="YBR_FULL"))
    assert film.facts.colour


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
@pytest.mark.parametrize("coding", ["JPEG", "JPEG without its end", "JPEG-LS", "JPEG 2000"])
def test_a_grey_frame_under_a_header_of_colour(coding: str, photometric: str) -> None:
    """Programs that wrap pictures write it so."""
    jpeg = save(smooth(), "JPEG", quality=95)
    codestream, syntax = {
        "JPEG": (jpeg, make.JPEG_8),
        "JPEG without its end": (jpeg[:-2], make.JPEG_8),
        "JPEG-LS": (make.jpeg_ls(smooth()), make.JLS),
        "JPEG 2000": (make.jpeg_2000(smooth(), 8), make.J2K_LOSSLESS),
    }[coding]
    # The window is not for colour (PS3.3 C.11.2.1.2.2).
    ds = dataset(GREY_AS_RGB, SOPClassUID=make.SC, WindowCenter=500, WindowWidth=2000)
    ds.PhotometricInterpretation = photometric
    film = images.read(wrap(ds, codestream, syntax))
    np.testing.assert_allclose(film.pixels, smooth() / 255, atol=0.02)
    assert not film.facts.colour


@pytest.mark.parametrize("planar", [0, 1])
def test_compressed_frames_have_their_own_order_of_samples(planar: int) -> None:
    """Planar Configuration 1 once scrambled JPEG in colour without a word."""
    rgb = np.stack([smooth(), smooth()[::-1], smooth()], axis=-1)
    ds = dataset(rgb, SOPClassUID=make.SC, PlanarConfiguration=planar)
    film = images.read(wrap(ds, save(rgb, "JPEG", quality=95), make.JPEG_8))
    plain = images.read(dicom(rgb, SOPClassUID=make.SC))
    np.testing.assert_allclose(film.pixels, plain.pixels, atol=0.03)


@pytest.mark.parametrize("syntax", [make.IMPLICIT, make.EXPLICIT])
def test_palette_colour(syntax: str) -> None:
    ds = dataset(four(0, 1, 2, 3, dtype=np.uint8), SOPClassUID=make.SC)
    ds.PhotometricInterpretation = "PALETTE COLOR"
    for n, entries in enumerate(([0, 65535, 0, 65535], [0, 0, 65535, 65535], [0, 0, 0, 65535])):
        ds.add_new(0x00281101 + n, "US", [4, 0, 16])
        ds.add_new(0x00281201 + n, "OW", np.array(entries, "<u2").tobytes())
    film = images.read(write(ds, syntax))
    assert film.facts.colour
    np.testing.assert_allclose(film.pixels[0, 8::16], [0, 0.299, 0.587, 1], atol=1e-5)


# -- which objects, and what they say of themselves ----------------------------------------------


@pytest.mark.parametrize("sop_class", [make.CR, make.DX, make.SC, make.SC_WORDS])
def test_films_for_people_are_taken(sop_class: str) -> None:
    assert images.read(dicom(ramp(), SOPClassUID=sop_class)).facts.rows == 64


@pytest.mark.parametrize("modality", ["CR", "DX", "DR", "RG", "XR", None])
def test_a_missing_class_is_tolerated(modality: str | None) -> None:
    assert images.read(dicom(ramp(), SOPClassUID=None, Modality=modality)).facts.rows == 64


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"SOPClassUID": make.DX_PROCESSING}, "For Processing"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "For Processing"),
        ({"SOPClassUID": make.CT}, "CT Image Storage"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, "MR Image Storage"),
        ({"SOPClassUID": "1.2.999.1"}, "1.2.999.1"),
        ({"SOPClassUID": None, "Modality": "CT"}, "CT"),
    ],
)
def test_other_objects_are_refused_in_words(elements: dict[str, object], words: str) -> None:
    with pytest.raises(UnsupportedObject, match=words):
        images.read(dicom(ramp(), **elements))


def test_facts() -> None:
    data = dicom(
        deep(),
        BitsStored=12,
        ViewPosition="AP",
        BodyPartExamined="CHEST",
        ImageLaterality="U",
        PatientAge="018M",
        PixelSpacing=[0.15, 0.2],
        ImagerPixelSpacing=[0.3, 0.3],
    )
    facts = images.read(data).facts
    assert (facts.rows, facts.columns, facts.bits, facts.colour) == (64, 80, 12, False)
    assert (facts.modality, facts.view_position, facts.body_part) == ("CR", "AP", "CHEST")
    assert (facts.laterality, facts.age_years) == ("U", 1.5)
    assert facts.pixel_spacing_mm == (0.15, 0.2)
    assert (facts.photometric, facts.reduced_by) == ("MONOCHROME2", 1)


@pytest.mark.parametrize(
    ("age", "years"),
    [("054Y", 54), ("018M", 1.5), ("003W", 21 / 365.25), ("010D", 10 / 365.25), ("", None)],
)
def test_age(age: str, years: float | None) -> None:
    age_years = images.read(dicom(ramp(), PatientAge=age)).facts.age_years
    assert age_years == (years if years is None else pytest.approx(years))


def test_missing_facts_are_none() -> None:
    facts = images.read(dicom(ramp(), Modality=None, ImagerPixelSpacing=[0.3, 0.3])).facts
    assert (facts.modality, facts.view_position, facts.body_part, facts.laterality) == (None,) * 4
    assert facts.age_years is None
    assert facts.pixel_spacing_mm == (0.3, 0.3)


def test_nonsense_values_are_tolerated() -> None:
    """Raw bytes, because pydicom would not write them."""
    data = dicom(
        four(100, 200, 300, 500),
        ViewPosition="AP",
        PatientAge="054Y",
        WindowCenter="1234",
        WindowWidth="5678",
        PixelSpacing=[0.15, 0.15],
    )
    broken = (
        data.replace(b"1234", b"12E*")
        .replace(b"0.15\\0.15", b"much\\more")
        .replace(b"AP", b"a\xe9")
    )
    broken = broken.replace(b"054Y", b"YYYY")
    assert shades(broken) == [0.0, 0.25, 0.5, 1.0]
    facts = images.read(broken).facts
    assert (facts.pixel_spacing_mm, facts.view_position, facts.age_years) == (None, None, None)


def test_no_name_leaks() -> None:
    secrets = (make.PATIENT, "JANE", make.PATIENT_ID, "19991231")
    whole = dicom(ramp(), BodyPartExamined="CHEST").replace(b"CHEST", b"jane ")
    film = images.read(whole)
    assert not any(secret in repr(film) for secret in secrets)
    assert film.facts.body_part is None
    for data in (whole[:-50], dicom(ramp(), SOPClassUID=make.CT), dicom(ramp(), Rows=0)):
        with pytest.raises(ImageError) as caught:
            images.read(data)
        said = f"{caught.value} {caught.value.hint} {caught.value!r}"
        assert not any(secret in said for secret in secrets)


def test_8_bit_dicom_equals_png() -> None:
    np.testing.assert_array_equal(
        images.read(dicom(ramp())).pixels, images.read(save(Image.fromarray(ramp()), "PNG")).pixels
    )


def test_the_size_by_the_header() -> None:
    """Also of a film whose pixels nothing decodes."""
    assert images.size_of(dicom(ramp())) == (64, 80)
    assert images.size_of(dicom(ramp(), SOPClassUID=make.CT)) == (64, 80)
    for data in (dicom(ramp(), Rows=0), dicom(ramp())[:400]):
        with pytest.raises(ImageError):
            images.size_of(data)
