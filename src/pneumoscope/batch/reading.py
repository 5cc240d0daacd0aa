"""From films to rows, in one process: fetch, hash, decode in a confined child, judge.

Every engine uses this class, so all give the same rows.
"""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pneumoscope import runtime
from pneumoscope.batch.columns import PATH, SHA256, STAMP, row_of
from pneumoscope.buckets import BucketFilm
from pneumoscope.errors import BundleMismatch, ImageError, UnreadableImage, restored
from pneumoscope.images import load_bytes
from pneumoscope.images.decoders import FILM_NAME, Decoder
from pneumoscope.images.limits import MAX_PIXELS
from pneumoscope.records import Outcome
from pneumoscope.runtime import Prepared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pneumoscope.batch.columns import Row
    from pneumoscope.batch.films import Film
    from pneumoscope.batch.job import ReadJob

_log = logging.getLogger(__name__)

UNCHANGED = "unchanged"
"""Key of a row that only says that a film has the content that is known."""
_DECODE_S = 30.0
"""Longest time for decoding one film."""
_DECODE_BYTES = 3 * 2**30
"""Most memory for it: the largest film that is read, with its copies."""
MOST_DEATHS = 2
"""A film that is read alone and kills its process so many times is given up."""
_FETCHES = 16
"""Films of an object store that a process fetches at once: the answer takes longer than the network."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A film's bytes, or why there are none; neither if its row in the table stays."""

    film: Film
    data: bytes = b""
    error: ImageError | None = None
    sha256: str = ""
    unchanged: bool = False


class FilmReader:
    """Makes rows of films. Only one thread may use it."""

    def __init__(self, job: ReadJob) -> None:
        """Loads the bundle.

        Raises:
            PneumoscopeError: As `pneumoscope.load`.
            BundleMismatch: The bundle here is another one than where the batch was started.
        """
        self._reader = runtime.load(job.bundle, threads=1, settings=job.settings)
        for bundle, (title, sha256) in zip(self._reader.bundles, job.bundles, strict=True):
            if bundle.sha256 != sha256:
                raise BundleMismatch(bundle.path.name, f"this machine has another one than {title}")
        self._columns = job.columns
        self._options = self._reader.decode_options(MAX_PIXELS)
        self._decoder = Decoder(_DECODE_S, _DECODE_BYTES)
        self._threads: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """Ends the decoder."""
        self._decoder.stop()
        if self._threads is not None:
            self._threads.shutdown()

    def rows(self, films: Sequence[Film]) -> list[Row]:
        """One row per film, in their order; the network runs once."""
        items = [(fetched, self._prepared(fetched)) for fetched in self._fetched(films)]
        inputs = [item for _, item in items if isinstance(item, Prepared)]
        predictions = iter(self._reader.judge(inputs) if inputs else ())
        rows = []
        for i, (fetched, item) in enumerate(items):
            name, stamp, sha256 = fetched.film.name, fetched.film.stamp, fetched.sha256
            if item is None:
                rows.append({PATH: name, SHA256: sha256, STAMP: stamp, UNCHANGED: True})
                continue
            outcome = (
                Outcome(name, i, prediction=next(predictions))
                if isinstance(item, Prepared)
                else Outcome(name, i, error=item)
            )
            size = len(fetched.data) if sha256 else None
            rows.append(
                row_of(outcome, self._columns, sha256=sha256 or None, size=size, stamp=stamp)
            )
        return rows

    def _fetched(self, films: Sequence[Film]) -> Iterator[_Fetched]:
        if any(isinstance(film.source, BucketFilm) for film in films):
            if self._threads is None:
                self._threads = ThreadPoolExecutor(_FETCHES, thread_name_prefix="fetch")
            return self._threads.map(_fetch, films)
        return map(_fetch, films)

    def _prepared(self, fetched: _Fetched) -> Prepared | ImageError | None:
        """A film for the network; None if its content is the known one."""
        if fetched.error is not None:
            return fetched.error
        film = fetched.film
        if fetched.unchanged or film.known_sha256 == fetched.sha256:
            return None
        try:
            decoded = self._decoder.decode(fetched.data, self._options)
        except ImageError as error:
            # The decoder does not know the film's name.
            message = error.message.removeprefix(FILM_NAME)
            return restored(type(error), f"{film.name}{message}", error.hint)
        return Prepared(film.name, decoded.facts, decoded.pixels, decoded.read_ms)


def _fetch(film: Film) -> _Fetched:
    try:
        if film.is_stamped_late and isinstance(film.source, BucketFilm):
            film, unchanged = _stamped(film, film.source)
            if unchanged:
                return _Fetched(film, sha256=film.known_sha256, unchanged=True)
        data = load_bytes(film.source, film.name)
    except ImageError as error:
        return _Fetched(film, error=error)
    except Exception as error:  # noqa: BLE001 (one film must not end the batch)
        _log.exception("a film could not be fetched")
        return _Fetched(
            film, error=UnreadableImage(film.name, f"unexpected {type(error).__name__}")
        )
    return _Fetched(film, data, sha256=hashlib.sha256(data).hexdigest())


def _stamped(film: Film, source: BucketFilm) -> tuple[Film, bool]:
    """A film with its current stamp, and whether its row in the table stays.

    As with a file that is no longer there, the row stays if the store does not give the film.

    Raises:
        ImageError: The store does not give the film, and it has no row.
    """
    try:
        listed, stamp = source.looked_up(film.name)
    except ImageError:
        if film.known_stamp is None:
            raise
        return replace(film, stamp=film.known_stamp), True
    return replace(film, source=listed, stamp=stamp), stamp == film.known_stamp


def deadly(film: Film) -> Row:
    """The row of a film at which too many processes died."""
    return failure(film, UnreadableImage(film.name, "it brought the worker process down"))


def failure(film: Film, error: ImageError) -> Row:
    """The row of a film that no process could read."""
    return row_of(Outcome(film.name, 0, error=error), (), sha256=None, size=None, stamp=film.stamp)
