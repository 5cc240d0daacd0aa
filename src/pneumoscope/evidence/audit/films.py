"""One pass over all films that collects everything an audit needs, with little memory."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import images
from pneumoscope.data import duplicates
from pneumoscope.data.check import Broken
from pneumoscope.data.film_statistics import STATISTICS, statistics
from pneumoscope.errors import ImageError, MissingFile, NotPermitted, UnreadableImage
from pneumoscope.evidence.audit import file_shortcuts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.data.listing import Entry
    from pneumoscope.evidence.audit.file_shortcuts import FileFacts
    from pneumoscope.runtime import Classifier

_BATCH = 16
"""Films that one thread takes at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Data of the films that could be read.

    Attributes:
        rows: Their positions among all films, (n,).
        hashes: SHA-256 of each film's pixels at its stored size, with that size.
        thumbs: uint8 (n, 32, 32), see `duplicates.thumbnail`.
        statistics: float64 (n, 9), see `film_statistics.STATISTICS`, at 224 x 224 pixels.
        files: Properties of each file.
        embedding: float32 (n, features) of the bundle.
        broken: The other films.
    """

    rows: NDArray[np.intp]
    hashes: tuple[str, ...]
    thumbs: NDArray[np.uint8]
    statistics: NDArray[np.float64]
    files: tuple[FileFacts, ...]
    embedding: NDArray[np.float32]
    broken: tuple[Broken, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _ReadFilm:
    digest: str
    thumb: NDArray[np.uint8]
    statistics: NDArray[np.float64]
    file: FileFacts
    pixels: NDArray[np.uint8]


def read_all(
    entries: Sequence[Entry], classifier: Classifier, progress: Callable[[int, int], None]
) -> Reading:
    """Reads every film once.

    Args:
        entries: The films.
        classifier: Gives the embeddings.
        progress: Called with (films done, films in all).
    """
    rows: list[int] = []
    films: list[_ReadFilm] = []
    embedding: list[NDArray[np.float32]] = []
    broken = []
    done = 0
    for parts, vectors in _chunks(entries, classifier):
        for part in parts:
            if isinstance(part, ImageError):
                broken.append(Broken(entries[done].name, part.code, str(part), part.hint))
            else:
                rows.append(done)
                films.append(part)
            done += 1
            progress(done, len(entries))
        embedding.append(vectors)
    side, width = duplicates.THUMB, len(STATISTICS)
    return Reading(
        rows=np.array(rows, np.intp),
        hashes=tuple(film.digest for film in films),
        thumbs=np.array([film.thumb for film in films], np.uint8).reshape(-1, side, side),
        statistics=np.array([film.statistics for film in films], np.float64).reshape(-1, width),
        files=tuple(film.file for film in films),
        embedding=np.concatenate(
            [e for e in embedding if len(e)] or [np.zeros((0, 1), np.float32)]
        ),
        broken=tuple(broken),
    )


def film_of(path: Path) -> NDArray[np.uint8]:
    """Reads one film again, uint8 (224, 224), for a picture or a closer comparison.

    Raises:
        ImageError: It cannot be read.
    """
    return images.model_input(images.read(path), images.SOURCE_SIZE)


def _chunks(
    entries: Sequence[Entry], classifier: Classifier
) -> Iterator[tuple[list[_ReadFilm | ImageError], NDArray[np.float32]]]:
    """Yields films in their order; reads some chunks ahead of the caller, but never all."""
    meta = classifier.bundle.meta

    def work(chunk: Sequence[Entry]) -> tuple[list[_ReadFilm | ImageError], NDArray[np.float32]]:
        parts = [_attempt(entry.path) for entry in chunk]
        inputs = [images.resample(p.pixels, meta.size) for p in parts if isinstance(p, _ReadFilm)]
        if not inputs:
            return parts, np.zeros((0, 1), np.float32)
        return parts, classifier.run(np.stack(inputs)[..., None]).embedding

    threads = classifier.threads
    waiting: deque[Future[tuple[list[_ReadFilm | ImageError], NDArray[np.float32]]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for start in range(0, len(entries), _BATCH):
            waiting.append(pool.submit(work, entries[start : start + _BATCH]))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _attempt(path: Path) -> _ReadFilm | ImageError:
    name = os.fspath(path)
    try:
        # From bytes, since the header is read as well.
        file, film = file_shortcuts.read(file_bytes(path), name)
    except ImageError as error:
        return error
    stored = film.pixels if film.levels is None else film.levels
    digest = hashlib.sha256(f"{stored.shape} {stored.dtype} ".encode())
    digest.update(np.ascontiguousarray(stored).data)
    pixels = images.model_input(film, images.SOURCE_SIZE)
    return _ReadFilm(
        digest.hexdigest(), duplicates.thumbnail(pixels), statistics(pixels), file, pixels
    )


def file_bytes(path: Path) -> bytes:
    """A whole file.

    Raises:
        ImageError: It is missing or cannot be read.
    """
    name = os.fspath(path)
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise MissingFile(name) from error
    except PermissionError as error:
        raise NotPermitted(name) from error
    except OSError as error:
        raise UnreadableImage(name, error.strerror or type(error).__name__) from error
