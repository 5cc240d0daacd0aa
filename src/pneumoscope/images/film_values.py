"""The values of a film at their full depth, and the ways in which its file says they may be shown.

A screen has 256 shades, a film up to 65,536. A reader who narrows the grey window must see the film's
own steps, not those of a copy with 8 bits. References are to DICOM PS3.3.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

import pneumoscope.images.dicom_tags as tags
from pneumoscope.images.dicom_display import greyscale_transform, windows_of
from pneumoscope.images.greyscale import (
    EveryPixelIsPadding,
    Lut,
    Window,
    is_padding,
    real_values,
    shown_range,
)
from pneumoscope.images.lookup_tables import lut_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pneumoscope.images.greyscale import GreyscaleTransform
    from pneumoscope.images.header import Header
    from pneumoscope.records import Radiograph

_TOP = 2**16 - 1
_CURVE = 1024
"""Points of a VOI LUT or sigmoid; between them shades are interpolated."""
_MOST_CHOICES = 16


@dataclass(frozen=True, slots=True)
class Voi:
    """One way in which values become grey: a window, or a curve.

    Attributes:
        name: The header's explanation, or empty.
        low: Real value that is black.
        high: Real value that is white, above ``low``.
        curve: Grey in [0, 1] at equal steps from ``low`` to ``high``; None for a straight line.
    """

    name: str
    low: float
    high: float
    curve: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FilmValues:
    """A film at its full depth.

    Attributes:
        values: uint16 (rows, columns).
        first: Real value (after the modality LUT or the rescale slope) of the value 0.
        step: Real values between one value and the next, above 0.
        is_inverse: The lowest value is white.
        padding: Whether the value 0 stands for padding, which is always black.
        vois: Ways to show it, the one in use first; at least one.
    """

    values: NDArray[np.uint16]
    first: float
    step: float
    is_inverse: bool
    padding: bool
    vois: tuple[Voi, ...]

    def as_dict(self) -> dict[str, Any]:
        """Everything but the values, for JSON."""
        return {
            "first": self.first,
            "step": self.step,
            "is_inverse": self.is_inverse,
            "padding": self.padding,
            "vois": [asdict(voi) for voi in self.vois],
        }

    @classmethod
    def restored(cls, stored: dict[str, Any], values: NDArray[np.uint16]) -> FilmValues:
        """The inverse of `as_dict`."""
        vois = (
            Voi(**voi | {"curve": None if voi["curve"] is None else tuple(voi["curve"])})
            for voi in stored["vois"]
        )
        return cls(**stored | {"values": values, "vois": tuple(vois)})


def of_radiograph(film: Radiograph) -> FilmValues:
    """The values of a picture, or of a DICOM film in colours: its grey, by its own bits."""
    if film.levels is not None:
        values, white = film.levels.astype(np.uint16), 255.0
        step = 1.0
    else:
        values = np.rint(np.clip(film.pixels, 0, 1) * np.float32(_TOP)).astype(np.uint16)
        white = 2.0**film.facts.bits - 1 if film.facts.bits <= 16 else float(_TOP)
        step = white / _TOP
    return FilmValues(
        values=values,
        first=0.0,
        step=step,
        is_inverse=False,
        padding=False,
        vois=(Voi("", 0, white),),
    )


def of_dicom(stored: NDArray[Any], head: Header) -> FilmValues | None:
    """The values of a DICOM film; None for films in colours, which have no values of grey.

    Args:
        stored: Integers (rows, columns), or (rows, columns, 3).
        head: Its header.

    Raises:
        EveryPixelIsPadding: There is nothing to show.
    """
    if stored.ndim != 2 or head.photometric == "PALETTE COLOR":
        return None
    transform = greyscale_transform(head, stored)
    low, high = int(stored.min()), int(stored.max())
    has_table = high - low <= _TOP
    inputs = (np.arange(low, high + 1) if has_table else stored).astype(np.float64)
    real, padded = real_values(inputs, transform), is_padding(inputs, transform)
    if padded.all():
        raise EveryPixelIsPadding
    padding = bool(padded.any())
    first, last = float(real[~padded].min()), float(real[~padded].max())
    step = 1.0 if transform.modality is not None else abs(transform.slope)
    most = _TOP - padding  # the value 0 is padding
    if (last - first) / step > most:
        step = (last - first) / most
    table = np.clip(np.rint((real - first) / step), 0, most).astype(np.uint16)
    table = np.where(padded, 0, table + np.uint16(padding)).astype(np.uint16)
    return FilmValues(
        values=table[stored.astype(np.int64) - low] if has_table else table,
        first=first - padding * step,
        step=step,
        is_inverse=transform.inverse,
        padding=padding,
        vois=tuple(islice(_vois(stored, head, transform, (first, last)), _MOST_CHOICES)),
    )


def _vois(
    stored: NDArray[Any], head: Header, transform: GreyscaleTransform, ends: tuple[float, float]
) -> Iterator[Voi]:
    """All ways that the header names, the one in use first; if it names none, the range of the film."""
    if transform.voi is None:
        low, high = shown_range(stored, transform)
        yield Voi("", low, high if high > low else low + 1)
    windows, tables = list(_windows(head, ends)), list(_tables(head, transform, ends))
    yield from (*tables, *windows) if isinstance(transform.voi, Lut) else (*windows, *tables)


def _windows(head: Header, ends: tuple[float, float]) -> Iterator[Voi]:
    names = head.texts(tags.WINDOW_NAMES)
    for place, window in enumerate(windows_of(head)):
        if window.is_valid:
            yield _of_window(_name(names[place] if place < len(names) else ""), window, ends)


def _tables(
    head: Header, transform: GreyscaleTransform, ends: tuple[float, float]
) -> Iterator[Voi]:
    for item in head.items(tags.VOI_LUTS):
        table = lut_of(item, transform.signed, ends)
        if table is not None:
            yield _curved(_name(item.text(tags.LUT_NAME)), table, ends)


def _of_window(name: str, window: Window, ends: tuple[float, float]) -> Voi:
    """A window as its black and white value (PS3.3 C.11.2.1.2.1 and C.11.2.1.3.2), or as a curve."""
    if window.function == "SIGMOID":
        return _curved(name, window, ends)
    center, width = window.center, window.width
    if window.function != "LINEAR_EXACT":
        center, width = center - 0.5, max(width - 1, 1e-3)
    return Voi(name, center - width / 2, center + width / 2)


def _curved(name: str, voi: Lut | Window, ends: tuple[float, float]) -> Voi:
    low, high = ends[0], max(ends[1], ends[0] + 1)
    grey = voi(np.linspace(low, high, _CURVE))
    if isinstance(voi, Lut):
        grey = np.clip(grey / (2.0**voi.bits - 1), 0, 1)
    return Voi(name, low, high, tuple(np.round(grey, 5).tolist()))


def _name(text: str | None) -> str:
    """An explanation of a few words; anything longer is free text, which may hold a name."""
    return text if text and re.fullmatch(r"[A-Za-z0-9_ .+-]{1,16}", text) else ""


def reduced(film: FilmValues, rows: int, columns: int) -> FilmValues:
    """The film at a smaller size; padding stays padding."""
    if film.values.shape == (rows, columns):
        return film
    from PIL import Image

    size, values = (columns, rows), film.values.astype(np.float32)
    image = Image.fromarray(values).resize(size, Image.Resampling.BILINEAR, reducing_gap=2)
    smaller = np.rint(np.asarray(image)).astype(np.uint16)
    if film.padding:
        is_film = Image.fromarray(film.values > 0).resize(size, Image.Resampling.NEAREST)
        smaller = np.where(np.asarray(is_film), np.maximum(smaller, 1), 0).astype(np.uint16)
    return replace(film, values=smaller)
