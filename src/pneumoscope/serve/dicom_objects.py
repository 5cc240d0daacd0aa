"""The result of a DICOM film as objects for its study, for download. Needs the [pacs] extra."""

from __future__ import annotations

import threading
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pneumoscope.ai_results.kinds import DICOM, KINDS, PICTURES
from pneumoscope.errors import MissingExtra
from pneumoscope.jobs.tables import DONE
from pneumoscope.records import REFUSED
from pneumoscope.serve.problems import FilmNotHeld, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.bundle import Bundle
    from pneumoscope.images.decoders import DecoderPool
    from pneumoscope.jobs.film_store import FilmStore
    from pneumoscope.jobs.tables import FilmRow
    from pneumoscope.pacs.destinations.base import StoredFilm
    from pneumoscope.pacs.destinations.result_objects import ObjectMaker

MEDIA_TYPES = {
    kind: "application/dicom" if about.ending == DICOM else "application/fhir+json"
    for kind, about in KINDS.items()
}
"""Media type of each kind of object."""


class NoObject(NotFound):
    """An object of this kind cannot be made of a result."""


class DicomObjects:
    """Makes objects of stored results. Safe to share between threads."""

    def __init__(
        self,
        bundles: Sequence[Bundle],
        decoders: DecoderPool,
        film_store: FilmStore,
        max_pixels: int,
    ) -> None:
        """Makes and loads nothing yet.

        Args:
            bundles: The bundles that results may be of.
            decoders: Decode films.
            film_store: The films.
            max_pixels: Largest rows x columns of a film.
        """
        self._bundles = bundles
        self._decoders = decoders
        self._film_store = film_store
        self._max_pixels = max_pixels
        self._maker: ObjectMaker | None = None
        self._lock = threading.Lock()

    def content(self, row: FilmRow, kind: str, fhir_version: str = "R5") -> bytes:
        """The bytes of an object's file.

        Args:
            row: The result.
            kind: One of `KINDS`.
            fhir_version: ``"R5"`` or ``"R4"``.

        Raises:
            NotFound: There is no such kind, or the film has no result.
            NoObject: This kind cannot be made of this result, or the libraries are not installed; the
                message says why.
            FilmNotHeld: The server no longer has the film.
        """
        if kind not in KINDS:
            raise NotFound("no such kind of object", f"There are: {', '.join(KINDS)}.")
        if not is_installed():
            missing = MissingExtra("The result as a DICOM object", "pacs")
            raise NoObject(missing.message, missing.hint)
        from pneumoscope.pacs.destinations.errors import DeliveryFailed

        film = self.stored_film(row)
        try:
            [made] = self.maker().attempts(film, [kind], fhir_version)
        except DeliveryFailed as error:
            raise NoObject(error.message, error.hint) from error
        if made.not_made:
            raise NoObject(f"{kind} is not made: {made.not_made}", "Take another kind of object.")
        return made.content

    def stored_film(self, row: FilmRow) -> StoredFilm:
        """A film with its result.

        Raises:
            NotFound: The film has no result.
            FilmNotHeld: The server no longer has the film.
        """
        if row.result is None:
            raise NotFound("this film has no result", "Its state and error say why.")
        film = self._film_store.get(row.id)
        if film is None:
            raise FilmNotHeld
        from pneumoscope.pacs.destinations.base import StoredFilm

        return StoredFilm.of_row(row, film)

    def maker(self) -> ObjectMaker:
        """Makes the objects; loads their libraries."""
        from pneumoscope.pacs.destinations.result_objects import ObjectMaker, picture_by

        with self._lock:
            if self._maker is None:
                picture = picture_by(self._decoders, self._max_pixels)
                self._maker = ObjectMaker(self._bundles, picture)
            return self._maker


@cache
def is_installed() -> bool:
    """Whether the libraries of the [pacs] extra are there."""
    return all(find_spec(name) is not None for name in ("highdicom", "contourpy"))


def offered(row: FilmRow) -> list[str]:
    """The kinds of objects that are worth a link for a result; none for films that are no DICOM.

    A PDF is there without DICOM.
    """
    result = row.result or {}
    if row.state != DONE or not is_installed():
        return []
    if result.get("film", {}).get("format") != "DICOM":
        return []
    explanation = result.get("explanation") or {"reliable": False}
    judged = result.get("label") != REFUSED
    drawn = judged and row.heatmap is not None and explanation["reliable"]
    return [kind for kind in KINDS if kind != "pdf" and (drawn or kind not in PICTURES)]
