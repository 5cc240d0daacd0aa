"""How the stored values of a DICOM film become grey.

References are to the DICOM standard, PS3.3 and PS3.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import pneumoscope.images.dicom_tags as tags
from pneumoscope.images.greyscale import Look, Lut, Window, grey
from pneumoscope.images.header import Header
from pneumoscope.images.raster import COLOUR_TOLERANCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's mode L


def shown(stored: NDArray[Any], head: Header) -> tuple[NDArray[np.float32], float]:
    """Grey float32 (rows, columns) in [0, 1], and the tint, see `FilmFacts`."""
    if head.photometric == "PALETTE COLOR":
        from pydicom.pixels.processing import apply_color_lut

        stored = apply_color_lut(stored, head.palette())[..., :3]
        white = 2.0 ** (8 * stored.dtype.itemsize) - 1
    elif stored.ndim == 2:
        return np.ascontiguousarray(grey(stored, _look(head)), np.float32), 0.0
    else:
        white = 2.0**head.stored_bits - 1
    channels = stored.astype(np.float32) / np.float32(white)
    strayed = np.abs(channels[..., (0, 2)] - channels[..., 1:2])
    tint = float(strayed.mean(axis=(0, 1)).max()) if strayed.max() * 255 > COLOUR_TOLERANCE else 0.0
    luminance = np.clip(channels @ _LUMA.astype(np.float32), 0, 1)
    return np.ascontiguousarray(luminance, np.float32), tint


def _look(head: Header) -> Look:
    """Collects what turns stored values into grey, in the order of PS3.4 N.2."""
    signed = head.short(tags.SIGNED) == 1
    modality = _lut(head.first_item(tags.MODALITY_LUTS), signed)
    voi: Lut | Window | None = _lut(head.first_item(tags.VOI_LUTS), signed)
    center, width = head.numbers(tags.CENTER), head.numbers(tags.WIDTH)
    if voi is None and center and width:  # the first of several (PS3.3 C.11.2.1.2)
        window = Window(center[0], width[0], (head.text(tags.FUNCTION) or "LINEAR").upper())
        voi = window if window.is_valid else None
    padding = None
    first, limit = head.short(tags.PADDING, signed), head.short(tags.PADDING_LIMIT, signed)
    if first is not None:  # PS3.3 C.7.5.1.1.2
        last = first if limit is None else limit
        padding = (min(first, last), max(first, last))
    return Look(
        bits=head.stored_bits,
        signed=signed,
        modality=modality,
        slope=head.number(tags.SLOPE, 1.0) or 1.0,
        intercept=head.number(tags.INTERCEPT, 0.0),
        voi=voi,
        # Both say the same thing, so they do not cancel: INVERSE is the shape that PS3.3 C.8.11.3
        # asks for with MONOCHROME1, and many films leave it out.
        inverse=head.photometric == "MONOCHROME1"
        or (head.text(tags.SHAPE) or "").upper() == "INVERSE",
        padding=padding,
    )


def _lut(item: Header | None, signed: bool) -> Lut | None:
    """LUT Descriptor (0028,3002) and LUT Data (0028,3006), or None if they do not fit together."""
    if item is None:
        return None
    descriptor = item.shorts(tags.LUT_DESCRIPTOR)
    if len(descriptor) != 3:
        return None
    count = int(descriptor[0]) or 65536  # PS3.3 C.11.1.1.1: 0 stands for 2^16
    bits = int(descriptor[2])
    entries = item.shorts(tags.LUT_DATA)
    raw = item.bytes_of(tags.LUT_DATA)
    if bits <= 8 and len(raw) in (count, count + count % 2) and count > 1:
        entries = np.frombuffer(raw[:count], np.uint8).astype(np.uint16)  # packed as bytes
    if not 1 <= bits <= 16 or len(entries) < count:
        return None
    vr = item.vr(tags.LUT_DESCRIPTOR)
    is_signed = vr == "SS" or (vr != "US" and signed)
    first = int(descriptor[1:2].view(np.int16)[0] if is_signed else descriptor[1])
    return Lut(first, entries[:count].astype(np.int64), bits)
