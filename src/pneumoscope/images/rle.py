"""RLE of DICOM (PS3.5 annex G): a frame in segments, one for each byte of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.errors import TruncatedImage, UnreadableImage
from pneumoscope.images.packbits import is_whole, unpacked

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER_BYTES = 64  # G.5


def decode(
    frame: bytes, shape: tuple[int, int], samples: int, allocated: int, name: str
) -> NDArray[np.unsignedinteger]:
    """Decodes a frame.

    Args:
        frame: From its header.
        shape: Rows and columns.
        samples: Samples per pixel.
        allocated: Bits of a sample.
        name: What to call the film in messages.

    Returns:
        Unsigned integers (rows, columns), or (rows, columns, samples).

    Raises:
        TruncatedImage: A segment ends too early.
        UnreadableImage: A segment is missing, or damaged.
    """
    header = np.frombuffer(frame[:_HEADER_BYTES], "<u4").tolist()
    count, size = header[0], allocated // 8
    offsets = header[1 : 1 + count]
    if allocated not in (8, 16, 32) or count != samples * size:
        raise UnreadableImage(name, f"{count} RLE segments for {samples} x {allocated} bits")
    if offsets != sorted(offsets) or offsets[0] < _HEADER_BYTES or len(offsets) < count:
        raise UnreadableImage(name, "its RLE segments are not in order")
    length = shape[0] * shape[1]
    planes = np.empty((samples, length, size), np.uint8)
    for number, (begin, end) in enumerate(zip(offsets, [*offsets[1:], len(frame)], strict=True)):
        content = unpacked(frame[begin:end], length)
        if len(content) < length:
            raise TruncatedImage(name)
        if not is_whole(content, length):
            raise UnreadableImage(name, "a part of the RLE data is damaged")
        # The most significant byte comes first (G.2).
        planes[number // size, :, size - 1 - number % size] = np.frombuffer(
            content, np.uint8, length
        )
    words = planes.view(f"<u{size}")[..., 0].reshape(samples, *shape)
    return words[0] if samples == 1 else np.moveaxis(words, 0, 2)
