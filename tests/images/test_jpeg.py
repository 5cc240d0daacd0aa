"""JPEG: a part that is missing or damaged is an error, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from film_files import JPEG_8, dataset, save, wrap
from pneumoscope import errors, images
from pneumoscope.images import jpeg

EOI = b"\xff\xd9"


def drawn(rows: int = 320, columns: int = 384) -> Image.Image:
    """Grey, smooth with noise, so that the compressed data is spread over the film."""
    y, x = np.mgrid[:rows, :columns]
    noise = np.random.default_rng(7).normal(0, 6, (rows, columns))
    return Image.fromarray(np.clip(40 + x / 3 + y / 5 + noise, 0, 255).astype(np.uint8))


GREY, COLOUR = drawn(), drawn().convert("RGB")
KINDS = {
    "grey": save(GREY, "JPEG", quality=90),
    "optimised": save(GREY, "JPEG", quality=90, optimize=True),
    "progressive": save(GREY, "JPEG", quality=90, progressive=True),
    "restart markers": save(GREY, "JPEG", quality=90, restart_marker_blocks=16),
    "colour": save(COLOUR, "JPEG", quality=90),
    "colour, progressive": save(COLOUR, "JPEG", quality=90, progressive=True),
    "RGB": save(COLOUR, "JPEG", quality=90, keep_rgb=True),
    "CMYK": save(GREY.convert("CMYK"), "JPEG", quality=90),
}


def cut(data: bytes) -> bytes:
    return data[: len(data) * 4 // 5] + EOI


def cut_out(data: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + data[at + 900 :]


def filled(data: bytes, value: int, share: float = 0.2) -> bytes:
    """The last part of the compressed data replaced."""
    at = round(len(data) * (1 - share))
    return data[:at] + bytes([value]) * (len(data) - at - 2) + EOI


def hole(data: bytes, value: int) -> bytes:
    at = len(data) // 2
    return data[:at] + bytes([value]) * 512 + data[at + 512 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": cut,
    "without EOI": lambda data: data[: len(data) * 4 // 5],
    "a part cut out": cut_out,
    "end zero": lambda data: filled(data, 0),
    "end FF": lambda data: filled(data, 255),
    "last hundredth zero": lambda data: filled(data, 0, 0.01),
    "hole of zeros": lambda data: hole(data, 0),
    "hole of FF": lambda data: hole(data, 255),
    "hole of 5A": lambda data: hole(data, 0x5A),
}


@pytest.mark.parametrize("at_least_px", [None, 160, 40])
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_half_film_is_read(kind: str, damage: str, at_least_px: int | None) -> None:
    data = DAMAGES[damage](KINDS[kind])
    with pytest.raises(errors.UnreadableImage):
        images.read(data, at_least_px=at_least_px)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["grey", "progressive", "restart markers", "colour"])
def test_no_half_film_is_read_out_of_dicom(kind: str, damage: str) -> None:
    colour = kind == "colour"
    ds = dataset(np.asarray(COLOUR if colour else GREY))
    if colour:
        ds.PhotometricInterpretation = "YBR_FULL_422"
    images.read(wrap(ds, KINDS[kind], JPEG_8))
    with pytest.raises(errors.UnreadableImage):
        images.read(wrap(ds, DAMAGES[damage](KINDS[kind]), JPEG_8))


def scans_of(data: bytes) -> list[int]:
    return [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]


@pytest.mark.parametrize("kind", ["progressive", "colour, progressive"])
def test_a_progressive_film_without_its_last_scan_is_truncated(kind: str) -> None:
    data = KINDS[kind]
    for start in scans_of(data)[1:]:
        # The tables before the scan stay: they do no harm.
        with pytest.raises(errors.TruncatedImage):
            images.read(data[:start] + EOI)


@pytest.mark.parametrize("marker", [b"\xff\xd0", b"\xff\xd3", b"\xff\xd7"])
def test_a_lost_restart_marker_or_interval_is_damage(marker: bytes) -> None:
    data = KINDS["restart markers"]
    first = data.index(marker, scans_of(data)[0])
    following = next(
        at
        for at in range(first + 2, len(data))
        if data[at] == 0xFF and 0xD0 <= data[at + 1] <= 0xD7
    )
    for damaged in (data[:first] + data[first + 2 :], data[:first] + data[following:]):
        with pytest.raises(errors.UnreadableImage):
            images.read(damaged)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at_least_px", [None, 160, 150, 40])
def test_pixels_are_those_of_pillow(kind: str, at_least_px: int | None) -> None:
    film = images.read(KINDS[kind], at_least_px=at_least_px)
    scale = {None: 1, 160: 2, 150: 2, 40: 8}[at_least_px]
    assert film.facts.reduced_by == scale
    assert film.pixels.shape == (320 // scale, 384 // scale)
    if scale == 1:  # the same luminance, up to the rounding of colours
        np.testing.assert_allclose(film.pixels * 255, np.asarray(GREY), atol=24)


def harmless(name: str) -> bytes:
    data = KINDS["grey"]
    parameters = scans_of(data)[0] + 7
    return {
        "zeros before EOI": data[:-2] + bytes(7) + EOI,
        "FF before EOI": data[:-2] + b"\xff" * 7 + EOI,
        "many zeros before EOI": data[:-2] + bytes(4000) + EOI,
        "bytes behind EOI": data + b"junk" * 99,
        "another film behind EOI": data + KINDS["progressive"],
        "odd scan parameters": data[:parameters] + b"\0\0\0" + data[parameters + 3 :],
        "newer JFIF": data[:11] + b"\x09" + data[12:],
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        "zeros before EOI", "FF before EOI", "many zeros before EOI", "bytes behind EOI",
        "another film behind EOI", "odd scan parameters", "newer JFIF",
    ],
)  # fmt: skip
def test_what_no_pixel_depends_on_does_no_harm(name: str) -> None:
    whole = images.read(KINDS["grey"])
    np.testing.assert_array_equal(images.read(harmless(name)).pixels, whole.pixels)


@pytest.mark.parametrize(
    ("marker", "process"),
    [(0xC3, "lossless JPEG"), (0xC9, "arithmetic"), (0xF7, "JPEG-LS"), (0xC5, "hierarchical")],
)
def test_a_rare_process_is_not_supported_rather_than_damaged(marker: int, process: str) -> None:
    data = KINDS["grey"]
    at = data.index(b"\xff\xc0")
    with pytest.raises(errors.UnsupportedCoding, match=process):
        images.read(data[: at + 1] + bytes([marker]) + data[at + 2 :])


def test_a_height_behind_the_data_is_not_supported() -> None:
    data = KINDS["grey"]
    at = data.index(b"\xff\xc0")
    with pytest.raises(errors.UnsupportedCoding, match="height behind"):
        images.read(data[: at + 5] + b"\0\0" + data[at + 7 :])


def test_grey_stored_in_colour_is_found_without_rounding() -> None:
    grey = jpeg.grey_of_colour(KINDS["colour"], "film", 320, 384)
    assert grey is not None
    np.testing.assert_array_equal(grey, jpeg.luminance(KINDS["colour"], "film"))
    tinted = Image.merge(
        "YCbCr", [GREY, Image.new("L", GREY.size, 127), Image.new("L", GREY.size, 128)]
    )
    coloured = save(tinted, "JPEG", quality=100, subsampling=0)
    assert jpeg.grey_of_colour(coloured, "film", 320, 384) is None


def test_markers_behind_the_only_scan_do_no_harm() -> None:
    data = KINDS["grey"] + b"\xff\xda" * (jpeg.MOST_SCANS + 1)  # such as a preview
    np.testing.assert_array_equal(images.read(data).pixels, images.read(KINDS["grey"]).pixels)


def test_more_scans_than_any_encoder_writes_are_refused() -> None:
    data = KINDS["progressive"]
    begin = data.rindex(b"\xff\xda")
    last = data[begin:-2]  # a scan that refines all coefficients
    scans = data.count(b"\xff\xda")
    most = data[:-2] + last * (jpeg.MOST_SCANS - scans)
    jpeg.check_scans(most + EOI, "film")
    with pytest.raises(errors.UnreadableImage, match="101 scans; a film has at most 100"):
        images.read(most + last + EOI)
    colour = KINDS["colour, progressive"]
    begin = colour.rindex(b"\xff\xda")
    in_colour = colour[:-2] + colour[begin:-2] * 200 + EOI
    in_dicom = wrap(dataset(np.asarray(GREY)), most + last + EOI, JPEG_8)
    for many in (in_colour, in_dicom):
        with pytest.raises(errors.UnreadableImage, match="scans; a film has at most 100"):
            images.read(many)
