"""What the page takes from Exif data, compared with `pneumoscope.images`."""

from __future__ import annotations

import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from film_files import save, smooth
from page_in_node import in_node, read_by_name
from pneumoscope import images

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
SCRIPT = """
import { readFileSync } from "node:fs";
import { exifOfJpeg, exifOfWebp } from "./films/exif.js";
import { checkedPng } from "./films/png.js";
const { films } = JSON.parse(readFileSync("input.json"));
const exif = { JPEG: exifOfJpeg, WEBP: exifOfWebp, PNG: async (data) => (await checkedPng(data)).exif };
const read = await Promise.all(films.map(([kind, film]) => exif[kind](Buffer.from(film, "hex"))));
console.log(JSON.stringify(read.map((exif) => exif.takenBy)));
"""
ENTRIES: tuple[dict[int, Any], ...] = (
    {0x829D: 1.8},
    {0x920A: 4.2},
    {0x9286: b"ASCII\0\0\0Screenshot"},
    {0x9286: b"ASCII\0\0\0Screenshots"},
    {0x8827: 200},
    {},
)
EXPECTED = ["camera", "camera", "screenshot", None, None, None]


def exif(entries: dict[int, Any]) -> Image.Exif:
    data = Image.Exif()
    data[0x0112] = 6
    if entries:
        data.get_ifd(0x8769).update(entries)
    return data


def png_with(data: bytes, times: int) -> bytes:
    """A PNG with so many chunks of Exif data."""
    film = save(smooth(), "PNG")
    return film[:33] + times * chunk(b"eXIf", data) + film[33:]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_the_page_knows_what_took_a_picture(tmp_path: Path) -> None:
    kinds = ("JPEG", "PNG", "WEBP")
    films = [(kind, save(smooth(), kind, exif=exif(e))) for kind in kinds for e in ENTRIES]
    # Lossless WebP, and Exif data that is cut.
    films.append(("WEBP", save(smooth(), "WEBP", exif=exif(ENTRIES[0]), lossless=True)))
    films.append(("JPEG", save(smooth(), "JPEG", exif=exif(ENTRIES[0]).tobytes()[:30])))
    for comment in ("Screenshot", "A Screenshot"):
        texts = PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", f"<exif:UserComment>{comment}</exif:UserComment>")
        films.append(("PNG", save(smooth(), "PNG", pnginfo=texts)))
    packed = [(kind, film.hex()) for kind, film in films]
    expected = [*EXPECTED * 3, "camera", None, "screenshot", None]
    assert [images.read(film).facts.taken_by for _, film in films] == expected
    assert in_node(tmp_path, SCRIPT, {"films": packed}) == expected


def test_the_facts_of_a_picture_say_so(tmp_path: Path) -> None:
    film = save(smooth(300, 240), "JPEG", exif=exif(ENTRIES[0]))
    facts = read_by_name(tmp_path, {"film": film})["film"]["facts"]
    assert (facts["taken_by"], facts["rows"], facts["columns"]) == ("camera", 240, 300)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x06", 6),  # a LONG
        (b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x05\0\0\0\x01\0\x06\0\0", 1),  # no integer
        (3 * b"Exif\0\0" + b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 6),
        (b"XX\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0", 1),  # no TIFF
    ],
)
def test_the_page_turns_what_python_turns(tmp_path: Path, data: bytes, expected: int) -> None:
    film = png_with(data, 1)
    script = SCRIPT.replace(".takenBy", ".orientation")
    assert in_node(tmp_path, script, {"films": [("PNG", film.hex())]}) == [expected]
    assert images.read(film).facts.rows == (80 if expected == 6 else 64)


@pytest.mark.parametrize("cut", [12, 20, 1000])
def test_exif_data_of_a_jpeg_may_be_in_several_segments(tmp_path: Path, cut: int) -> None:
    data = exif(ENTRIES[0]).tobytes().removeprefix(b"Exif\0\0")
    film = save(smooth(), "JPEG")
    for part in filter(None, (data[cut:], data[:cut])):
        size = struct.pack(">H", 8 + len(part))
        # 0xFF may fill up to a marker (ITU-T T.81, B.1.1.2).
        film = film[:20] + b"\xff\xff\xff\xe1" + size + b"Exif\0\0" + part + film[20:]
    assert images.read(film).facts.taken_by == "camera"
    assert in_node(tmp_path, SCRIPT, {"films": [("JPEG", film.hex())]}) == ["camera"]


