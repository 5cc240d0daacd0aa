"""What an evaluation has already computed, kept below its folder so that a killed one goes on.

Films are read once: the hash of each file, and its pixels at the side at which training caches
films. Predictions are kept per bundle, condition and block of films. Names are hashes of everything
that decides the content, so nothing stale is ever taken up.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import images
from pneumoscope.data.cache import FIDELITY
from pneumoscope.data.check import Broken
from pneumoscope.errors import ImageError
from pneumoscope.evidence.audit.films import file_bytes
from pneumoscope.files import replacing, whole_array, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.data.listing import Entry
    from pneumoscope.runtime import Classifier

    Count = Callable[[int, int], None]

BLOCK = 512
"""Films between two records: what a kill costs at most."""
_BATCH = 16
"""Films in one run of the network."""


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Films as they were read, in the order of the entries.

    Attributes:
        pixels: uint8 (entries, side, side), memory-mapped; zero where a film is broken.
        files: SHA-256 of each file, ``""`` where it is broken.
        hashes: SHA-256 of each film's pixels, likewise.
        broken: Position to why a film cannot be read.
    """

    pixels: NDArray[np.uint8]
    files: tuple[str, ...]
    hashes: tuple[str, ...]
    broken: dict[int, Broken]

    def of(self, rows: Sequence[int]) -> Read:
        """Some of the films, none of them broken."""
        pixels = self.pixels if len(rows) == len(self.files) else self.pixels[list(rows)]
        return Read(
            pixels,
            tuple(self.files[i] for i in rows),
            tuple(self.hashes[i] for i in rows),
            {},
        )


