"""Pictures of a result: film, overlay, colour map, thumbnail. Other renderings join in `RENDERINGS`."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.jobs.decoders import Order, shown_size
from pneumoscope.records import REFUSED
from pneumoscope.render import heatmap
from pneumoscope.serve.problems import FilmNotHeld, NoHeatmap, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from pneumoscope.jobs.decoders import Decoders
    from pneumoscope.jobs.film_store import Shelf
    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.store import Row

SIDE_PX, THUMBNAIL_PX = 2048, 160
"""Longest sides of a picture for the viewer, and of one for a list."""


_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Studio:
    """What renderings are made with.

    Attributes:
        decoders: For the film.
        shelf: Where films are.
        keys: Open names.
        max_pixels: Of a film.
        turns: Bounds how many renderings are made at once: each takes some 100 MB.
    """

    decoders: Decoders
    shelf: Shelf
    keys: Keys
    max_pixels: int
    turns: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_AT_ONCE))

    def grey(self, row: Row, side_px: int = SIDE_PX) -> NDArray[np.uint8]:
        """The film of a result, uint8 (rows, columns), its longer side at most ``side_px``.

        Raises:
            FilmNotHeld: It is not held any more.
            ImageError: It cannot be read.
        """
        data = self.shelf.get(row.id)
        if data is None:
            raise FilmNotHeld
        # A JPEG need not be decoded in full for a small picture.
        draft = side_px if side_px < SIDE_PX else None
        order = Order(0, draft_px=draft, side_px=side_px, max_pixels=self.max_pixels)
        with self.decoders.taken() as decoder:
            return decoder.decode(data, order).pixels


def map_of(row: Row) -> NDArray[np.float32]:
    """The heatmap of a result, float32 (h, w).

    Raises:
        NoHeatmap: There is none, or it explains nothing.
    """
    result = _explained(row)
    if not result["explanation"]["reliable"]:
        raise NoHeatmap(result["explanation"]["sentence"])
    return np.frombuffer(row.heatmap or b"", np.float32).reshape(row.heatmap_rows or 0, -1)


def done(row: Row) -> Mapping[str, Any]:
    """The result of a row.

    Raises:
        NotFound: There is none (yet).
    """
    if row.result is None:
        raise NotFound("this film has no result", "Its state and error say why.")
    return row.result


def film_png(row: Row, studio: Studio) -> bytes:
    """The film in grey."""
    return png(studio.grey(row))


def thumbnail_png(row: Row, studio: Studio) -> bytes:
    """The film, small."""
    return png(studio.grey(row, THUMBNAIL_PX))


def overlay_png(row: Row, studio: Studio) -> bytes:
    """The film with its heatmap; in words, if the heatmap does not hold."""
    _explained(row)
    return png(overlaid(row, studio.grey(row)))


def overlaid(row: Row, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The heatmap of a result over its film, uint8 (rows, columns, 3).

    Raises:
        NoHeatmap: None was asked for, or the film was refused.
    """
    pixels = grey.astype(np.float32)
    pixels /= 255
    if not _explained(row)["explanation"]["reliable"]:
        return heatmap.unexplained(pixels)
    return heatmap.overlay(pixels, map_of(row))


def _explained(row: Row) -> Mapping[str, Any]:
    result = done(row)
    if result["label"] == REFUSED:
        raise NoHeatmap("the film was refused")
    if row.heatmap is None or row.heatmap_rows is None:
        raise NoHeatmap("none was asked for")
    return result


def heatmap_png(row: Row, _studio: Studio) -> bytes:
    """The colours alone, transparent where it is cold, at the size of ``film.png``."""
    heat = map_of(row)
    facts = done(row)["film"]
    rows, columns = shown_size(facts["rows"], facts["columns"], SIDE_PX)
    return png(heatmap.colour_map(heat, rows, columns))


def report_pdf(row: Row, studio: Studio) -> bytes:
    """One page for people."""
    from pneumoscope.serve.documents import pdf

    return pdf([row], studio)


def result_json(row: Row, studio: Studio) -> bytes:
    """The record."""
    from pneumoscope.serve.present import record

    return json.dumps(record(row, studio.keys), indent=2).encode()


RENDERINGS: dict[str, tuple[str, Callable[[Row, Studio], bytes]]] = {
    "film.png": ("image/png", film_png),
    "overlay.png": ("image/png", overlay_png),
    "heatmap.png": ("image/png", heatmap_png),
    "thumbnail.png": ("image/png", thumbnail_png),
    "report.pdf": ("application/pdf", report_pdf),
    "result.json": ("application/json", result_json),
}
"""Name to media type and maker. DICOM objects and FHIR resources belong here too."""


def png(picture: NDArray[np.uint8]) -> bytes:
    """uint8 (rows, columns), (rows, columns, 3) or (rows, columns, 4) as PNG."""
    from PIL import Image

    stream = io.BytesIO()
    # Level 1: a film hardly packs better with more, and people wait for it.
    Image.fromarray(picture).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
