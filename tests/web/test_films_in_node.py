"""Films that the page decodes by its own code, compared with `pneumoscope.images`."""

from __future__ import annotations

import io
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from film_files import (
    BIG,
    IMPLICIT,
    blocks,
    compressed,
    dataset,
    dct_jpeg,
    dicom,
    png_chunks,
    ramp,
    save,
    smooth,
    tiff,
    wrap,
)
from page_in_node import in_node, read_by_name, read_in_node
from pneumoscope import images
from pneumoscope.errors import ImageError, UnreadableImage
from tiff_files import packed

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
RLE = "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4.50"


def film(rows: int = 90, columns: int = 70, bits: int = 12) -> np.ndarray:
    """A film of a body in air, with a black and a white corner, as uint16."""
    y, x = np.mgrid[:rows, :columns]
    body = np.exp(-(((y - rows / 2) / 30) ** 2) - ((x - columns / 2) / 22) ** 2)
    pixels = 300 + body * (2**bits - 900) + 40 * np.sin(x * y / 50)
    pixels[:6, :9] = 0
    pixels[-5:, -9:] = 2**bits - 1
    return pixels.astype(np.uint16)


def erased(pixels: np.ndarray, first: int, last: int | None = None, value: int = 0) -> np.ndarray:
    """Pixels of which those between two numbers have a value."""
    flat = pixels.ravel().copy()
    flat[first:last] = value
    return flat.reshape(pixels.shape)


ERASABLE = np.add.outer(12 * np.arange(100), 13 * np.arange(80)).astype(np.uint16) + 1200


def window(center: str, width: str, function: str = "LINEAR") -> dict[str, Any]:
    return {"WindowCenter": center, "WindowWidth": width, "VOILUTFunction": function}


def lut(first: int, entries: np.ndarray, bits: int, stated: int | None = None) -> list[Any]:
    """The sequence of a modality or VOI LUT."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.LUTDescriptor = [stated or len(entries), first, bits]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = entries.astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    return [item]


def deep_png(
    pixels: np.ndarray, *, interlaced: bool = False, transparent: int | None = None
) -> bytes:
    """A PNG in grey of 16 bits; Adam7 by its definition, each pass unfiltered."""
    rows, columns = pixels.shape
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]  # fmt: skip
    parts = [pixels[top::down, left::along] for top, left, down, along in passes]
    raw = b"".join(
        b"\0" + line.astype(">u2").tobytes()
        for part in (parts if interlaced else [pixels])
        for line in part
    )
    head = np.array([columns, rows], ">u4").tobytes() + bytes([16, 0, 0, 0, int(interlaced)])
    clear = [] if transparent is None else [(b"tRNS", transparent.to_bytes(2))]
    return png_chunks((b"IHDR", head), *clear, (b"IDAT", zlib.compress(raw)), (b"IEND", b""))


def tiff_of(pixels: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "TIFF", **options)
    return stream.getvalue()


def jpeg(pixels: np.ndarray, **options: Any) -> bytes:
    return save(pixels, "JPEG", **options)


def of_chroma(grey: np.ndarray, cb: int, cr: int) -> bytes:
    """A JPEG with the same chroma everywhere."""
    stream = io.BytesIO()
    channels = [grey, np.full_like(grey, cb), np.full_like(grey, cr)]
    Image.fromarray(np.stack(channels, axis=2), "YCbCr").save(stream, "JPEG", quality=95)
    return stream.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def damaged(data: bytes) -> bytes:
    """A JPEG one of whose restart markers is gone."""
    at = data.index(b"\xff\xd3")
    return data[:at] + data[at + 2 :]


def no_height(data: bytes) -> bytes:
    """A JPEG whose frame header leaves the height open (DNL)."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + b"\0\0" + data[at + 2 :]