class Work:
    """The folder of intermediate results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, kind: str, *parts: object, ending: str) -> Path:
        """A file whose name holds the hash of everything that decides its content."""
        key = hashlib.sha256(json.dumps([images.VERSION, *parts]).encode()).hexdigest()[:20]
        return self.folder / f"{kind}-{key}{ending}"

    def arrays(
        self, path: Path, compute: Callable[[], dict[str, NDArray[Any]]]
    ) -> dict[str, NDArray[Any]]:
        """Arrays from a ``.npz`` file, or computed and written to it."""
        if path.is_file():
            with np.load(path) as stored:
                return {name: stored[name] for name in stored.files}
        found: dict[str, Any] = compute()
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            np.savez(stream, **found)
        return found


def read_films(
    entries: Sequence[Entry], side: int, work: Work, threads: int, progress: Count
) -> Read:
    """Reads every film once, going on where a killed run stood.

    Args:
        entries: The films.
        side: Side in pixels, as the training cached films.
        work: Where pixels are kept.
        threads: Films at once.
        progress: Called with (films done, films in all).
    """
    work.folder.mkdir(parents=True, exist_ok=True)
    stamps = [_stamp(entry.path) for entry in entries]
    store = work.path("films", side, stamps, ending=".npy")
    record = store.with_suffix(".json")
    if not store.is_file():
        record.unlink(missing_ok=True)
        with whole_array(store, np.uint8, (len(entries), side, side)):
            pass
    known: list[dict[str, str]] = []
    if record.is_file():
        known = json.loads(record.read_text(encoding="utf-8"))
    if len(known) < len(entries):
        pixels = np.load(store, mmap_mode="r+")
        for start in range(len(known), len(entries), BLOCK):
            block = entries[start : start + BLOCK]
            with ThreadPoolExecutor(threads) as pool:
                for i, one in enumerate(pool.map(lambda e: _read(e, side), block), start):
                    if not isinstance(one, Broken):
                        pixels[i], digest = one
                        known.append({"file": digest, "pixels": _sha(pixels[i].tobytes())})
                    else:
                        known.append(asdict(one))
                    progress(i + 1, len(entries))
            pixels.flush()
            write_text(record, json.dumps(known))
        del pixels
    return Read(
        np.load(store, mmap_mode="r"),
        tuple(one.get("file", "") for one in known),
        tuple(one.get("pixels", "") for one in known),
        {i: Broken(**one) for i, one in enumerate(known) if "code" in one},
    )


def predict_films(
    entries: Sequence[Entry],
    files: Sequence[str],
    classifier: Classifier,
    work: Work,
    progress: Count,
) -> tuple[NDArray[np.float64], dict[int, Broken], NDArray[np.float64]]:
    """Predicts files the product's own way, `Classifier.predict_many`.

    Args:
        entries: The films.
        files: SHA-256 of each.
        classifier: Reads and judges.
        work: Where predictions are kept.
        progress: Called with (films done, films in all).

    Returns:
        Probabilities (films, labels), NaN where a film cannot be read; position to why; seconds
        that it took when it was computed, (2,): on the wall, and of all cores.
    """
    labels = classifier.bundle.meta.labels
    parts, broken, seconds = [], {}, np.zeros(2)
    for start in range(0, len(entries), BLOCK):
        block = entries[start : start + BLOCK]

        def compute(block: Sequence[Entry] = block, start: int = start) -> dict[str, NDArray[Any]]:
            began = np.array([perf_counter(), process_time()])
            p = np.full((len(block), len(labels)), np.nan, np.float32)
            bad = []
            for outcome in classifier.predict_many([entry.path for entry in block]):
                if outcome.prediction is not None:
                    p[outcome.index] = list(outcome.prediction.probabilities.values())
                elif outcome.error is not None:
                    error = outcome.error
                    name = block[outcome.index].name
                    bad.append([outcome.index, name, error.code, str(error), error.hint])
                progress(start + outcome.index + 1, len(entries))
            return {
                "p": p,
                "broken": np.array(json.dumps(bad)),
                "seconds": np.array([perf_counter(), process_time()]) - began,
            }

        names = list(files[start : start + BLOCK])
        path = work.path("plain", classifier.bundle.sha256, names, ending=".npz")
        found = work.arrays(path, compute)
        parts.append(found["p"].astype(np.float64))
        seconds += found["seconds"]
        for index, *told in json.loads(str(found["broken"])):
            broken[start + index] = Broken(*told)
        progress(min(start + BLOCK, len(entries)), len(entries))
    return np.concatenate(parts), broken, seconds


def predict_pixels(
    pixels: NDArray[np.uint8],
    hashes: Sequence[str],
    classifier: Classifier,
    work: Work,
    perturb: tuple[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] | None = None,
) -> NDArray[np.float64]:
    """Predicts films that were read already, as they are or perturbed.

    Args:
        pixels: uint8 (films, side, side).
        hashes: SHA-256 of each.
        classifier: Whose network runs.
        work: Where predictions are kept.
        perturb: Name and function of a perturbation.

    Returns:
        Probabilities (films, labels).
    """
    name, change = perturb or ("", None)
    parts = []
    for start in range(0, len(pixels), BLOCK):
        block = pixels[start : start + BLOCK]
        path = work.path(
            "condition", classifier.bundle.sha256, name, list(hashes[start : start + BLOCK]),
            ending=".npz",
        )  # fmt: skip

        def compute(block: NDArray[np.uint8] = block) -> dict[str, NDArray[Any]]:
            runs = _run(block, classifier, change)
            return {"p": np.concatenate([p for p, _ in runs])}

        parts.append(work.arrays(path, compute)["p"].astype(np.float64))
    return np.concatenate(parts)


def embed(
    pixels: NDArray[np.uint8],
    hashes: Sequence[str],
    classifier: Classifier,
    work: Work,
    progress: Count = lambda _done, _total: None,
) -> NDArray[np.float32]:
    """Embeddings (films, features) of films that were read already; args as `predict_pixels`."""
    parts = []
    for start in range(0, len(pixels), BLOCK):
        block = pixels[start : start + BLOCK]
        path = work.path(
            "embedding", classifier.bundle.sha256, list(hashes[start : start + BLOCK]),
            ending=".npz",
        )  # fmt: skip

        def compute(block: NDArray[np.uint8] = block) -> dict[str, NDArray[Any]]:
            return {"embedding": np.concatenate([e for _, e in _run(block, classifier, None)])}

        parts.append(work.arrays(path, compute)["embedding"])
        progress(min(start + BLOCK, len(pixels)), len(pixels))
    return np.concatenate(parts)


def _run(
    pixels: NDArray[np.uint8],
    classifier: Classifier,
    change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None,
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Probabilities and embeddings, batch by batch, several batches at once."""
    size = classifier.bundle.meta.size

    def one(start: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        films = [np.asarray(film) for film in pixels[start : start + _BATCH]]
        inputs = [images.resample(change(film) if change else film, size) for film in films]
        found = classifier.run(np.stack(inputs)[..., None])
        return found.probabilities, found.embedding

    with ThreadPoolExecutor(classifier.threads) as pool:
        return list(pool.map(one, range(0, len(pixels), _BATCH)))


def _read(entry: Entry, side: int) -> tuple[NDArray[np.uint8], str] | Broken:
    """Pixels and the file's hash, or why it cannot be read."""
    try:
        content = file_bytes(entry.path)
        film = images.read(content, name=str(entry.path), at_least_px=FIDELITY * side)
        return images.model_input(film, side, side), _sha(content)
    except ImageError as error:
        return Broken(entry.name, error.code, str(error), error.hint)


def _stamp(path: Path) -> list[object]:
    """What changes when a file does."""
    try:
        found = path.stat()
    except OSError:
        return [str(path), None]
    return [str(path.resolve()), found.st_size, found.st_mtime_ns]


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
