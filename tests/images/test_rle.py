"""RLE of DICOM."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.pixels.encoders.native import _encode_frame

from film_files import RLE, dataset, ramp, wrap
from pneumoscope import images
from pneumoscope.errors import TruncatedImage, UnreadableImage
from pneumoscope.images.rle import decode

DEEP = (ramp().astype(np.uint16) * 16) + np.random.default_rng(2).integers(0, 16, ramp().shape, np.uint16)  # fmt: skip
COLOUR = np.dstack([ramp(), ramp()[::-1], 255 - ramp()])


class _Frame:
    """What pydicom's encoder asks for."""

    def __init__(self, stored: np.ndarray) -> None:
        self.rows, self.columns = stored.shape[:2]
        self.samples_per_pixel = stored.shape[2] if stored.ndim == 3 else 1
        self.bits_allocated = 8 * stored.itemsize

    def get_option(self, name: str, default: object = None) -> object:
        return {"byteorder": "<"}.get(name, default)


def packed(stored: np.ndarray) -> bytes:
    return bytes(_encode_frame(stored.tobytes(), _Frame(stored)))


@pytest.mark.parametrize("stored", [ramp(), DEEP, DEEP.astype(np.uint32) * 70_000, COLOUR])
def test_frames_of_any_depth(stored: np.ndarray) -> None:
    samples = 3 if stored.ndim == 3 else 1
    made = decode(packed(stored), stored.shape[:2], samples, 8 * stored.itemsize, "film")
    np.testing.assert_array_equal(made, stored)
    padded = decode(packed(stored) + bytes(50), stored.shape[:2], samples, 8 * stored.itemsize, "")
    np.testing.assert_array_equal(padded, stored)


def test_a_changed_part_is_seen_by_the_bytes_that_remain() -> None:
    frame = packed(DEEP)
    at = len(frame) - 3000
    damaged = frame[:at] + b"\xc0" * 500 + frame[at + 500 :]
    with pytest.raises(UnreadableImage, match="RLE data is damaged"):
        images.read(wrap(dataset(DEEP, BitsStored=12, HighBit=11), damaged, RLE))


def test_an_erased_part_leaves_too_few_bytes() -> None:
    frame = packed(DEEP)
    with pytest.raises(TruncatedImage):
        decode(frame[:-900] + bytes(900), DEEP.shape, 1, 16, "film")


def test_segments_that_are_missing_or_out_of_order() -> None:
    frame = packed(DEEP)
    with pytest.raises(UnreadableImage, match="2 RLE segments for 3 x 16 bits"):
        decode(frame, DEEP.shape, 3, 16, "film")
    turned = frame[:4] + frame[8:12] + frame[4:8] + frame[12:]
    with pytest.raises(UnreadableImage, match="not in order"):
        decode(turned, DEEP.shape, 1, 16, "film")
