"""One pass over all films that collects everything an audit needs, with little memory."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import images
from pneumoscope.data import duplicates
from pneumoscope.data.check import Broken
from pneumoscope.data.film_statistics import STATISTICS, statistics
from pneumoscope.errors import ImageError
from pneumoscope.evidence.audit import file_shortcuts
from pneumoscope.runtime.threads import in_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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


def read_all(
    entries: Sequence[Entry], classifier: Classifier, progress: Callable[[int, int], None]
) -> Reading:
    """Reads every film once.

    Args:
        entries: The films.
        classifier: Gives the embeddings.
        progress: Called with (films done, films in all).
    """
    meta = classifier.bundle.meta

    def work(chunk: list[Entry]) -> list[tuple[_ReadFilm, NDArray[np.float32]] | ImageError]:
        read = [_attempt(entry.path) for entry in chunk]
        inputs = [images.resample(item[1], meta.size) for item in read if isinstance(item, tuple)]
        vectors = iter(classifier.run(np.stack(inputs)[..., None]).embedding if inputs else ())
        return [(item[0], next(vectors)) if isinstance(item, tuple) else item for item in read]

    rows: list[int] = []
    films: list[_ReadFilm] = []
    embedding: list[NDArray[np.float32]] = []
    broken = []
    results = in_chunks(work, entries, size=_BATCH, threads=classifier.threads)
    for row, result in enumerate(results):
        if isinstance(result, ImageError):
            broken.append(Broken(entries[row].name, result.code, str(result), result.hint))
        else:
            rows.append(row)
            films.append(result[0])
            embedding.append(result[1])
        progress(row + 1, len(entries))
    side, width = duplicates.THUMB, len(STATISTICS)
    return Reading(
        rows=np.array(rows, np.intp),
        hashes=tuple(film.digest for film in films),
        thumbs=np.array([film.thumb for film in films], np.uint8).reshape(-1, side, side),
        statistics=np.array([film.statistics for film in films], np.float64).reshape(-1, width),
        files=tuple(film.file for film in films),
        embedding=np.stack(embedding) if embedding else np.zeros((0, 1), np.float32),
        broken=tuple(broken),
    )


def film_of(path: Path) -> NDArray[np.uint8]:
    """Reads one film again, uint8 (224, 224), for a picture or a closer comparison.

    Raises:
        ImageError: It cannot be read.
    """
    return images.model_input(images.read(path), images.SOURCE_SIZE)


def _attempt(path: Path) -> tuple[_ReadFilm, NDArray[np.uint8]] | ImageError:
    """The film's facts, and its pixels (224, 224), which nobody keeps."""
    name = os.fspath(path)
    try:
        # From bytes, since the header is read as well.
        file, film = file_shortcuts.read(images.load_bytes(path, name), name)
    except ImageError as error:
        return error
    stored = film.pixels if film.levels is None else film.levels
    digest = hashlib.sha256(f"{stored.shape} {stored.dtype} ".encode())
    digest.update(np.ascontiguousarray(stored).data)
    pixels = images.model_input(film, images.SOURCE_SIZE)
    facts = _ReadFilm(digest.hexdigest(), duplicates.thumbnail(pixels), statistics(pixels), file)
    return facts, pixels
