"""Reads every film of an evaluation once; an interrupted run is resumed."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import images
from pneumoscope.data.cache import FIDELITY
from pneumoscope.data.check import Broken
from pneumoscope.errors import ImageError
from pneumoscope.files import whole_array, write_text
from pneumoscope.records import ANTIALIAS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.data.listing import Entry
    from pneumoscope.evidence.evaluation.work import Work

    Count = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class DecodedFilms:
    """Films as they were read, in the order of the entries.

    Attributes:
        pixels: uint8 (entries, side, side), memory-mapped; zero where a film is broken.
        files: SHA-256 of each file, ``""`` where it is broken.
        hashes: SHA-256 of each film's pixels, likewise.
        broken: Position to the reason why a film cannot be read.
    """

    pixels: NDArray[np.uint8]
    files: tuple[str, ...]
    hashes: tuple[str, ...]
    broken: dict[int, Broken]

    def of(self, rows: Sequence[int]) -> DecodedFilms:
        """Some of the films, none of them broken."""
        pixels = self.pixels if len(rows) == len(self.files) else self.pixels[list(rows)]
        return DecodedFilms(
            pixels,
            tuple(self.files[i] for i in rows),
            tuple(self.hashes[i] for i in rows),
            {},
        )


def read_films(
    entries: Sequence[Entry],
    side: int,
    work: Work,
    threads: int,
    progress: Count,
    resize: str = ANTIALIAS,
) -> DecodedFilms:
    """Reads every film once, starting where an interrupted run stopped.

    Args:
        entries: The films.
        side: Side in pixels, as the training cached films.
        work: Where pixels are kept.
        threads: Films at once.
        progress: Called with (films done, films in all).
        resize: How they become smaller, one of `pneumoscope.records.RESIZES`.
    """
    work.folder.mkdir(parents=True, exist_ok=True)
    stamps = [_stamp(entry.path) for entry in entries]
    parts = (side, stamps) if resize == ANTIALIAS else (side, stamps, resize)
    store = work.path("films", *parts, ending=".npy")
    record = store.with_suffix(".json")
    if not store.is_file():
        record.unlink(missing_ok=True)
        with whole_array(store, np.uint8, (len(entries), side, side)):
            pass
    done: list[dict[str, str]] = []
    if record.is_file():
        done = json.loads(record.read_text(encoding="utf-8"))
    if len(done) < len(entries):
        pixels = np.load(store, mmap_mode="r+")
        for start in range(len(done), len(entries), work.block):
            block = entries[start : start + work.block]
            with ThreadPoolExecutor(threads) as pool:
                for i, film in enumerate(
                    pool.map(partial(_read, side=side, resize=resize), block), start
                ):
                    if not isinstance(film, Broken):
                        pixels[i], digest = film
                        done.append({"file": digest, "pixels": _sha(pixels[i].tobytes())})
                    else:
                        done.append(asdict(film))
                    progress(i + 1, len(entries))
            pixels.flush()
            write_text(record, json.dumps(done))
        del pixels
    return DecodedFilms(
        np.load(store, mmap_mode="r"),
        tuple(film.get("file", "") for film in done),
        tuple(film.get("pixels", "") for film in done),
        {i: Broken(**film) for i, film in enumerate(done) if "code" in film},
    )


def _read(entry: Entry, side: int, resize: str) -> tuple[NDArray[np.uint8], str] | Broken:
    """Pixels and the file's hash, or why it cannot be read."""
    try:
        content = images.load_bytes(entry.path, str(entry.path))
        # The nearest pixel of a reduced film is another one.
        at_least_px = FIDELITY * side if resize == ANTIALIAS else None
        film = images.read(content, name=str(entry.path), at_least_px=at_least_px)
        return images.model_input(film, side, side, resize), _sha(content)
    except ImageError as error:
        return Broken(entry.name, error.code, str(error), error.hint)


def _stamp(path: Path) -> list[object]:
    """What changes when a file does."""
    try:
        status = path.stat()
    except OSError:
        return [str(path), None]
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
