"""What Exif data says: see `test_raster` for orientations."""

from __future__ import annotations

import struct
import tracemalloc
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from film_files import save, smooth
from pneumoscope import images

EXIF_IFD, MAKE, F_NUMBER, FOCAL_LENGTH, ISO, COMMENT = (
    0x8769,
    0x010F,
    0x829D,
    0x920A,
    0x8827,
    0x9286,
)
UNDEFINED, RATIONAL, SHORT, LONG = 7, 5, 3, 4
FILM = smooth()


def exif(entries: dict[int, Any]) -> Image.Exif:
    data = Image.Exif()
    data[MAKE] = "Maker"
    data.get_ifd(EXIF_IFD).update(entries)
    return data


def tiff(*entries: tuple[int, int, int, int], order: str = "<") -> bytes:
    """Exif data of one directory: tag, type, count and value, or its place."""
    head = struct.pack(f"{order}2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(entries))
    return head + b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries) + bytes(4)


PICTURES = {
    "f-number": ({F_NUMBER: 1.8}, "camera"),
    "focal length": ({FOCAL_LENGTH: 4.2}, "camera"),
    "comment": ({COMMENT: b"ASCII\0\0\0Screenshot"}, "screenshot"),
    "comment of a person": ({COMMENT: b"ASCII\0\0\0Screenshots"}, None),
    "exposure alone": ({ISO: 200}, None),  # X-ray systems have that, too
    "nothing": ({}, None),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_says_what_took_it(name: str, kind: str) -> None:
    entries, expected = PICTURES[name]
    facts = images.read(save(FILM, kind, exif=exif(entries))).facts
    assert facts.taken_by == expected


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("<exif:UserComment>Screenshot</exif:UserComment>", "screenshot"),
        ('<exif:UserComment><rdf:li xml:lang="x-default">Screenshot</rdf:li>', "screenshot"),
        ("<exif:UserComment>A Screenshot</exif:UserComment>", None),
        ("<dc:title>Screenshot</dc:title>", None),
    ],
)
def test_a_png_says_so_in_xmp(comment: str, expected: str | None) -> None:
    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta>{comment}{' ' * 2000}</x:xmpmeta>")
    assert images.read(save(FILM, "PNG", pnginfo=texts)).facts.taken_by == expected


def test_broken_entries_say_nothing() -> None:
    data = exif({F_NUMBER: 1.8}).tobytes()
    at = data.index((EXIF_IFD).to_bytes(2, "little" if b"II" in data[:8] else "big"))
    broken = data[: at + 8] + b"\xff" * 4 + data[at + 12 :]
    film = images.read(save(FILM, "JPEG", exif=broken))
    assert (film.facts.taken_by, film.facts.rows) == (None, 64)


def test_broken_data_does_not_hide_what_xmp_says() -> None:
    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", "<exif:UserComment>Screenshot</exif:UserComment>")
    film = save(FILM, "PNG", pnginfo=texts, exif=b"Exif\0\0garbage")
    assert images.read(film).facts.taken_by == "screenshot"


def test_an_entry_whose_value_is_missing_hides_no_other() -> None:
    far = (0x010F, UNDEFINED, 100, 10**6)
    data = tiff(far, (0x0112, SHORT, 1, 6), (EXIF_IFD, LONG, 1, 8), (F_NUMBER, RATIONAL, 1, 8))
    facts = images.read(save(FILM, "JPEG", exif=b"Exif\0\0" + data)).facts
    assert (facts.taken_by, facts.rows, facts.columns) == ("camera", 80, 64)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_entries_that_share_a_long_value_take_little_memory(kind: str) -> None:
    shared = [(1000 + i, UNDEFINED, 50_000, 8) for i in range(2000)]
    data = tiff(*shared, (EXIF_IFD, LONG, 1, 8)).ljust(60_000, b"x")
    film = save(FILM, kind, exif=b"Exif\0\0" + data)
    tracemalloc.start()
    images.read(film)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 20e6  # copies of the values would be 100 MB
