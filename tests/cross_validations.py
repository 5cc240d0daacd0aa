"""Folds of a cross-validation without any training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.records import OperatingPoint
from pneumoscope.train.folds.results import FoldResult
from pneumoscope.train.validation.predictions import PLAIN, Validation
from tiny import findings_meta, tiny_files, tiny_meta


def fold_bundle(
    folder: Path,
    number: int,
    threshold: float = 0.5,
    useless: dict[str, Any] | None = None,
    **changes: Any,
) -> Bundle:
    """The tiny network as the bundle of a fold; ``useless`` is what its record says beside its figures."""
    meta = tiny_meta(
        recipe={"seed": 0, "split": f"fold:{number}/2"},
        validation={
            "parameters": 1234,
            "training_minutes": 2.0,
            "start_weights": {"name": "none"},
            "heatmaps": {"pointing": {"value": 0.75, "low": 0.7, "high": 0.8}},
        }
        | (useless or {}),
        **changes,
    )
    point = OperatingPoint("balanced", threshold, "by hand")
    meta = replace(meta, operating_points=(point,), default_operating_point=point.name)
    return write_bundle(folder / "bundle", meta, tiny_files(folder / "parts"))


def fold_result(
    folder: Path,
    number: int,
    *,
    healthy: Sequence[float] = (0.1, 0.2),
    ill: Sequence[float] = (0.8, 0.9),
    threshold: float = 0.5,
    films_each: int = 1,
    targets: np.ndarray | None = None,
    p: np.ndarray | None = None,
) -> FoldResult:
    """A fold with these P(ill) of its films, or several findings with targets and probabilities."""
    run = folder / f"fold-{number}"
    if targets is not None:
        bundle = write_bundle(
            run / "bundle", findings_meta(), tiny_files(run / "parts", last="Sigmoid")
        )
        keys = tuple(f"{number}-{i}" for i in range(len(targets)))
        return FoldResult(number, bundle, Validation(targets, keys, {PLAIN: np.asarray(p)}))
    chances = np.array([*healthy, *ill])
    truth = np.repeat([0, 1], [len(healthy), len(ill)])
    keys = tuple(f"{number}-{i // films_each}" for i in range(len(truth)))
    of_classes = np.stack([1 - chances, 0.6 * chances, 0.4 * chances], axis=1)
    validation = Validation(truth, keys, {PLAIN: of_classes, "blur": of_classes})
    return FoldResult(number, fold_bundle(run, number, threshold), validation)
