"""How the stored values of a DICOM film become grey.

References are to the DICOM standard, PS3.3 and PS3.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import pneumoscope.images.dicom_tags as tags
from pneumoscope.images.greyscale import GreyscaleTransform, Lut, Window, grey
from pneumoscope.images.header import Header
from pneumoscope.images.lookup_tables import lut_of, palette_of
from pneumoscope.images.raster_grey import tint_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's mode L


def shown(stored: NDArray[Any], head: Header) -> tuple[NDArray[np.float32], float]:
    """Grey float32 (rows, columns) in [0, 1], and the tint, see `FilmFacts`.

    Raises:
        EveryPixelIsPadding: There is nothing to show.
        IncompletePalette: Its colours are missing.
    """
    if head.photometric == "PALETTE COLOR":
        first, colours = palette_of(head, (int(stored.min()), int(stored.max())))
        index = np.clip(stored.astype(np.int64) - first, 0, len(colours) - 1)
        channels = colours[index]
    elif stored.ndim == 2:
        return np.ascontiguousarray(
            grey(stored, greyscale_transform(head, stored)), np.float32
        ), 0.0
    else:
        channels = stored.astype(np.float32) / np.float32(2.0**head.stored_bits - 1)
    strayed = np.abs(channels[..., (0, 2)] - channels[..., 1:2])
    tint = tint_of(255 * float(strayed.max()), 255 * float(strayed.mean(axis=(0, 1)).max()))
    luminance = np.clip(channels @ _LUMA.astype(np.float32), 0, 1)
    return np.ascontiguousarray(luminance, np.float32), tint


def greyscale_transform(head: Header, stored: NDArray[Any] | None = None) -> GreyscaleTransform:
    """Collects what turns stored values into grey, in the order of PS3.4 N.2.

    The stored values, if given, decide where a lookup table contradicts its descriptor.
    """
    signed = head.short(tags.SIGNED) == 1
    slope, intercept = head.number(tags.SLOPE, 1.0) or 1.0, head.number(tags.INTERCEPT, 0.0)
    modality_item, voi_item = head.first_item(tags.MODALITY_LUTS), head.first_item(tags.VOI_LUTS)
    inputs = None
    if stored is not None and (modality_item or voi_item):
        inputs = (float(stored.min()), float(stored.max()))
    modality = lut_of(modality_item, signed, inputs)
    if inputs is not None:
        ends = np.array(inputs)
        ends = ends * slope + intercept if modality is None else modality.range_of(ends)
        inputs = (float(ends.min()), float(ends.max()))
    voi: Lut | Window | None = lut_of(voi_item, signed, inputs)
    if voi is None:  # the first of several (PS3.3 C.11.2.1.2) that is a window
        voi = next((window for window in windows_of(head) if window.is_valid), None)
    return GreyscaleTransform(
        bits=head.stored_bits,
        signed=signed,
        modality=modality,
        slope=slope,
        intercept=intercept,
        voi=voi,
        # Both say the same thing, so they do not cancel: INVERSE is the shape that PS3.3 C.8.11.3
        # asks for with MONOCHROME1, and many films leave it out.
        inverse=head.photometric == "MONOCHROME1"
        or (head.text(tags.SHAPE) or "").upper() == "INVERSE",
        padding=head.padding,
    )


def windows_of(head: Header) -> list[Window]:
    """The windows of a film's header, valid or not."""
    function = (head.text(tags.FUNCTION) or "LINEAR").upper()
    pairs = zip(head.numbers(tags.CENTER), head.numbers(tags.WIDTH), strict=False)
    # LINEAR counts in steps of 1 (PS3.3 C.11.2.1.2.1): of values in [0, 1] it would leave black and white.
    are_shares = function == "LINEAR" and abs(head.number(tags.SLOPE, 1.0)) < 1
    return [
        Window(center, width, "LINEAR_EXACT" if are_shares and width <= 1 else function)
        for center, width in pairs
    ]
