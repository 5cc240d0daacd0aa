"""Pictures of a result: the film, the overlay, the heatmap, the lungs' outline, the thumbnail."""

from __future__ import annotations

import io
import json
import threading
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.images.decoders import DecodeOptions, shown_size
from pneumoscope.jobs.rows import cells
from pneumoscope.records import NO_HEATMAPS, REFUSED
from pneumoscope.render import heatmap
from pneumoscope.serve.problems import Busy, FilmNotHeld, NoHeatmap, NoLungField, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from pneumoscope.images.decoders import DecoderPool
    from pneumoscope.images.film_values import FilmValues
    from pneumoscope.jobs.film_store import FilmStore
    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.tables import FilmRow

SIDE_PX, THUMBNAIL_PX = 2048, 160
"""Longest side of a picture for the viewer, and of one for a list."""
_AT_ONCE = 4
_WAITING, _WAITING_OF_OWNER = 24, 12
"""Renderings that are made or wait, of all users and of one. Each takes one of some 40 threads that
other requests need too; a browser asks for six at once."""


class Slots:
    """Limits how many renderings are made at once, and how many wait. Safe to share between threads.

    Args:
        at_once: Renderings at once.
        waiting: Renderings that are made or wait.
        waiting_of_owner: Those of one user.
    """

    def __init__(self, at_once: int, waiting: int, waiting_of_owner: int) -> None:
        self._at_once = threading.Semaphore(at_once)
        self._waiting = waiting
        self._waiting_of_owner = waiting_of_owner
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def of(self, owner: str) -> Iterator[None]:
        """A slot for this block; waits until one is free.

        Args:
            owner: Id of the user.

        Raises:
            Busy: Too many renderings wait, of this user or in all.
        """
        with self._lock:
            if (
                self._counts[owner] >= self._waiting_of_owner
                or self._counts.total() >= self._waiting
            ):
                raise Busy("too many pictures or documents at once", 1)
            self._counts[owner] += 1
        try:
            with self._at_once:
                yield
        finally:
            with self._lock:
                self._counts[owner] -= 1
                if not self._counts[owner]:
                    del self._counts[owner]


@dataclass(frozen=True, slots=True)
class Renderer:
    """What pictures and documents are made with.

    Attributes:
        decoders: Decode films.
        film_store: The films.
        keys: Decrypt names.
        max_pixels: Largest rows x columns of a film.
        slots: Limits how many renderings are made at once: each takes some 100 MB.
    """

    decoders: DecoderPool
    film_store: FilmStore
    keys: Keys
    max_pixels: int
    slots: Slots = field(default_factory=lambda: Slots(_AT_ONCE, _WAITING, _WAITING_OF_OWNER))

    def grey(self, row: FilmRow, side_px: int = SIDE_PX) -> NDArray[np.uint8]:
        """The film of a result, uint8 (rows, columns), its longer side at most ``side_px``.

        Raises:
            FilmNotHeld: The server no longer has the film.
            ImageError: It cannot be read.
        """
        data = self._file(row)
        # A JPEG need not be decoded in full for a small picture.
        draft = side_px if side_px < SIDE_PX else None
        options = DecodeOptions(size=0, draft_px=draft, side_px=side_px, max_pixels=self.max_pixels)
        with self.decoders.borrowed() as decoder:
            return decoder.decode(data, options).pixels

    def values(self, row: FilmRow) -> FilmValues:
        """The film of a result at its full depth, its longer side at most `SIDE_PX`.

        Raises:
            FilmNotHeld: The server no longer has the film.
            ImageError: It cannot be read.
        """
        options = DecodeOptions(size=0, side_px=SIDE_PX, max_pixels=self.max_pixels)
        with self.decoders.borrowed() as decoder:
            return decoder.values(self._file(row), options)

    def _file(self, row: FilmRow) -> bytes:
        data = self.film_store.get(row.id)
        if data is None:
            raise FilmNotHeld
        return data


def heatmap_of(row: FilmRow) -> NDArray[np.float32]:
    """The heatmap of a result, float32 (h, w).

    Raises:
        NoHeatmap: There is none, or it is not reliable.
    """
    result, heat = _explained(row)
    if not result["explanation"]["reliable"]:
        raise NoHeatmap(result["explanation"]["sentence"])
    return heat