def test_many_directories_that_state_more_entries_than_they_have_take_no_time(
    tmp_path: Path,
) -> None:
    film = png_with(b"MM\0*\0\0\0\x08\xff\xff" + bytes(12), 30_000)
    assert in_node(tmp_path, SCRIPT, {"films": [("PNG", film.hex())]}) == [None]


XMP = b"XML:com.adobe.xmp\0"
SAYS_SO = b"<exif:UserComment>Screenshot</exif:UserComment>"
PROFILE = b"Raw profile type exif\0"
PACKED, LONG = zlib.compress(SAYS_SO), zlib.compress(SAYS_SO + bytes(2**21))
LENS = exif({0x829D: 1.8}).tobytes()
HEX = b"\nexif\n      %d\n" % len(LENS) + LENS.hex().encode()
TEXTS: dict[str, tuple[list[tuple[bytes, bytes]], str | None]] = {
    "plain": ([(b"tEXt", XMP + SAYS_SO)], "screenshot"),
    "packed": ([(b"zTXt", XMP + b"\0" + PACKED)], "screenshot"),
    "international": ([(b"iTXt", XMP + b"\0\0\0\0" + SAYS_SO)], "screenshot"),
    "international, packed": ([(b"iTXt", XMP + b"\1\0en\0\0" + PACKED)], "screenshot"),
    "unknown packing": ([(b"iTXt", XMP + b"\1\1\0\0" + PACKED)], None),
    "damaged": ([(b"iTXt", XMP + b"\1\0\0\0x" + PACKED)], None),
    "no UTF-8": ([(b"iTXt", XMP + b"\0\0\0\0\xff" + SAYS_SO)], None),
    "too long": ([(b"iTXt", XMP + b"\1\0\0\0" + LONG)], None),
    "replaced": ([(b"tEXt", XMP + SAYS_SO), (b"tEXt", XMP)], None),
    "another keyword": ([(b"tEXt", b"Comment\0" + SAYS_SO)], None),
    "Exif in hexadecimals": ([(b"tEXt", PROFILE + HEX)], "camera"),
    "Exif in hexadecimals, packed": ([(b"zTXt", PROFILE + b"\0" + zlib.compress(HEX))], "camera"),
    "no hexadecimals": ([(b"tEXt", PROFILE + HEX + b"x")], None),
    "Exif as text": ([(b"tEXt", b"exif\0" + LENS)], "camera"),
}  # fmt: skip


def test_the_page_reads_texts_of_a_png_as_python_does(tmp_path: Path) -> None:
    film, films = save(smooth(), "PNG"), []
    for chunks, _ in TEXTS.values():
        added = b"".join(chunk(*part) for part in chunks)
        films.append(film[:33] + added + film[33:])
    expected = [taken_by for _, taken_by in TEXTS.values()]
    assert [images.read(film).facts.taken_by for film in films] == expected
    packed = [("PNG", film.hex()) for film in films]
    assert in_node(tmp_path, SCRIPT, {"films": packed}) == expected


@pytest.mark.slow
def test_many_texts_that_unpack_to_much_take_little_time(tmp_path: Path) -> None:
    film, text = save(smooth(), "PNG"), chunk(b"zTXt", XMP + b"\0" + zlib.compress(bytes(2**20)))
    film = film[:33] + 2000 * text + film[33:]
    assert in_node(tmp_path, SCRIPT, {"films": [("PNG", film.hex())]}) == [None]


UNPACKED = """
import { readFileSync } from "node:fs";
import { textsOf } from "./films/png-texts.js";
let unpacked = 0;
const stream = globalThis.DecompressionStream;
globalThis.DecompressionStream = class extends stream { constructor(kind) { super(kind); unpacked += 1; } };
const texts = JSON.parse(readFileSync("input.json")).map((text) => ({ kind: "zTXt", content: Buffer.from(text, "hex") }));
const read = await textsOf(texts, ["key"]);
console.log(JSON.stringify([unpacked, read.get("key")]));
"""


@pytest.mark.slow
def test_of_many_texts_the_last_ones_are_unpacked(tmp_path: Path) -> None:
    """Each takes time, and a file can hold millions."""
    texts = [b"key\0\0" + zlib.compress(str(i).encode()) for i in range(1500)]
    texts += [b"other\0\0" + zlib.compress(b"x")] * 1500
    assert in_node(tmp_path, UNPACKED, [text.hex() for text in texts]) == [1000, "1499"]
