"""Makes the objects of stored results, once for all destinations that take them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.ai_results.film_result import FilmResult
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.ai_results.objects import objects_of
from pneumoscope.ai_results.secondary_capture import SIDE_PX
from pneumoscope.ai_results.source_header import source_header
from pneumoscope.errors import ImageError, PneumoscopeError
from pneumoscope.images.decoders import DecodeOptions
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.records import Radiograph
from pneumoscope.render.serialise import prediction_from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from pneumoscope.ai_results.objects import ResultObject
    from pneumoscope.bundle import Bundle
    from pneumoscope.images.decoders import DecoderPool
    from pneumoscope.pacs.destinations.base import StoredFilm

_FILM = "film"
"""Stands for a film's name in messages: the name itself may be a person's."""
_REMEMBERED_BYTES = 64 * 1024 * 1024
_REMEMBERED = 128
"""Objects at most: thousands of reports, which are small, would fill the memory and help nobody."""
_REMEMBERED_HEADERS = 16
_TURNS = 16
"""Locks among which films are distributed: few films wait for another one."""


class ObjectMaker:
    """Makes objects, and remembers those of the last films. Safe to share between threads."""

    def __init__(
        self, bundles: Iterable[Bundle], picture: Callable[[bytes], NDArray[np.uint8]]
    ) -> None:
        """Makes nothing yet.

        Args:
            bundles: The bundles that results may be of.
            picture: Decodes a film: uint8 (rows, columns), 0 is black. Films come from outside, so
                this should be a decoder in a child process.
        """
        self._bundles = {bundle.sha256: bundle for bundle in bundles}
        self._picture = picture
        self._objects: OrderedDict[tuple[str, str, str], ResultObject] = OrderedDict()
        self._bytes = 0
        self._headers: OrderedDict[str, Dataset] = OrderedDict()
        self._lock = threading.Lock()
        # A film has always the same one of these: no object is made twice at the same time.
        self._turns = [threading.Lock() for _ in range(_TURNS)]

    def objects(
        self, film: StoredFilm, kinds: Collection[str], fhir_version: str = "R5"
    ) -> list[ResultObject]:
        """The objects of a result that can be made, in the order of `KINDS`.

        Raises:
            DeliveryFailed: See `attempts`.
        """
        made = self.attempts(film, kinds, fhir_version)
        return [item for item in made if not item.not_made]

    def attempts(
        self, film: StoredFilm, kinds: Collection[str], fhir_version: str = "R5"
    ) -> list[ResultObject]:
        """The objects of a result, in the order of `KINDS`; some may say why they were not made.

        Raises:
            DeliveryFailed: The film cannot be decoded now; another attempt may help. Or it has no
                header to refer to, its bundle is no longer in use, or an object cannot be made:
                another attempt would not help.
        """
        with self._turn(film):
            try:
                return self._made(film, kinds, fhir_version)
            except DeliveryFailed:
                raise
            except PneumoscopeError as error:
                raise DeliveryFailed(error.message, error.hint, permanent=True) from error

    def header(self, film: StoredFilm) -> Dataset:
        """`source_header` of a film.

        Raises:
            DeliveryFailed: It has none to refer to.
        """
        with self._turn(film):
            try:
                return self._header(film)
            except PneumoscopeError as error:
                raise DeliveryFailed(error.message, error.hint, permanent=True) from error

    def _turn(self, film: StoredFilm) -> threading.Lock:
        return self._turns[hash(film.id) % _TURNS]

    def _header(self, film: StoredFilm) -> Dataset:
        with self._lock:
            header = self._headers.get(film.id)
        if header is None:
            header = source_header(film.film, _FILM)
            with self._lock:
                self._headers[film.id] = header
                if len(self._headers) > _REMEMBERED_HEADERS:
                    self._headers.popitem(last=False)
        return header

    def _made(
        self, film: StoredFilm, kinds: Collection[str], fhir_version: str
    ) -> list[ResultObject]:
        keys = [(film.id, kind, fhir_version) for kind in KINDS if kind in kinds]
        with self._lock:
            made = {key: self._objects[key] for key in keys if key in self._objects}
        missing = [kind for _, kind, _ in keys if (film.id, kind, fhir_version) not in made]
        if missing:
            result = self._film_result(film)
            for item in objects_of(result, missing, fhir_version=fhir_version):
                made[film.id, item.kind, fhir_version] = item
        with self._lock:
            for key in keys:
                self._remember(key, made[key])
        return [made[key] for key in keys]

    def _film_result(self, film: StoredFilm) -> FilmResult:
        prediction = prediction_from_json(film.result)
        bundle = self._bundles.get(prediction.bundle_sha256)
        if bundle is None:
            raise DeliveryFailed(
                f"the result is of the bundle {prediction.bundle}, which is not in use any more",
                "Start with this bundle again, or read the film again.",
                permanent=True,
            )
        header = self._header(film)
        try:
            levels = self._picture(film.film)
        except ImageError as error:
            # The film was decoded for its verdict: the machine is too busy now, or the decoder died.
            raise DeliveryFailed(error.message, error.hint) from error
        return FilmResult(
            name=_FILM,
            header=header,
            film=Radiograph(levels.astype(np.float32) / np.float32(255), prediction.facts, levels),
            prediction=replace(prediction, heatmap=film.heatmap, lungs=film.lungs),
            bundle=bundle,
            created=film.created,
        )

    def _remember(self, key: tuple[str, str, str], item: ResultObject) -> None:
        if key in self._objects:
            self._objects.move_to_end(key)
            return
        self._objects[key] = item
        self._bytes += len(item.content)
        while self._is_full() and len(self._objects) > 1:
            _, oldest = self._objects.popitem(last=False)
            self._bytes -= len(oldest.content)

    def _is_full(self) -> bool:
        return self._bytes > _REMEMBERED_BYTES or len(self._objects) > _REMEMBERED


def picture_by(decoders: DecoderPool, max_pixels: int) -> Callable[[bytes], NDArray[np.uint8]]:
    """Decodes films in child processes, see `ObjectMaker`.

    Args:
        decoders: The child processes.
        max_pixels: Largest rows x columns of a film.
    """
    options = DecodeOptions(size=0, side_px=SIDE_PX, max_pixels=max_pixels)

    def picture(film: bytes) -> NDArray[np.uint8]:
        with decoders.borrowed() as decoder:
            return decoder.decode(film, options).pixels

    return picture
