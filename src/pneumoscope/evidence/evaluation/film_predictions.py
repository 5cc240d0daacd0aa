"""Predictions and embeddings of the films of an evaluation; an interrupted run is resumed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import images
from pneumoscope.data.check import Broken
from pneumoscope.decision.decide import FilmScores
from pneumoscope.records import FilmFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from pneumoscope.data.listing import Entry
    from pneumoscope.evidence.evaluation.work import Work
    from pneumoscope.runtime import Classifier

    Count = Callable[[int, int], None]

_BATCH = 16
"""Films in one run of the network."""


@dataclass(frozen=True, slots=True, eq=False)
class FilmPredictions:
    """What a bundle gives for the films, before anything is decided about them.

    Attributes:
        p: Probabilities (films, labels), float64; NaN where a film cannot be read.
        scores: One per film; None where it cannot be read. Probabilities, scores of the gate and
            facts of the file, from which `pneumoscope.decision.decide.decide` makes the verdict.
        broken: Position to the reason why a film cannot be read.
        seconds: Time of the computation, (2,): elapsed, and summed over all cores.
    """

    p: NDArray[np.float64]
    scores: tuple[FilmScores | None, ...]
    broken: dict[int, Broken]
    seconds: NDArray[np.float64]


def predict_films(
    entries: Sequence[Entry],
    files: Sequence[str],
    classifier: Classifier,
    work: Work,
    progress: Count,
) -> FilmPredictions:
    """Predicts files as the product does, by `Classifier.predict_many`.

    Args:
        entries: The films.
        files: SHA-256 of each.
        classifier: Classifier of the bundle, without a site profile and without a prevalence.
        work: Where predictions are kept.
        progress: Called with (films done, films in all).
    """
    labels = classifier.bundle.meta.labels
    parts: list[NDArray[np.float32]] = []
    scores: list[FilmScores | None] = []
    broken: dict[int, Broken] = {}
    seconds = np.zeros(2)
    for start in range(0, len(entries), work.block):
        block = entries[start : start + work.block]

        def compute(block: Sequence[Entry] = block, start: int = start) -> dict[str, NDArray[Any]]:
            def count(done: int) -> None:
                progress(start + done, len(entries))

            return _predicted(block, classifier, count)

        names = list(files[start : start + work.block])
        path = work.path("scores", classifier.bundle.sha256, names, ending=".npz")
        stored = work.arrays(path, compute)
        parts.append(stored["p"])
        scores += _scores(stored, labels)
        seconds += stored["seconds"]
        for index, *reason in json.loads(str(stored["broken"])):
            broken[start + index] = Broken(*reason)
        progress(min(start + work.block, len(entries)), len(entries))
    return FilmPredictions(np.concatenate(parts).astype(np.float64), tuple(scores), broken, seconds)


def _predicted(
    block: Sequence[Entry], classifier: Classifier, count: Callable[[int], None]
) -> dict[str, NDArray[Any]]:
    """A block of films as arrays that can be stored."""
    began = np.array([perf_counter(), process_time()])
    p = np.full((len(block), len(classifier.bundle.meta.labels)), np.nan, np.float32)
    films: list[dict[str, Any] | None] = [None] * len(block)
    broken = []
    for outcome in classifier.predict_many([entry.path for entry in block]):
        prediction, error = outcome.prediction, outcome.error
        if prediction is not None:
            p[outcome.index] = list(prediction.probabilities.values())
            films[outcome.index] = {
                "gate": dict(prediction.gate.scores),
                "facts": asdict(prediction.facts),
            }
        elif error is not None:
            name = block[outcome.index].name
            broken.append([outcome.index, name, error.code, str(error), error.hint])
        count(outcome.index + 1)
    return {
        "p": p,
        "films": np.array(json.dumps(films)),
        "broken": np.array(json.dumps(broken)),
        "seconds": np.array([perf_counter(), process_time()]) - began,
    }


def _scores(stored: dict[str, NDArray[Any]], labels: Sequence[str]) -> Iterator[FilmScores | None]:
    films = json.loads(str(stored["films"]))
    for p, film in zip(stored["p"].tolist(), films, strict=True):
        if film is None:
            yield None
        else:
            named = dict(zip(labels, p, strict=True))
            yield FilmScores(named, film["gate"], FilmFacts.restored(film["facts"]))


def predict_pixels(
    pixels: NDArray[np.uint8],
    hashes: Sequence[str],
    classifier: Classifier,
    work: Work,
    perturb: tuple[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] | None = None,
) -> NDArray[np.float64]:
    """Predicts films that were already read, unchanged or perturbed.

    Args:
        pixels: uint8 (films, side, side).
        hashes: SHA-256 of each.
        classifier: Whose network runs.
        work: Where predictions are kept.
        perturb: Name and function of a perturbation; None for unchanged films.

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
    """Embeddings (films, features) of films that were already read; args as in `predict_pixels`."""
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

    def run_batch(start: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        films = [np.asarray(film) for film in pixels[start : start + _BATCH]]
        inputs = [images.resample(change(film) if change else film, size) for film in films]
        outputs = classifier.run(np.stack(inputs)[..., None])
        return outputs.probabilities, outputs.embedding

    with ThreadPoolExecutor(classifier.threads) as pool:
        return list(pool.map(run_batch, range(0, len(pixels), _BATCH)))
