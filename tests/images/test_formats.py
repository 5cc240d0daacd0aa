"""The first bytes of files."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from film_files import EXPLICIT, IMPLICIT, dataset, ramp, save, write
from pneumoscope.images.formats import is_archive, sniff


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
def test_what_an_encoder_writes_is_recognised(kind: str) -> None:
    assert sniff(save(ramp(), kind)[:132]) == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"II*\0", "TIFF"),
        (b"MM\0*", "TIFF"),
        (b"II+\0", "TIFF"),  # BigTIFF
        (b"MM\0+", "TIFF"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WEBP"),
        (b"RIFF\x10\0\0\0WAVEfmt ", None),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "BMP"),
        (b"BM" + bytes(12) + b"\x29\0\0\0", None),  # no header of that size
        (b"BMW is a car", None),
        (b"GIF89a", None),
        (b"%PDF-1.7", None),
        (b"\xff\xd8", None),
        (b"", None),
    ],
)
def test_magic_numbers(head: bytes, kind: str | None) -> None:
    assert sniff(head) == kind


def test_the_preamble_of_dicom_may_look_like_something_else() -> None:
    assert sniff(b"II*\0" + bytes(124) + b"DICM") == "DICOM"
    assert sniff(bytes(128) + b"DICM") == "DICOM"
    # A JPEG stays one, whatever stands at byte 128.
    assert sniff(b"\xff\xd8\xff" + bytes(125) + b"DICM") == "JPEG"


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_dicom_without_preamble(syntax: str) -> None:
    data = write(dataset(np.zeros((16, 16), np.uint8)), syntax, preamble=False)
    assert sniff(data[:200]) == "DICOM"


@pytest.mark.parametrize(
    "start",
    [
        b"\x08\x00\x05\x00CS",  # an early tag with a VR
        b"\x02\x00\x00\x00UL",
        b"\x08\x00\x16\x00\x1a\x00\x00\x00",  # implicit: a length of 26
    ],
)
def test_a_first_element_tells_dicom(start: bytes) -> None:
    assert sniff(start + bytes(132)) == "DICOM"
    assert sniff(start) is None  # too short for any film


@pytest.mark.parametrize(
    "start",
    [
        b"\x10\x00\x10\x00PN",  # another group
        b"\x08\x01\x05\x00CS",
        b"\x08\x00\x21\x00CS",  # not among the first tags
        b"\x08\x00\x05\x00XX",
        b"\x08\x00\x05\x00\x41\x00\x00\x00",  # longer than any first element
        b"\x08\x00\x05\x00\x00\x00\x00\x00",
    ],
)
def test_what_is_no_first_element(start: bytes) -> None:
    assert sniff(start + bytes(132)) is None


@pytest.mark.parametrize(
    ("head", "archive"),
    [
        (b"PK\3\4rest", True),
        (b"PK\5\6", True),
        (b"PK\7\x08", False),
        (b"PK\7\x08PK\3\4", True),
        (b"PK00PK\3\4", True),
        (b"PK", False),
        (b"", False),
    ],
)
def test_archives(head: bytes, archive: bool) -> None:
    assert is_archive(head) is archive


def test_a_gif_is_none_of_ours() -> None:
    assert sniff(save(Image.new("L", (8, 8)), "GIF")[:132]) is None
