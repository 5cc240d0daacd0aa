"""What Exif data says: see `test_raster` for orientations."""

from __future__ import annotations

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
FILM = smooth()


def exif(entries: dict[int, Any]) -> Image.Exif:
    data = Image.Exif()
    data[MAKE] = "Maker"
    data.get_ifd(EXIF_IFD).update(entries)
    return data


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
