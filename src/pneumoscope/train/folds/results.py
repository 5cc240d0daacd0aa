"""The folds of a cross-validation once they are trained; needs no Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.bundle import open_bundle
from pneumoscope.errors import DataError
from pneumoscope.train.validation import predictions
from pneumoscope.train.validation.predictions import Validation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle

FILE = "out-of-fold.npz"
"""In the run folder of a fold, see `predictions.save`."""


def folder_of(number: int) -> str:
    """Name of the run folder of a fold."""
    return f"fold-{number}"


@dataclass(frozen=True, slots=True, eq=False)
class FoldResult:
    """One fold: its bundle, and the bundle's predictions of the films that it has not seen.

    Attributes:
        number: From 1.
        bundle: The bundle of its training.
        validation: Predictions of the films of the fold.
    """

    number: int
    bundle: Bundle
    validation: Validation

    @property
    def threshold(self) -> float:
        """Threshold of the bundle's default operating point, chosen on its own validation films."""
        return self.bundle.meta.operating_point().threshold


def read_folds(folder: Path, folds: int) -> tuple[FoldResult, ...]:
    """All folds of a finished cross-validation.

    Args:
        folder: Its folder.
        folds: Their number.

    Raises:
        BundleError, DataError: A fold is missing or cannot be read, or was predicted by another bundle.
    """
    results = []
    for number in range(1, folds + 1):
        run = folder / folder_of(number)
        bundle = open_bundle(run / "bundle")
        results.append(FoldResult(number, bundle, predictions.load(run / FILE, bundle.sha256)))
    return tuple(results)


def pooled(folds: Sequence[FoldResult]) -> Validation:
    """The predictions of all folds, one after the other: every film is predicted once.

    Raises:
        DataError: The folds have different classes.
    """
    if len({fold.bundle.meta.labels for fold in folds}) > 1:
        raise DataError("the folds have different classes", "Train all folds on the same films.")
    each = [fold.validation for fold in folds]
    return Validation(
        np.concatenate([validation.truth for validation in each]),
        tuple(patient for validation in each for patient in validation.patients),
        {
            condition: np.concatenate([validation.probabilities[condition] for validation in each])
            for condition in each[0].probabilities
        },
        tuple(source for validation in each for source in validation.sources)
        if all(validation.sources for validation in each)
        else (),
    )


def thresholds(folds: Sequence[FoldResult]) -> NDArray[np.float64]:
    """For each film of `pooled` the threshold of the bundle that predicted it, (n,)."""
    counts: Any = [len(fold.validation.patients) for fold in folds]
    return np.repeat([fold.threshold for fold in folds], counts)
