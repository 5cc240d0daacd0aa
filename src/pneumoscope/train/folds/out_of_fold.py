"""Predictions of the films of each fold by the network that has not seen them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.bundle import MODEL
from pneumoscope.errors import DataError
from pneumoscope.train.export.exported import ExportedNetwork
from pneumoscope.train.folds.results import FILE, FoldResult
from pneumoscope.train.validation import predictions

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.bundle import Bundle
    from pneumoscope.train.folds.plan import Fold
    from pneumoscope.train.progress import Progress


def predict_fold(fold: Fold, bundle: Bundle, run: Path, progress: Progress) -> FoldResult:
    """Predicts the films of a fold, or reads what an earlier call has predicted with the same bundle.

    Args:
        fold: A finished training.
        bundle: Its bundle.
        run: Its run folder.
        progress: Shows the progress.
    """
    file = run / FILE
    try:
        validation = predictions.load(file, bundle.sha256)
    except DataError:  # missing, damaged, or of a bundle that this one has replaced
        predicted = predictions.predict_all(
            ExportedNetwork(bundle.path / MODEL).probabilities,
            fold.films,
            bundle.meta.size,
            progress.counter(f"films of fold {fold.number}"),
            split="test",
        )
        predictions.save(predicted, file, bundle.sha256)
        validation = predictions.load(file, bundle.sha256)
    return FoldResult(fold.number, bundle, validation)
