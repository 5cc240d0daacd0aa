"""JPEG 2000 codestreams of which something is missing."""

from __future__ import annotations

import shutil
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from film_files import J2K_LOSSLESS, dataset, wrap
from page_in_node import in_node
from pneumoscope import images
from pneumoscope.errors import ImageError, TruncatedImage, UnreadableImage
from pneumoscope.images.jpeg_2000 import check

Y, X = np.mgrid[:200, :240]
FILM = (9000 * (np.sin(X / 31) + np.cos(Y / 17) + 3) + (X * Y) % 97).astype(np.uint16)
TILES = {"tile_size": (120, 100)}


def codestream(pixels: np.ndarray = FILM, **options: Any) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels).save(out, "JPEG2000", no_jp2=True, **options)
    return out.getvalue()


def parts_of(data: bytes) -> list[int]:
    """Where tile-parts begin."""
    return [i for i in range(len(data)) if data[i : i + 4] == b"\xff\x90\0\x0a"]


def changed(data: bytes, first: float, last: float, byte: bytes) -> bytes:
    """The data with one byte between two shares of it."""
    begin, end = int(first * len(data)), int(last * len(data))
    return data[:begin] + byte * (end - begin) + data[end:]


WHOLE = codestream()
PART = parts_of(WHOLE)[0]
UP_TO_THE_END = WHOLE[: PART + 6] + bytes(4) + WHOLE[PART + 10 :]  # Psot, A.4.2
COMMENT = b"\xff\x64" + struct.pack(">HH", 304, 0) + b"\xff" * 300  # A.9.2
EMPTY_PART = WHOLE[PART : PART + 6] + struct.pack(">I", 12) + WHOLE[PART + 10 : PART + 12]
TILED = codestream(**TILES)
PARTS = parts_of(TILED)
DAMAGED = {
    "the last fifth zeros": changed(WHOLE, 0.8, 1, b"\0"),
    "a part zeros": changed(WHOLE, 0.5, 0.53, b"\0"),
    "the last fifth ones": changed(WHOLE, 0.8, 1, b"\xff"),
    "up to the end, a part zeros": changed(UP_TO_THE_END, 0.5, 0.53, b"\0"),
    "the second tile zeros": changed(TILED, 0.3, 0.4, b"\0"),
    "lossy, a part zeros": changed(codestream(irreversible=True), 0.5, 0.6, b"\0"),
    "other data in the place of a part": WHOLE[:9000] + b"text \xff\xa0" * 99 + WHOLE[9693:],
}
SOUND = {
    "black": codestream(np.zeros_like(FILM)),
    "black, many packets": codestream(
        np.zeros_like(FILM), precinct_size=(64, 64), codeblock_size=(32, 32), irreversible=True
    ),
    "black below": codestream(np.where(Y < 100, FILM, 0).astype(np.uint16)),
    "few bits": codestream(FILM >> 12 << 12),
    "layers": codestream(quality_layers=[400, 100, 40, 10, 1], irreversible=True),
    "small blocks": codestream(codeblock_size=(4, 4)),
    "up to the end": UP_TO_THE_END,
    "zeros behind the end": WHOLE + bytes(4096),
    "ones behind the end": WHOLE + b"\xff" * 16,
    "up to the end, zeros behind it": UP_TO_THE_END + bytes(4096),
    "the largest tiles": WHOLE[:24] + b"\xff" * 8 + WHOLE[32:],  # XTsiz and YTsiz, A.5.1
    "a comment of ones": WHOLE[:PART] + COMMENT + WHOLE[PART:],
    "a comment of a tile-part": UP_TO_THE_END[: PART + 12] + COMMENT + UP_TO_THE_END[PART + 12 :],
    "many tile-parts without data": WHOLE[:PART] + EMPTY_PART * 50_000 + WHOLE[PART:],
    "tiles": TILED,
    "markers of packets": UP_TO_THE_END[:-2] + b"\xff\x91\0\4\0\xff\xc7\xff\x92\xff\x91\0\4\xff\xa0\xc7\xff\xd9",
}  # fmt: skip
LACKING = {
    "no last tile": TILED[: PARTS[-1]] + b"\xff\xd9",
    "no second tile": TILED[: PARTS[1]] + TILED[PARTS[2] :],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_codestream_with_a_part_that_was_erased_is_not_read(name: str) -> None:
    film = wrap(dataset(FILM), DAMAGED[name], J2K_LOSSLESS)
    with pytest.raises(UnreadableImage, match="a part of the JPEG 2000 data is damaged"):
        images.read(film)


@pytest.mark.parametrize("name", LACKING)
def test_a_codestream_without_a_tile_is_not_read(name: str) -> None:
    with pytest.raises(TruncatedImage):
        images.read(wrap(dataset(FILM), LACKING[name], J2K_LOSSLESS))


@pytest.mark.parametrize("name", SOUND)
def test_sound_codestreams_pass(name: str) -> None:
    check(SOUND[name], "film")


def test_a_header_that_allows_endless_zeros_is_left_to_the_decoder() -> None:
    at = WHOLE.index(b"\xff\x52")
    endless = WHOLE[: at + 6] + struct.pack(">H", 65535) + WHOLE[at + 8 :]
    check(endless, "film")
    check(WHOLE[:60], "film")


SCRIPT = """
import { readFileSync } from "node:fs";
import { checkJpeg2000 } from "./films/jpeg-2000.js";
const answers = JSON.parse(readFileSync("input.json")).map((text) => {
  try {
    checkJpeg2000(Uint8Array.from(Buffer.from(text, "hex")));
    return null;
  } catch (error) {
    return error.code;
  }
});
console.log(JSON.stringify(answers));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_page_refuses_the_same(tmp_path: Path) -> None:
    films = [*DAMAGED.values(), *LACKING.values(), *SOUND.values()]

    def code(film: bytes) -> str | None:
        try:
            check(film, "film")
        except ImageError as error:
            return type(error).__name__
        return None

    assert in_node(tmp_path, SCRIPT, [film.hex() for film in films]) == [
        code(film) for film in films
    ]
