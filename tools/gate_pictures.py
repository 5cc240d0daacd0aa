"""Turns files of packages into 8-bit pictures: rasters, patterns, DICOM frames."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

SIDE = 512
# Smaller pictures than this are icons; the network would see little but its own enlargement.
SMALLEST = 64

Pictures = Iterator[tuple[str, Image.Image]]


def picture(path: Path) -> Pictures:
    """The file as it is, transparency laid on white."""
    with Image.open(path) as image:
        # JPEG files decode at a fraction of their size at once.
        image.draft(None, (SIDE, SIDE))
        yield "", flat(image)


def flat(image: Image.Image) -> Image.Image:
    """``image`` as L or RGB, at most ``SIDE`` pixels long."""
    if image.mode in ("RGBA", "LA", "PA", "P"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    elif image.mode.startswith(("I", "F")):
        image = Image.fromarray(stretched(np.asarray(image, np.float32)))
    elif image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    else:
        image = image.copy()
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2)
    if image.mode == "RGB":
        red, green, blue = image.split()
        if red.tobytes() == green.tobytes() == blue.tobytes():
            return red
    return image


def stretched(
    pixels: NDArray[np.float32], low: float | None = None, high: float | None = None
) -> NDArray[np.uint8]:
    """``pixels`` to 0..255 between ``low`` and ``high`` (0.5 and 99.5 % where not given)."""
    low = float(np.percentile(pixels, 0.5)) if low is None else low
    high = float(np.percentile(pixels, 99.5)) if high is None else high
    share = (pixels - low) / max(high - low, 1e-6)
    return (np.clip(share, 0, 1) * 255).astype(np.uint8)


def tiles(path: Path) -> Pictures:
    """The file, and 3 x 3 overlapping halves of it: for few, large pictures."""
    with Image.open(path) as image:
        if image.mode.startswith(("I", "F")):
            image = Image.fromarray(stretched(np.asarray(image, np.float32)))
        width, height = image.size
        for row in range(3):
            for column in range(3):
                left, top = column * width // 4, row * height // 4
                box = (left, top, left + width // 2, top + height // 2)
                yield f"-{row}{column}", flat(image.crop(box))


def tiff_frames(path: Path) -> Pictures:
    with Image.open(path) as image:
        for number, frame in enumerate(ImageSequence.Iterator(image)):
            yield f"-{number:02}", flat(frame)


def gimp_pattern(path: Path) -> Pictures:
    """A GIMP pattern (devel-docs/pat.txt of GIMP: big-endian header, then raw bytes), 2 x 2."""
    raw = path.read_bytes()
    offset, _, width, height, depth, magic = struct.unpack(">5I4s", raw[:24])
    if magic != b"GPAT" or depth not in (1, 3):
        return
    pixels = np.frombuffer(raw, np.uint8, width * height * depth, offset)
    tile = pixels.reshape((height, width) if depth == 1 else (height, width, 3))
    repeat = max(2, 1 + 128 // min(width, height))
    whole = np.tile(tile, (repeat, repeat) if depth == 1 else (repeat, repeat, 1))
    yield (
        "",
        flat(
            Image.fromarray(whole).crop((0, 0, SIDE, SIDE) if min(whole.shape[:2]) > SIDE else None)
        ),
    )


def dicom_frames(path: Path) -> Pictures:
    """The frames of a DICOM file, stretched to 8 bits."""
    from pydicom import dcmread
    from pydicom.pixels import apply_color_lut

    data = dcmread(path)
    pixels = data.pixel_array
    # pydicom itself turns YBR into RGB.
    if data.PhotometricInterpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, data)
    colour = pixels.shape[-1] == 3
    frames = pixels if pixels.ndim == 3 + colour else pixels[None]
    for number, frame in enumerate(frames):
        grey = frame.dtype == np.uint8
        yield (
            f"-{number:02}",
            flat(Image.fromarray(frame if grey else stretched(frame.astype(np.float32)))),
        )


def dicom_crops(path: Path) -> Pictures:
    """The frames, and four corner crops of every tenth: for the kinds of which there is little."""
    for number, (suffix, frame) in enumerate(dicom_frames(path)):
        yield suffix, frame
        if number % 10 == 0:
            width, height = frame.size
            for corner, (x, y) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
                left, top = x * width * 3 // 10, y * height * 3 // 10
                box = (left, top, left + width * 7 // 10, top + height * 7 // 10)
                yield f"{suffix}-corner{corner}", flat(frame.crop(box))
