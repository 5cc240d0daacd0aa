"""TIFF, and PNG of 16 bits or with alpha, in the page: the answers and the refusals of Python."""

from __future__ import annotations

import io
import shutil
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from film_files import png_chunks, ramp, save, smooth
from page_in_node import read_by_name
from pneumoscope import images
from pneumoscope.errors import ImageError
from tiff_files import (
    Entry,
    entry,
    filled_up,
    of_pages,
    of_strip_rows,
    one_page,
    one_strip,
    overlapping,
    packbits,
    packed,
    tags,
)

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
GREY = ramp(70, 90)
UNIT = GREY / 250
KINDS = ("u1", "u2", "u4", "i1", "i2", "i4", "u8", "i8", "f2", "f4", "f8")
CHUNKS = {"an orientation": (b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06" + bytes(6))}  # fmt: skip


def of_kind(kind: str) -> np.ndarray:
    """The ramp with white as 1.0, or as the largest value of an integer kind."""
    if kind.startswith("f"):
        return UNIT.astype(kind)
    if kind.endswith("8"):  # floats do not hold 64 bits
        return GREY.astype(kind) * (np.iinfo(kind).max // 250)
    return np.round(UNIT * np.iinfo(kind).max).astype(kind)


def of_bits(bits: int, white: int | None = None) -> bytes:
    return packed(np.round(UNIT * (white or 2**bits - 1)).astype(int), bits)


def strip(shape: tuple[int, ...], data: bytes, *more: Entry, **kinds: int) -> bytes:
    """A TIFF of one strip."""
    bits = kinds.pop("bits", 8)
    return of_pages([([*tags(shape, bits, **kinds), entry(278, "I", shape[0]), *more], [data], 273)])  # fmt: skip


def by_pillow(pixels: np.ndarray, mode: str | None = None, **options: Any) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(stream, "TIFF", **options)
    return stream.getvalue()


def deflated(kind: str, predictor: int) -> bytes:
    stored = of_kind(kind)
    coded = stored.copy()
    if predictor == 2:
        coded[:, 1:] -= stored[:, :-1]
    strips = [zlib.compress(coded[at : at + 32].tobytes()) for at in range(0, 70, 32)]
    fields = [*tags(stored.shape, 8 * stored.itemsize, compression=8), entry(278, "I", 32)]
    return of_pages([([*fields, entry(317, "H", predictor)], strips, 273)])


def float_tiles(kind: str) -> bytes:
    """Tiles of 32 x 48 with differences of the bytes of floats."""
    stored = np.zeros((96, 96), kind)
    stored[:70, :90] = UNIT
    tiles = []
    for top in range(0, 96, 32):
        for left in range(0, 96, 48):
            tile = stored[top : top + 32, left : left + 48].astype(f">{kind}")
            bytewise = tile.view(np.uint8).reshape(32, 48, -1).transpose(0, 2, 1).reshape(32, -1)
            coded = bytewise.copy()
            coded[:, 1:] -= bytewise[:, :-1]
            tiles.append(zlib.compress(coded.tobytes()))
    fields = [*tags((70, 90), 8 * stored.itemsize, 3, compression=8), entry(317, "H", 3)]
    return of_pages([([*fields, entry(322, "I", 48), entry(323, "I", 32)], tiles, 324)])


def planes(kind: str) -> bytes:
    """Colour whose planes lie one behind the other."""
    grey = of_kind(kind)
    fields = [*tags((70, 90, 3), 8 * grey.itemsize, photometric=2), entry(278, "I", 70)]
    parts = [plane.tobytes() for plane in (grey, grey[::-1], grey)]
    return of_pages([([*fields, entry(284, "H", 2)], parts, 273)])


def with_alpha(kind: str, photometric: int, meaning: int | None, least: float = 0) -> bytes:
    grey = of_kind(kind)
    alpha = np.full_like(grey, np.iinfo(kind).max)
    alpha[:, 10 if least else 0 : 30] = least * np.iinfo(kind).max
    colours = [grey, grey[::-1], grey[:, ::-1]] if photometric == 2 else [grey]
    more = () if meaning is None else (entry(338, "H", meaning),)
    return one_strip(np.dstack([*colours, alpha]), more=more, photometric=photometric)


def page_of(stored: np.ndarray, *more: Entry) -> tuple[list[Entry], list[bytes], int]:
    fields = [*tags(stored.shape, 8 * stored.itemsize), entry(278, "I", len(stored)), *more]
    return fields, [stored.tobytes()], 273


def colour(*channels: np.ndarray, photometric: int, **more: tuple[int, ...]) -> bytes:
    stored = np.dstack(channels)
    count, bits = len(channels), 8 * stored.itemsize
    more |= {"t262": (photometric,), "t277": (count,), "t258": (bits,) * count}
    return one_page(stored.tobytes(), bits, **more)


def png(depth: int, colour_type: int, *channels: np.ndarray, chunk: str | None = None) -> bytes:
    samples = np.dstack(channels).astype(f">u{depth // 8}")
    head = struct.pack(">II", 90, 70) + bytes([depth, colour_type, 0, 0, 0])
    raw = b"".join(b"\0" + row.tobytes() for row in samples)
    extra = [CHUNKS[chunk]] if chunk else []
    return png_chunks((b"IHDR", head), *extra, (b"IDAT", zlib.compress(raw)), (b"IEND", b""))


WORDS = of_kind("u2") // 16  # 12 of 16 bits
OPAQUE = np.where(np.mgrid[:70, :90][1] < 10, 0, 65535).astype(np.uint16)
SMALL = ramp(64, 64)
JPEG = save(smooth(), "JPEG", quality=90)
NEUTRAL = np.full_like(GREY, 128)
STEPS = tuple(range(256))
FILMS: dict[str, bytes] = {
    "a last strip that was filled up": filled_up(GREY),
    "an only strip that was filled up": of_pages([([*tags(GREY.shape, 8, compression=32773), entry(278, "I", 128)], [packbits(np.pad(GREY, ((0, 128 - len(GREY)), (0, 0)), constant_values=255))], 273)]),
    "strips that share bytes": overlapping(np.vstack([GREY[:20], GREY[:20], GREY[40:]])),
    **{f"{kind} {order}": one_strip(of_kind(kind), order) for kind in KINDS for order in "<>"},
    **{f"{bits} bits {order}": one_page(of_bits(bits), bits, order=order) for bits in (1, 2, 3, 4, 6, 7, 9, 10, 12, 13, 15) for order in "<>"},
    **{f"dark, 12 bits {order}": one_page(of_bits(12, 1000), 12, order=order) for order in "<>"},
    **{f"BigTIFF {kind} {order}": one_page(of_kind(kind).astype(f"{order}{kind}").tobytes(), 8 * int(kind[1]), order=order, wide=True) for kind in ("u1", "u2", "u4") for order in "<>"},
    **{f"white is zero, {kind}": one_strip(of_kind(kind), photometric=0) for kind in KINDS},
    **{f"white is zero, {bits} bits": one_page(of_bits(bits), bits, t262=(0,)) for bits in (1, 4, 10)},
    **{f"alpha {kind} {photometric} {meaning}": with_alpha(kind, photometric, meaning, 0.5) for kind in ("u1", "u2") for photometric in (1, 2) for meaning in (None, 0, 2, 999)},
    **{f"alpha 0 everywhere {kind}": with_alpha(kind, 2, 2) for kind in ("u1", "u2")},
    **{f"planes {kind}": planes(kind) for kind in ("u1", "u2")},
    **{f"Deflate {kind}, predictor {predictor}": deflated(kind, predictor) for kind in ("u1", "u2", "u4", "u8") for predictor in (1, 2)},
    **{f"tiles of floats {kind}": float_tiles(kind) for kind in ("f4", "f8")},
    **{f"strips without sizes {kind}": one_page(of_kind(kind).tobytes(), 8 * int(kind[1]), t279=()) for kind in ("u2", "u4")},
    "32 bits beyond the sign": one_strip((GREY.astype(np.uint32) + 5) << 24),
    "floats, some no numbers": one_strip(np.where(GREY > 240, np.nan, UNIT).astype("f4")),
    "a reduced copy behind it": of_pages([page_of(GREY), page_of(SMALL, entry(254, "I", 1))]),
    "a reduced copy before it": of_pages([page_of(SMALL, entry(255, "H", 2)), page_of(WORDS)]),
    "more depths than samples": one_page(GREY.tobytes(), 8, t258=(8, 8, 8, 8)),
    "no photometric interpretation": one_page(GREY.tobytes(), 8, t262=()),
    "words beyond the end": one_page(GREY.tobytes(), 8, t270=(65,) * 200)[:-500],
    "more strips than there are": of_pages([([*tags((70, 90), 8), entry(278, "I", 35)], [GREY[:35].tobytes(), GREY[35:].tobytes(), b"", b"x"], 273)]),
    "a strip that states more bytes than it has": one_page(GREY.tobytes(), 8, t279=(10**6,)),
    "turned": one_strip(of_kind("f8"), more=(entry(274, "H", 6),)),
    "rows without a number": of_pages([(tags((70, 90), 16), [WORDS.tobytes()], 273)]),
    "palette of 8 bits": one_page(GREY.tobytes(), 8, t262=(3,), t320=STEPS * 3),
    "palette of 16 bits": one_page(GREY.tobytes(), 8, t262=(3,), t320=(*(257 * i for i in STEPS), *(200 * i for i in STEPS), *(0 for _ in STEPS))),
    "palette of 4 bits": one_page(packed(GREY // 16, 4), 4, t262=(3,), t320=tuple(4369 * i for i in range(16)) * 3),
    **{f"deep colour up to {white}": colour(*[np.round(UNIT * white).astype("<u2")] * 3, photometric=2) for white in (200, 4095, 65535)},
    "YCbCr": colour(GREY, NEUTRAL, NEUTRAL, photometric=6, t530=(1, 1)),
    "YCbCr with a faint cast": colour(GREY, NEUTRAL - 3, NEUTRAL + 3, photometric=6, t530=(1, 1)),
    "YCbCr with a tint": colour(GREY, NEUTRAL - 38, NEUTRAL + 32, photometric=6, t530=(1, 1)),
    "CMYK": colour(255 - GREY, 255 - GREY, 255 - GREY, 255 - GREY, photometric=5),
    "bits from the right": one_page(bytes(int(f"{v:08b}"[::-1], 2) for v in GREY.tobytes()), 8, t266=(2,)),
    "LZW of colours, differences": by_pillow(np.dstack([GREY, GREY[::-1], GREY]), compression="tiff_lzw", tiffinfo={317: 2}),
    **{f"one strip of {rows} rows, {coding}": of_strip_rows(by_pillow(GREY, compression=coding), rows) for rows in (71, 2**31, 2**32 - 1) for coding in (None, "packbits", "tiff_lzw", "tiff_adobe_deflate")},
    "JPEG inside": strip((64, 80), JPEG, compression=7),
    "JPEG inside that does not say which end is white": one_page(JPEG, 8, t256=(80,), t257=(64,), t259=(7,), t262=(), t278=(64,)),
    "JPEG inside, white is zero": strip((64, 80), JPEG, compression=7, photometric=0),
    "JPEG with tables": by_pillow(smooth(200, 240), compression="jpeg"),
    "JPEG in YCbCr with tables": by_pillow(smooth(200, 240), "YCbCr", compression="jpeg"),
    "PNG, grey with alpha of 16 bits": png(16, 4, WORDS, OPAQUE),
    "PNG, colours of 12 in 16 bits": png(16, 2, WORDS, WORDS, WORDS),
    "PNG, colours of 16 bits": png(16, 2, WORDS * 16, WORDS[::-1] * 16, WORDS * 16),
    "PNG, colours with alpha of 16 bits": png(16, 6, WORDS, WORDS, WORDS, OPAQUE),
    "PNG, grey with alpha": png(8, 4, GREY, OPAQUE // 257),
    "PNG, alpha 0 everywhere": png(8, 6, GREY, GREY, GREY, GREY * 0),
    "PNG, some of it transparent": png(8, 6, GREY, GREY[::-1], GREY, GREY),
    "PNG, turned": png(16, 4, WORDS, OPAQUE, chunk="an orientation"),
}  # fmt: skip
BROKEN: dict[str, bytes] = {
    "two films": of_pages([page_of(GREY), page_of(SMALL)]),
    "reduced copies only": of_pages([page_of(GREY, entry(254, "I", 1))]),
    "small": one_strip(ramp(40, 40)),
    **{f"compression {number}": strip((70, 90), GREY.tobytes(), compression=number) for number in (34887, 33005, 34712, 50001, 50002, 9999)},
    "24 bits": strip((70, 90), bytes(18900), bits=24),
    "complex": strip((70, 90), bytes(100800), bits=128, fmt=6),
    "CIE L*a*b*": strip((70, 90), bytes(12600), bits=16, photometric=8),
    "colour in floats": strip((70, 90, 3), bytes(75600), bits=32, fmt=3, photometric=2),
    "colour of 4 bits": strip((70, 90, 3), bytes(9450), bits=4, photometric=2),
    "signed colour": strip((70, 90, 3), bytes(18900), fmt=2, photometric=2),
    "samples of a sensor": strip((70, 90), bytes(12600), bits=16, photometric=32803),
    "a mask alone": strip((70, 90), bytes(6300), photometric=4),
    "colours of 5 and 6 bits": of_pages([([entry(256, "I", 90), entry(257, "I", 70), entry(258, "H", 5, 6, 5), entry(262, "H", 2), entry(277, "H", 3), entry(278, "I", 70)], [bytes(12600)], 273)]),
    "17 samples": strip((70, 90, 17), bytes(107100)),
    "palette that is incomplete": one_page(GREY.tobytes(), 8, t262=(3,), t320=STEPS[:100] * 3),
    "YCbCr, subsampled": colour(GREY, NEUTRAL, NEUTRAL, photometric=6, t530=(2, 2)),
    "Deflate, damaged": strip((70, 90), b"x" * 500, compression=8),
    "PackBits, more than its pixels": strip((70, 90), b"\x81\7" * 60, compression=32773),
    "Deflate, short": strip((70, 90), zlib.compress(bytes(500)), compression=8),
    "no rows in a strip": of_pages([([*tags((70, 90), 8), entry(278, "I", 0)], [GREY.tobytes()], 273)]),
    "JPEG inside, cut": strip((64, 80), JPEG[:-200] + b"\xff\xd9", compression=7),
    "strips that are not listed": of_strip_rows(by_pillow(GREY), 69),
    **{f"values of {tag} that are lost": one_page(GREY.tobytes(), 8, **{f"t{tag}": (1,) * 100})[:-150] for tag in (258, 262, 279, 317, 339)},
    "JPEG inside of fewer rows": strip((70, 80), JPEG, compression=7),
    "JPEG inside of fewer columns": strip((64, 90), JPEG, compression=7),
    "too many entries": one_page(GREY.tobytes(), 8, **{f"t{tag}": (1,) for tag in range(40000, 45000)}),
    "a volume": one_strip(GREY, more=(entry(32997, "I", 4),)),
    "no number at all": one_strip(np.full((70, 90), np.nan, "f4")),
}  # fmt: skip


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return read_by_name(tmp_path_factory.mktemp("tiff"), FILMS | BROKEN)


@pytest.mark.parametrize("name", FILMS)
def test_the_page_reads_samples_as_python_does(
    answers: dict[str, dict[str, Any]], name: str
) -> None:
    expected = images.read(FILMS[name])
    answer = answers[name]
    assert "error" not in answer, answer
    levels = (expected.pixels * np.float32(255) + np.float32(0.5)).astype(int)
    assert np.abs(answer["levels"].reshape(levels.shape) - levels).max() <= 1
    for key in ("format", "rows", "columns", "bits", "colour"):
        assert answer["facts"][key] == getattr(expected.facts, key), key
    assert answer["facts"]["tint"] == pytest.approx(expected.facts.tint, abs=1e-3)


@pytest.mark.parametrize("name", BROKEN)
def test_the_page_refuses_with_the_words_of_python(
    answers: dict[str, dict[str, Any]], name: str
) -> None:
    with pytest.raises(ImageError) as caught:
        images.read(BROKEN[name])
    answer = answers[name]
    assert answer["error"] == caught.value.code
    for value in answer.get("values", {}).values():
        assert str(value) in str(caught.value)
