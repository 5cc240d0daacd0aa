"""Films decoded only once: a memory-mapped array per list of films, and their hashes."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import images
from pneumoscope.data.film_paths import exists
from pneumoscope.errors import DataError, ImageError, MissingFile
from pneumoscope.files import whole_array, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

FIDELITY = 3
"""Large JPEGs are decoded at no less than this multiple of the cached side. On 29 full-size films
this keeps sharpness, which separates the classes, within 1 % of full decoding (2: 3.4 %, 1: 10 %)."""

MOST_NAMED = 20
"""Broken films that a message names; more are counted."""


class _BrokenFilms(Exception):
    """Films that cannot be read, by their paths."""

    def __init__(self, films: Mapping[Path, ImageError]) -> None:
        super().__init__()
        self.films = films


def cache_home() -> Path:
    """The user's folder for decoded films."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "pneumoscope" / "films"


def cached(
    paths: list[Path], side: int, cache: Path, progress: Callable[[int, int], None]
) -> tuple[NDArray[np.uint8], list[str]]:
    """Decodes films, unless the cache has them.

    Args:
        paths: The films; another file, order or ``side`` makes another cache entry.
        side: Side in pixels of the cached films.
        cache: Folder of the cache.
        progress: Called with (films done, films in all) while films are decoded.

    Returns:
        uint8 (n, side, side), memory-mapped, and the SHA-256 of each film's pixels.

    Raises:
        DataError: Films are missing or cannot be read; all are named, and nothing is kept.
    """
    try:
        return _cached(paths, side, cache, progress)
    except _BrokenFilms as broken:
        raise _broken_films(broken.films) from next(iter(broken.films.values()))


def _cached(
    paths: list[Path], side: int, cache: Path, progress: Callable[[int, int], None]
) -> tuple[NDArray[np.uint8], list[str]]:
    """As `cached`; raises `_BrokenFilms` if films cannot be read."""
    key = cache_key(paths, side)
    films, hashes = cache / f"{key}.npy", cache / f"{key}.json"
    if not (films.is_file() and hashes.is_file()):
        _decode(paths, side, films, hashes, progress)
    return np.load(films, mmap_mode="r"), json.loads(hashes.read_text())


def cached_readable(
    paths: list[Path], side: int, cache: Path, progress: Callable[[int, int], None]
) -> tuple[NDArray[np.uint8], list[str], dict[Path, str]]:
    """As `cached`, without the films that are missing or cannot be read.

    Which ones these are is kept, so that a later call reads only these again.

    Returns:
        Pixels and hashes of the other films, and path to reason of those that are left out.

    Raises:
        DataError: No film can be read.
    """
    broken = {path: str(MissingFile(str(path))) for path in paths if not exists(path)}
    present = _some(path for path in paths if path not in broken)
    record = cache / f"{cache_key(present, side)}.broken.json"
    if record.is_file():
        for path in map(Path, json.loads(record.read_text())):
            if isinstance(error := _film_or_error(path, side), ImageError):
                broken[path] = str(error)
    rest = [path for path in present if path not in broken]
    try:
        return (*_cached(rest, side, cache, progress), broken)
    except _BrokenFilms as more:
        broken |= {path: str(error) for path, error in more.films.items()}
    rest = _some(path for path in present if path not in broken)
    write_text(record, json.dumps([str(path) for path in present if path in broken]))
    return (*cached(rest, side, cache, progress), broken)


def _some(paths: Iterable[Path]) -> list[Path]:
    """Films that can be read, of which there must be some."""
    if not (films := list(paths)):
        raise DataError("none of the films can be read", "`pneumoscope data check` says why.")
    return films


def cache_key(paths: Sequence[Path], *more: int | str) -> str:
    """The name of a cache entry: another file, order or value of ``more`` gives another name.

    Raises:
        DataError: Files are missing; all are named.
    """
    if missing := {path: MissingFile(str(path)) for path in paths if not exists(path)}:
        raise _broken_films(missing)
    stats = [path.stat() for path in paths]
    listing = [
        [str(p.resolve()), s.st_size, s.st_mtime_ns] for p, s in zip(paths, stats, strict=True)
    ]
    return hashlib.sha256(json.dumps([images.VERSION, *more, listing]).encode()).hexdigest()[:20]


def _decode(
    paths: list[Path], side: int, films: Path, hashes: Path, progress: Callable[[int, int], None]
) -> None:
    films.parent.mkdir(parents=True, exist_ok=True)
    digests: list[str] = []
    broken: dict[Path, ImageError] = {}
    with whole_array(films, np.uint8, (len(paths), side, side)) as store:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for i, pixels in enumerate(pool.map(lambda path: _film_or_error(path, side), paths)):
                if isinstance(pixels, ImageError):
                    broken[paths[i]] = pixels
                else:
                    store[i] = pixels
                    digests.append(hashlib.sha256(pixels.tobytes()).hexdigest())
                progress(i + 1, len(paths))
        if broken:
            raise _BrokenFilms(broken)
        write_text(hashes, json.dumps(digests))


def film(path: Path, side: int) -> NDArray[np.uint8]:
    """One film as training sees it, uint8 (side, side).

    Raises:
        ImageError: It cannot be read.
    """
    return images.model_input(images.read(path, at_least_px=FIDELITY * side), side, side)


def _film_or_error(path: Path, side: int) -> NDArray[np.uint8] | ImageError:
    try:
        return film(path, side)
    except ImageError as error:
        return error


def _broken_films(films: Mapping[Path, ImageError]) -> DataError:
    """The error that names broken films: all of them, or the first `MOST_NAMED`."""
    reasons = [str(error) for error in films.values()]
    if len(reasons) == 1:
        (first,) = films.values()
        hint = f"{first.hint} Leave broken films out with --skip-broken. Or remove the film."
        return DataError(reasons[0], hint)
    more = len(reasons) - MOST_NAMED
    shown = [*reasons[:MOST_NAMED], *([f"and {more:,} more"] if more > 0 else [])]
    return DataError(
        f"{len(reasons):,} films cannot be read:\n  " + "\n  ".join(shown),
        "Leave them out with --skip-broken, or mend them; `pneumoscope data check` names all.",
    )
