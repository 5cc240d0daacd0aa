"""Predictions and embeddings of the films of an evaluation, resumably."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import images
from pneumoscope.data.check import Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pneumoscope.data.listing import Entry
    from pneumoscope.evidence.evaluation.work import Work
    from pneumoscope.runtime import Classifier

    Count = Callable[[int, int], None]

_BATCH = 16
"""Films in one run of the network."""


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
    for start in range(0, len(entries), work.block):
        block = entries[start : start + work.block]

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

        names = list(files[start : start + work.block])
        path = work.path("plain", classifier.bundle.sha256, names, ending=".npz")
        found = work.arrays(path, compute)
        parts.append(found["p"].astype(np.float64))
        seconds += found["seconds"]
        for index, *told in json.loads(str(found["broken"])):
            broken[start + index] = Broken(*told)
        progress(min(start + work.block, len(entries)), len(entries))
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
    for start in range(0, len(pixels), work.block):
        block = pixels[start : start + work.block]
        path = work.path(
            "condition", classifier.bundle.sha256, name, list(hashes[start : start + work.block]),
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
    for start in range(0, len(pixels), work.block):
        block = pixels[start : start + work.block]
        path = work.path(
            "embedding", classifier.bundle.sha256, list(hashes[start : start + work.block]),
            ending=".npz",
        )  # fmt: skip

        def compute(block: NDArray[np.uint8] = block) -> dict[str, NDArray[Any]]:
            return {"embedding": np.concatenate([e for _, e in _run(block, classifier, None)])}

        parts.append(work.arrays(path, compute)["embedding"])
        progress(min(start + work.block, len(pixels)), len(pixels))
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