def result_of(row: FilmRow) -> Mapping[str, Any]:
    """The result of a film.

    Raises:
        NotFound: There is none, or not yet.
    """
    if row.result is None:
        raise NotFound("this film has no result", "Its state and error say why.")
    return row.result


def film_png(row: FilmRow, renderer: Renderer) -> bytes:
    """The film in grey."""
    return png(renderer.grey(row))


def film_values(row: FilmRow, renderer: Renderer) -> bytes:
    """The film at its full depth, for windowing in the page.

    Returns:
        The length of the head (4 bytes, little endian), the head as JSON (rows, columns, and
        `FilmValues.as_dict`), and the values as uint16, little endian, row by row, compressed by zlib.
    """
    film = renderer.values(row)
    rows, columns = film.values.shape
    head = json.dumps({"rows": rows, "columns": columns} | film.as_dict()).encode()
    content = zlib.compress(film.values.astype("<u2").tobytes(), 1)
    return b"".join((len(head).to_bytes(4, "little"), head, content))


def thumbnail_png(row: FilmRow, renderer: Renderer) -> bytes:
    """The film, small."""
    return png(renderer.grey(row, THUMBNAIL_PX))


def overlay_png(row: FilmRow, renderer: Renderer) -> bytes:
    """The film with its heatmap, or with a note if the heatmap is not reliable."""
    _explained(row)
    return png(overlaid(row, renderer.grey(row)))


def overlaid(row: FilmRow, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The heatmap of a result over its film, uint8 (rows, columns, 3).

    Args:
        row: The result.
        grey: Its film, uint8 (rows, columns).

    Raises:
        NoHeatmap: None was requested, or the film was refused.
    """
    pixels = grey.astype(np.float32)
    pixels /= 255
    result, heat = _explained(row)
    if not result["explanation"]["reliable"]:
        return heatmap.unexplained(pixels)
    healthy = heatmap.is_healthy(result["called"], result["findings"])
    lungs = cells(row.lungs, row.lungs_rows)
    return heatmap.overlay(pixels, heat, healthy=healthy, lungs=lungs)


def _explained(row: FilmRow) -> tuple[Mapping[str, Any], NDArray[np.float32]]:
    """The result of a film, and its heatmap, whether reliable or not."""
    result = result_of(row)
    if result["label"] == REFUSED:
        raise NoHeatmap("the film was refused")
    heat = cells(row.heatmap, row.heatmap_rows)
    if heat is None:
        gives_none = NO_HEATMAPS in result["warnings"]
        raise NoHeatmap("the model gives none" if gives_none else "none was requested")
    return result, heat


def heatmap_png(row: FilmRow, _renderer: Renderer) -> bytes:
    """The colours of the heatmap alone, transparent where it is low, at the size of ``film.png``."""
    return _colours(row, smooth=True)


def heatmap_cells_png(row: FilmRow, _renderer: Renderer) -> bytes:
    """As `heatmap_png`, with each cell of the heatmap as a rectangle of one colour."""
    return _colours(row, smooth=False)


def _colours(row: FilmRow, *, smooth: bool) -> bytes:
    heat = heatmap_of(row)
    result = result_of(row)
    rows, columns = shown_size(result["film"]["rows"], result["film"]["columns"], SIDE_PX)
    healthy = heatmap.is_healthy(result["called"], result["findings"])
    return png(heatmap.colour_map(heat, rows, columns, healthy=healthy, smooth=smooth))


def lungs_png(row: FilmRow, _renderer: Renderer) -> bytes:
    """The outline of the lungs alone, transparent elsewhere, at the size of ``film.png``.

    Raises:
        NoLungField: The result has no lung field.
    """
    field = cells(row.lungs, row.lungs_rows)
    if field is None:
        raise NoLungField
    facts = result_of(row)["film"]
    rows, columns = shown_size(facts["rows"], facts["columns"], SIDE_PX)
    return png(heatmap.outline(field, rows, columns))


def png(picture: NDArray[np.uint8]) -> bytes:
    """uint8 (rows, columns), (rows, columns, 3) or (rows, columns, 4) as PNG."""
    from PIL import Image

    stream = io.BytesIO()
    # Level 1: films hardly become smaller at higher levels, and people wait for the picture.
    Image.fromarray(picture).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
