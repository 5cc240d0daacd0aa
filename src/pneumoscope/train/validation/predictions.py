"""Predictions of the validation films, as they are and under every perturbation of the stress suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.data.stress import stress_suite
from pneumoscope.decision.probability import p_positive
from pneumoscope.errors import DataError
from pneumoscope.files import replacing
from pneumoscope.images import resample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet

    Predict = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
    """uint8 (n, size, size, 1) to probabilities (n, classes)."""

FILE = "validation.npz"
"""In a run folder: class, patient and probabilities of every validation film, see `save`."""
PLAIN = "plain"
"""The condition without any perturbation."""
_BATCH = 64
_AGAIN = "Run the training's command again: it writes what is missing."


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """Probabilities of the validation films, as they are and under every perturbation.

    Attributes:
        truth: Class of each film, (n,); for a task with several findings the targets, float32
            (n, findings) in {0, 1}, NaN where unknown.
        patients: Patient key of each film.
        probabilities: Name of the condition (`PLAIN` or a perturbation) to (n, classes).
        sources: Source of each film, ``""`` if it names none; ``()`` if it is not recorded.
    """

    truth: NDArray[Any]
    patients: tuple[str, ...]
    probabilities: dict[str, NDArray[np.float64]]
    sources: tuple[str, ...] = ()

    @property
    def negative(self) -> int | None:
        """Column of the class that means "nothing found"; None for several findings."""
        return 0 if self.truth.ndim == 1 else None

    @property
    def ill(self) -> NDArray[np.bool_]:
        """True for films of any class but the negative one, (n,)."""
        return self.truth > 0

    def p_positive(self, condition: str = PLAIN) -> NDArray[np.float64]:
        """1 - P(negative class) of each film under a condition, (n,)."""
        return p_positive(self.probabilities[condition], 0)


def predict_all(
    predict: Predict,
    films: FilmSet,
    size: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    split: str = "validation",
) -> Validation:
    """Predicts the validation films, as they are and under the stress suite.

    Args:
        predict: The network.
        films: All films; those of the split are used.
        size: Side of the network's input in pixels.
        progress: Called with (conditions done, conditions in all).
        split: ``"test"`` for the films of a fold that is left out.
    """
    rows = films.rows(split)
    conditions = {PLAIN: None, **stress_suite()}
    probabilities = {}
    for done, (name, perturb) in enumerate(conditions.items(), 1):
        parts = []
        for i in range(0, len(rows), _BATCH):
            pixels = [films.pixels[row] for row in rows[i : i + _BATCH]]
            x = np.stack([resample(perturb(f) if perturb else f, size) for f in pixels])
            parts.append(predict(x[..., None]))
        probabilities[name] = np.concatenate(parts).astype(np.float64)
        progress(done, len(conditions))
    truth = films.targets if films.task == "multilabel" else films.labels
    return Validation(
        truth[rows],
        tuple(films.films[row].patient for row in rows),
        probabilities,
        tuple(films.films[row].source for row in rows),
    )


def save(validation: Validation, path: Path, bundle_sha256: str = "") -> None:
    """Writes a validation as ``.npz``, see `load`.

    Args:
        validation: What to write.
        path: The file.
        bundle_sha256: SHA-256 of the bundle that predicted the films, if it is known.
    """
    with replacing(path) as stream:
        np.savez_compressed(
            stream,
            truth=validation.truth,
            patients=np.array(validation.patients),
            sources=np.array(validation.sources, np.str_),
            conditions=np.array(list(validation.probabilities)),
            probabilities=np.stack(list(validation.probabilities.values())).astype(np.float32),
            bundle_sha256=np.array(bundle_sha256),
        )


def load(path: Path, bundle_sha256: str = "") -> Validation:
    """Reads what `save` wrote.

    Args:
        path: The file.
        bundle_sha256: SHA-256 of the bundle whose predictions are wanted; ``""`` for those of any bundle.

    Raises:
        DataError: The file is missing, is not a validation record, or has predictions of another bundle.
    """
    try:
        # Opened here: of a damaged file, `np.load` leaves its own stream open.
        with path.open("rb") as stream, np.load(stream) as stored:
            of = str(stored["bundle_sha256"]) if "bundle_sha256" in stored else ""
            if bundle_sha256 and of != bundle_sha256:
                raise DataError(
                    f"{path}: predictions of another bundle, or of an unknown one", _AGAIN
                )
            conditions = stored["conditions"].tolist()
            parts = stored["probabilities"].astype(np.float64)
            # Earlier versions did not record the sources.
            sources = tuple(stored["sources"].tolist()) if "sources" in stored else ()
            if len(sources) not in (0, len(stored["truth"])):
                raise ValueError(f"{len(sources)} sources of {len(stored['truth'])} films")
            # Also false for NaN. A float32 softmax may exceed 1 by rounding.
            if not ((parts >= 0) & (parts <= 1 + 1e-6)).all():
                raise ValueError("probabilities that are no numbers, or not in [0, 1]")
            return Validation(
                stored["truth"],
                tuple(stored["patients"].tolist()),
                dict(zip(conditions, parts, strict=True)),
                sources,
            )
    except DataError:
        raise
    # zipfile and NumPy raise many classes for damaged files.
    except Exception as error:
        raise DataError(
            f"{path}: not a validation record ({type(error).__name__})", _AGAIN
        ) from error