def grouped(**values: str) -> list[Any]:
    """The sequence of functional groups with a window or a slope."""
    from pydicom.dataset import Dataset

    group, item = Dataset(), Dataset()
    for key, value in values.items():
        setattr(item, key, value)
    name = "PixelValueTransformation" if "RescaleSlope" in values else "FrameVOILUT"
    setattr(group, f"{name}Sequence", [item])
    return [group]


GROUPS = {
    "SharedFunctionalGroupsSequence": grouped(RescaleSlope="2", RescaleIntercept="-100"),
    "PerFrameFunctionalGroupsSequence": grouped(**window("4000", "6000")),
}
PNG_HEAD = (b"IHDR", struct.pack(">IIBBBBB", 70, 90, 16, 0, 0, 0, 0))
DEEP = blocks(film(16, 20)[4:12, 4:14])
SIGNED = (film().astype(np.int32) - 2048).astype(np.int16)
COLOUR = np.stack([ramp(64, 80), np.roll(ramp(64, 80), 9), 255 - ramp(64, 80)], axis=2)
GREY = np.repeat(ramp()[..., None], 3, axis=2)
FILMS: dict[str, bytes] = {
    "plain": dicom(film(), BitsStored=12, HighBit=11),
    "implicit": dicom(film(), IMPLICIT, BitsStored=12, HighBit=11),
    "big endian": dicom(film(), BIG, BitsStored=12, HighBit=11),
    "8 bits": dicom(ramp()),
    "inverse": dicom(film(), BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1"),
    "inverse shape": dicom(film(), BitsStored=12, HighBit=11, PresentationLUTShape="INVERSE"),
    "window": dicom(film(), BitsStored=12, HighBit=11, **window("1800", "1500")),
    "two windows": dicom(film(), BitsStored=12, HighBit=11, **window("1800\\40", "1500\\80")),
    "exact window": dicom(
        film(), BitsStored=12, HighBit=11, **window("1800", "1500", "LINEAR_EXACT")
    ),
    "sigmoid": dicom(film(), BitsStored=12, HighBit=11, **window("1800", "1500", "SIGMOID")),
    "rescaled": dicom(
        film(),
        BitsStored=12,
        HighBit=11,
        RescaleSlope="2.5",
        RescaleIntercept="-900",
        **window("2000", "4000"),
    ),
    "signed": dicom(SIGNED, BitsStored=12, HighBit=11, PixelRepresentation=1),
    "padding": dicom(film(), BitsStored=12, HighBit=11, PixelPaddingValue=0),
    "understated": dicom(film(), BitsStored=10, HighBit=9),
    "foreign bits": dicom(film() | np.uint16(0x8000), BitsStored=12, HighBit=11),
    "swapped bytes": dicom(film().byteswap(), BitsStored=12, HighBit=11, **window("2048", "4096")),
    "colour with a sign": dicom(COLOUR, PixelRepresentation=1),
    "MONOCHROME 1": dicom(
        film(), BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME 1"
    ),
    "private to GE": dicom(film().byteswap(), IMPLICIT, BitsStored=12, HighBit=11).replace(
        b"1.2.840.10008.1.2\0", b"1.2.840.113619.5.2"
    ),
    "window of shares": dicom(
        film(), BitsStored=12, HighBit=11, RescaleSlope="0.0002442", **window("0.5", "1")
    ),
    "sign repeated": dicom(
        SIGNED.view(np.uint16), BitsStored=12, HighBit=11, **window("0", "4096")
    ),
    "window of floats": dicom(film(), BitsStored=12, HighBit=11, **window("1800", "1500")).replace(
        b"DS\4\0" + b"1800", b"FL\4\0" + struct.pack("<f", 1800)
    ),
    "a window behind an impossible one": dicom(
        film(), BitsStored=12, HighBit=11, WindowCenter=["0", "2000"], WindowWidth=["0", "3000"]
    ),
    "window and slope in functional groups": dicom(
        film(), BitsStored=12, HighBit=11, NumberOfFrames=1, **GROUPS
    ),
    "functional groups and an empty window": dicom(
        film(), BitsStored=12, HighBit=11, NumberOfFrames=1, **window("", ""), **GROUPS
    ),
    "VOI LUT": dicom(
        film(), BitsStored=12, HighBit=11, VOILUTSequence=lut(0, np.linspace(0, 1023, 4096), 10)
    ),
    "VOI LUT with more entries than stated": dicom(
        film(), BitsStored=12, HighBit=11, VOILUTSequence=lut(0, np.arange(4096), 12, 256)
    ),
    "VOI LUT filled up with zeros": dicom(
        film(),
        BitsStored=12,
        HighBit=11,
        VOILUTSequence=lut(0, np.r_[np.arange(3000), np.zeros(1096)], 12, 3000),
    ),
    "pixels filled up with zeros": dicom(np.vstack([film(), film() * 0]), Rows=90),
    "modality LUT": dicom(
        film(),
        BitsStored=12,
        HighBit=11,
        ModalityLUTSequence=lut(0, np.linspace(9000, 0, 4096), 16),
    ),
    "colour": dicom(COLOUR),
    "planes": dicom(COLOUR, PlanarConfiguration=0),
    "YBR": dicom(COLOUR, PhotometricInterpretation="YBR_FULL"),
    "grey in RGB that is called YBR": dicom(GREY, PhotometricInterpretation="YBR_FULL"),
    "grey in YBR that is called RGB": dicom(
        np.dstack([ramp(), np.full_like(ramp(), 128), np.full_like(ramp(), 128)])
    ),
    "all samples of what is called YBR_FULL_422": dicom(
        COLOUR, PhotometricInterpretation="YBR_FULL_422"
    ),
    "RLE of grey in RGB that is called YBR": compressed(
        dataset(GREY, PhotometricInterpretation="YBR_FULL"), RLE, "pydicom"
    ),
    "RLE": compressed(dataset(film(), BitsStored=12, HighBit=11), RLE, "pydicom"),
    "RLE, 8 bits": compressed(dataset(ramp()), RLE, "pydicom"),
    "RLE, colour": compressed(dataset(COLOUR), RLE, "pydicom"),
    "age": dicom(
        film(),
        BitsStored=12,
        HighBit=11,
        PatientAge="018M",
        ViewPosition="AP",
        PixelSpacing=["0.2", "0.2"],
    ),
    "burnt in": dicom(
        np.where(np.mgrid[:90, :70][0] < 3, 4095, film() // 2).astype(np.uint16),
        BitsStored=12,
        HighBit=11,
    ),
    "a sign that the header denies": dicom(
        (film().astype(np.int32) * 8 - 9000).astype(np.int16).view(np.uint16)
    ),
    "window with a comma": dicom(
        film(), BitsStored=12, HighBit=11, **window("2048.5", "4000.0")
    ).replace(b"2048.5", b"2048,5"),
    "end erased": dicom(erased(ERASABLE, 5630)),
    "black from a row on": dicom(erased(ERASABLE, 5600)),
    "end erased, big endian": dicom(erased(ERASABLE, 5630), BIG),
    "end erased, ones": dicom(erased(ERASABLE, 5630, value=65535)),
    "end erased, planes": dicom(
        erased(np.stack([ERASABLE // 16] * 3).astype(np.uint8), 22030).reshape(100, 80, 3),
        PlanarConfiguration=1,
    ),
    "TIFF, end erased": tiff(erased(ERASABLE, 5630)),
    "no preamble": dicom(film(), BitsStored=12, HighBit=11)[132:],
    "PNG, 12 of 16 bits": deep_png(film()),
    "PNG, transparent white": deep_png(film(), transparent=4095),
    "PNG, transparent everywhere": deep_png(np.full_like(film(), 700), transparent=700),
    "PNG, interlaced": deep_png(film(), interlaced=True),
    "PNG, filtered": save(film(bits=16), "PNG"),
    "TIFF": tiff(ramp()),
    "TIFF, white is zero": tiff(ramp(), photometric=0),
    "TIFF, 16 bits": tiff(film(), order=">"),
    "TIFF, floats": tiff(film().astype(np.float32) / 4095, fmt=3),
    "TIFF, 15 bits": tiff(film(bits=15)),
    "TIFF, signed, from -1024 on": tiff(film().astype(np.int16) - 1024, fmt=2),
    "TIFF, no data": tiff(
        np.where(np.mgrid[:90, :70][0] < 9, -9999, film() / 4095).astype("f4"), fmt=3
    ),
    "TIFF, floats beyond white": tiff((film() / 4000 - 0.02).astype("f4"), fmt=3),
    "TIFF, LZW": tiff_of(film(), compression="tiff_lzw"),
    "TIFF, LZW, differences": tiff_of(smooth(), compression="tiff_lzw", tiffinfo={317: 2}),
    "TIFF, Deflate": tiff_of(film(), compression="tiff_adobe_deflate"),
    "TIFF, PackBits": tiff_of(ramp(), compression="packbits"),
    "TIFF, colour": tiff_of(COLOUR, compression="tiff_lzw"),
}
NOISE = np.random.default_rng(3).integers(90, 160, (240, 260), np.uint8)
FILMS |= {
    "JPEG": jpeg(smooth(300, 240)),
    "JPEG, progressive": jpeg(smooth(300, 240), progressive=True),
    "JPEG, restart intervals": jpeg(ramp(130, 121), restart_marker_blocks=3),
    "JPEG, by 2": jpeg(ramp(453, 461), quality=60),
    "JPEG, by 4": jpeg(ramp(901, 1100), quality=60, progressive=True),
    "JPEG, by 8": jpeg(ramp(1793, 1800), quality=40),
    "JPEG, colour": jpeg(COLOUR),
    "JPEG, colour, by 2": jpeg(np.kron(COLOUR, np.ones((8, 8, 1), np.uint8)), quality=90),
    "JPEG, a faint cast": jpeg(np.full((250, 260, 3), (96, 91, 88), np.uint8)),
    "JPEG, chroma rounded to the wrong level": jpeg(np.full((250, 260, 3), (92, 91, 90), np.uint8)),
    "JPEG, a cast that black hides": of_chroma(
        np.hstack([np.zeros((250, 150), np.uint8), smooth(250, 110)]), 127, 126
    ),
    "JPEG, a cast half in black": of_chroma(
        np.hstack([np.zeros((250, 150), np.uint8), smooth(250, 110)]), 130, 129
    ),
    "JPEG, grey as colour": jpeg(np.repeat(smooth(250, 260)[..., None], 3, axis=2)),
    **{f"JPEG, orientation {i}": jpeg(ramp(64, 80), exif=turned(i)) for i in range(1, 9)},
    "JPEG without its end": jpeg(ramp(130, 121))[:-2],
    "JPEG without its last byte": jpeg(ramp(130, 121))[:-1],
    "JPEG, progressive, without its last byte": jpeg(ramp(130, 121), progressive=True)[:-1],
    "JPEG with fill bytes for its end": jpeg(ramp(130, 121))[:-2] + b"\xff\xff\xff",
    "JPEG without the last bits of its colour": jpeg(np.stack([NOISE] * 3, -1))[:-3],
    "JPEG in DICOM": wrap(dataset(smooth()), jpeg(smooth()), JPEG),
    "JPEG in DICOM under a header of colour": wrap(dataset(GREY), jpeg(ramp()), JPEG),
    "JPEG in DICOM without its end": wrap(dataset(smooth()), jpeg(smooth())[:-2], JPEG),
    "JPEG of 12 bits in DICOM": wrap(
        dataset(DEEP, BitsStored=12, HighBit=11), dct_jpeg(DEEP), f"{JPEG[:-2]}51"
    ),
}
RLE_OF_NOISE = compressed(dataset(NOISE), RLE, "pydicom")
BROKEN: dict[str, bytes] = {
    "empty": b"",
    "text": b"a letter, not a film" * 9,
    "PDF": b"%PDF-1.7" + bytes(200),
    "cut": dicom(film())[:4000],
    "cut header": dicom(film())[:200],
    "erased between rows": dicom(erased(ERASABLE, 3070, 3740)),
    "TIFF, no strip": tiff(ramp()).replace(struct.pack("<HHII", 273, 4, 1, 134), struct.pack("<HHII", 273, 4, 1, 0)),
    "CT": dicom(film(), SOPClassUID="1.2.840.10008.5.1.4.1.1.2"),
    "for processing": dicom(film(), SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1.1"),
    "frames": dicom(film(), NumberOfFrames=3),
    "video": dicom(film(), BitsStored=12).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"),
    "small": dicom(ramp(40, 80)),
    "only padding": dicom(np.full((64, 64), 7, np.uint16), PixelPaddingValue=7),
    "RLE, a part erased": RLE_OF_NOISE[:2000] + bytes(300) + RLE_OF_NOISE[2300:],
    "RLE, a part changed": RLE_OF_NOISE[:2000] + b"\xc0" * 300 + RLE_OF_NOISE[2300:],
    "JPEG, cut": jpeg(ramp(300, 240))[:-2000],
    "JPEG, progressive, cut": jpeg(ramp(300, 240), progressive=True)[:-2000],
    "JPEG, damaged": damaged(jpeg(ramp(300, 240), restart_marker_blocks=5)),
    "JPEG, two beginnings": jpeg(ramp(300, 240))[:-2] + b"\xff\xd8",
    "JPEG, a second scan without its head": jpeg(ramp(300, 240))[:-2] + b"\xff\xda",
    "JPEG, header alone": jpeg(ramp(300, 240))[:400],
    "JPEG of 12 bits": dct_jpeg(DEEP),
    "JPEG, its height behind its data": no_height(jpeg(ramp(300, 240))),
    "12 bits allocated": dicom(film(), BitsAllocated=12, BitsStored=12),
    "floats": dicom(ramp(), PixelData=None, DoubleFloatPixelData=bytes(50400), BitsAllocated=64),
    "JPEG, other size in DICOM": wrap(dataset(smooth()), jpeg(smooth(80, 64)), JPEG),
    "line ends of two bytes": dicom(ramp(256, 256)).replace(b"\n", b"\r\n"),
    "PNG, rows missing": png_chunks(PNG_HEAD, (b"IDAT", zlib.compress(bytes(5000))), (b"IEND", b"")),
    "PNG of an iPhone": png_chunks((b"CgBI", b"1234"), PNG_HEAD, (b"IDAT", b""), (b"IEND", b"")),
    "PNG, cut": deep_png(film())[:900],
    "PNG, a wrong checksum": deep_png(film()).replace(b"IDAT", b"IDAT\1", 1),
    "TIFF, pages": tiff_of(ramp(), save_all=True, append_images=[Image.fromarray(ramp())]),
    "TIFF, cut": tiff(ramp())[:3000],
}  # fmt: skip


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return read_by_name(tmp_path_factory.mktemp("films"), FILMS | BROKEN)


@pytest.mark.parametrize("name", FILMS)
def test_a_film_is_what_python_reads(answers: dict[str, dict[str, Any]], name: str) -> None:
    expected = images.read(FILMS[name], at_least_px=224)
    answer = answers[name]
    assert "error" not in answer, answer
    levels = (expected.pixels * np.float32(255) + np.float32(0.5)).astype(int)
    # Sums of three channels may be rounded otherwise, by one level at most; a JPEG has its own.
    assert np.abs(answer["levels"].reshape(levels.shape) - levels).max() <= int(
        "colour" in name and "JPEG" not in name
    )
    pixels = images.model_input(expected, 128).astype(int)
    assert np.abs(answer["input"].reshape(128, 128) - pixels).max() <= 1
    facts = answer["facts"]
    for key in ("format", "rows", "columns", "bits", "colour", "reduced_by", "age_years"):
        assert facts.get(key) == getattr(expected.facts, key), key
    for key in ("modality", "view_position", "photometric", "transfer_syntax"):
        assert facts.get(key) == getattr(expected.facts, key), key
    assert facts.get("missing_rows") == expected.facts.missing_rows
    # Of a JPEG it is that of chroma, which has fewer pixels.
    tolerance = 0.1 * expected.facts.tint if "JPEG" in name else 1e-4
    assert facts["tint"] == pytest.approx(expected.facts.tint, abs=tolerance)


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_film_has_the_error_of_python(
    answers: dict[str, dict[str, Any]], name: str
) -> None:
    with pytest.raises(ImageError) as error:
        images.read(BROKEN[name])
    assert answers[name]["error"] == error.value.code


ROWS = """
import { readFileSync } from "node:fs";
import { checkedPng, checkRows } from "./films/png.js";
const films = JSON.parse(readFileSync("input.json"));
const codes = films.map((film) => checkedPng(Buffer.from(film, "hex")).then(checkRows).then(() => null, (error) => error.code));
console.log(JSON.stringify(await Promise.all(codes)));
"""


def test_rows_that_a_browser_leaves_black_are_missing(tmp_path: Path) -> None:
    lines = bytes(90 * 71)
    films = []
    for interlaced, size in ((0, 6390), (0, 6389), (0, 90_000), (1, 6470), (1, 6469)):
        head = (b"IHDR", struct.pack(">IIBBBBB", 70, 90, 8, 0, 0, 0, interlaced))
        packed = zlib.compress((lines * 20)[:size])
        films.append(png_chunks(head, (b"IDAT", packed), (b"IEND", b"")).hex())
    assert in_node(tmp_path, ROWS, films) == [None, "TruncatedImage", None, None, "TruncatedImage"]


STRICT = Path(__file__).with_name("strict_decompression.js").read_text(encoding="utf-8")
SAMPLES = (
    STRICT
    + """
import { readFileSync } from "node:fs";
import { checkedPng, checkRows, samplesOfPng } from "./films/png.js";
const samples = async (film) => {
  const png = await checkedPng(Buffer.from(film, "hex"));
  await checkRows(png);
  return Buffer.from(await samplesOfPng(png)).toString("hex");
};
const films = JSON.parse(readFileSync("input.json"));
console.log(JSON.stringify(await Promise.all(films.map((film) => samples(film).catch((error) => error.code)))));
"""
)


@pytest.mark.slow
@pytest.mark.parametrize("interlaced", [0, 1])
def test_bytes_behind_the_data_of_a_png_are_left_out(interlaced: int, tmp_path: Path) -> None:
    """Browsers refuse them; the pixels are those of the film without them."""
    columns, rows = 150, 190
    head = (b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, interlaced))
    packed = zlib.compress(np.random.default_rng(3).integers(0, 5, 30_000, np.uint8).tobytes())
    filters = bytearray(zlib.decompress(packed))
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]  # fmt: skip
    at = 0
    for top, left, down, along in passes if interlaced else [(0, 0, 1, 1)]:
        for _ in range(-(-(rows - top) // down)):
            filters[at] = 0
            at += 1 + -(-(columns - left) // along)
    packed = zlib.compress(bytes(filters[:at]))
    damaged = packed[:-9] + bytes(9)
    contents = [packed, packed + b"\0", packed + b"behind" * 2000, damaged, packed[:-9]]
    films = [png_chunks(head, (b"IDAT", content), (b"IEND", b"")) for content in contents]
    answers = in_node(tmp_path, SAMPLES, [film.hex() for film in films])
    expected = np.asarray(Image.open(io.BytesIO(films[0]))).tobytes().hex()
    assert answers == [expected] * 3 + ["UnreadableImage"] * 2
    (tmp_path / "film.png").write_bytes(films[2])
    assert images.read(tmp_path / "film.png").pixels.shape == (rows, columns)


RESIZES = ("antialias", "bilinear", "nearest")
SIZES = ((64, 80), (224, 224), (300, 517), (701, 333))


@pytest.fixture(scope="module")
def resized(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int, int], np.ndarray]:
    """The network's input of a ramp, by filter and size."""
    cases = [(resize, *size) for resize in RESIZES for size in SIZES]
    films = [dicom(ramp(rows, columns)) for _, rows, columns in cases]
    folder = tmp_path_factory.mktemp("resized")
    answers = read_in_node(folder, films, [resize for resize, *_ in cases])
    return {
        case: answer["input"].reshape(128, 128) for case, answer in zip(cases, answers, strict=True)
    }


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_resizing_is_that_of_pillow(
    resized: dict[tuple[str, int, int], np.ndarray], resize: str, rows: int, columns: int
) -> None:
    expected = images.model_input(images.read(dicom(ramp(rows, columns))), 128, resize=resize)
    assert np.array_equal(resized[resize, rows, columns], expected)


COLOUR_JPEG = """
import { readFileSync } from "node:fs";
import { luminanceOf } from "./films/jpeg.js";
import { rgbOfJpeg } from "./films/raster.js";
const context = { drawImage: () => null, getImageData: () => ({ data: [1, 2, 3, 255] }) };
globalThis.createImageBitmap = async () => ({ width: 1, height: 1, close: () => null });
globalThis.OffscreenCanvas = class { getContext = () => context; };
const code = async (decode, film) => {
  try {
    return (await decode(Buffer.from(film, "hex"))) === null ? "other colours" : "pixels";
  } catch (error) {
    return error.code;
  }
};
const films = JSON.parse(readFileSync("input.json"));
console.log(JSON.stringify(await Promise.all(films.map(async (film) => [await code(luminanceOf, film), await code(rgbOfJpeg, film)]))));
"""


def test_a_browser_decodes_complete_jpegs_only(tmp_path: Path) -> None:
    """Those in RGB, and in colour in DICOM; bytes behind the end are no reason to refuse them."""
    whole = save(np.dstack([smooth()] * 3), "JPEG", keep_rgb=True)
    half = whole[: len(whole) * 2 // 3]
    films = [whole, whole + bytes(1000), half, half + b"\xff\xd9"]
    complete, incomplete = ["other colours", "pixels"], ["TruncatedImage", "TruncatedImage"]
    answers = in_node(tmp_path, COLOUR_JPEG, [film.hex() for film in films])
    assert answers == [complete, complete, incomplete, incomplete]


PALETTE = """
import { readFileSync } from "node:fs";
import { checkedPng, checkPalette } from "./films/png.js";
const films = JSON.parse(readFileSync("input.json"));
const check = async (film) => checkPalette(await checkedPng(Buffer.from(film, "hex")));
console.log(JSON.stringify(await Promise.all(films.map((film) => check(film).then(() => null, (error) => error.values.reason)))));
"""


def test_pixels_without_a_colour_in_the_palette_are_an_error(tmp_path: Path) -> None:
    films = []
    for depth in (1, 2, 4, 8):
        white = 2**depth - 1
        rows = packed(np.tile(np.arange(90) % 2**depth, (70, 1)), depth)
        lines = b"".join(
            b"\0" + rows[at : at + len(rows) // 70] for at in range(0, len(rows), len(rows) // 70)
        )
        head = (b"IHDR", struct.pack(">IIBBBBB", 90, 70, depth, 3, 0, 0, 0))
        for entries in (min(white, 89) + 1, min(white, 89)):
            palette = (b"PLTE", bytes(3 * entries))
            films.append(png_chunks(head, palette, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")))
    expected = [None, "its palette has too few colours"] * 4
    assert in_node(tmp_path, PALETTE, [film.hex() for film in films]) == expected
    for film, reason in zip(films, expected, strict=True):
        if reason is None:
            images.read(film)
        else:
            with pytest.raises(UnreadableImage, match=reason):
                images.read(film)
