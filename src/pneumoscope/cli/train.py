"""``pneumoscope train``."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope.cli import require
from pneumoscope.errors import DataError, MissingExtra, UsageError
from pneumoscope.train.quiet import no_chatter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.train.recipe.settings import Recipe
    from pneumoscope.train.run import Paths

BACKENDS = ("tensorflow", "jax", "torch")


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; see ``pneumoscope train --help``."""

    recipe: str
    data: Path | None
    out: Path | None
    weights: str
    cache: Path | None
    backend: str
    devices: str = "1"
    tensorboard: bool = False
    mlflow: str | None = None
    pictures: Path | None = None


def run(request: Request, overrides: Mapping[str, int | None], *, as_json: bool) -> None:
    """Trains, and prints where the bundle is and what it is worth."""
    resolved, paths = _begin(request, overrides)
    from pneumoscope.train import run as training
    from pneumoscope.train.fit import tracking
    from pneumoscope.train.network import devices
    from pneumoscope.train.progress import Progress

    with Progress() as progress:
        devices.use(request.devices, resolved.batch_size, progress.note)
        trackers = tracking.open_trackers(
            paths.run, tensorboard=request.tensorboard, mlflow=request.mlflow
        )
        bundle = training.train(resolved, paths, progress, trackers)
    if as_json:
        facts = {"bundle": str(bundle.path), "sha256": bundle.sha256}
        sys.stdout.write(json.dumps(facts | {"validation": dict(bundle.meta.validation)}) + "\n")
        return
    sys.stdout.write(
        f"{bundle.path}\n"
        f"Try it: pneumoscope predict film.jpg --bundle {bundle.path}\n"
        f"Its figures: pneumoscope info --bundle {bundle.path}\n"
    )


def find_learning_rate(
    request: Request, overrides: Mapping[str, int | None], *, as_json: bool
) -> None:
    """Tests ranges of learning rates, and prints which it suggests."""
    resolved, paths = _begin(request, overrides)
    from pneumoscope.train import run as training
    from pneumoscope.train.fit import finder
    from pneumoscope.train.network import devices
    from pneumoscope.train.progress import Progress

    with Progress() as progress:
        devices.use(request.devices, resolved.batch_size, progress.note)
        tests = training.find_learning_rate(resolved, paths, progress)
    plot, table = paths.run / finder.PLOT, paths.run / finder.TABLE
    if as_json:
        files = {"plot": str(plot), "table": str(table)}
        phases = {"recipe": resolved.name, "phases": [asdict(test) for test in tests]}
        sys.stdout.write(json.dumps({**files, "rule": finder.RULE, **phases}) + "\n")
        return
    for test in tests:
        found = (
            f"{test.suggested:.1e} suggested"
            if test.suggested is not None
            else "has no suggestion, as the loss fell at no rate"
        )
        sys.stdout.write(f"{test.phase}: {test.key} {found}; the recipe has {test.own_rate:.1e}\n")
    sys.stdout.write(f"Suggested is {finder.RULE}.\nPlot: {plot}\n")


def _begin(request: Request, overrides: Mapping[str, int | None]) -> tuple[Recipe, Paths]:
    """What both commands need; imports Keras."""
    data = prepare(request.backend, request.data)
    if request.mlflow is not None and importlib.util.find_spec("mlflow") is None:
        raise MissingExtra("telling MLflow about a training", "mlflow")

    from pneumoscope.train.recipe import reading

    resolved = reading.load(request.recipe, **overrides)
    with no_chatter():
        from pneumoscope.train import run as training

    out = request.out or Path("runs") / f"{resolved.name}-{resolved.seed}"
    return resolved, training.Paths(data, out, request.weights, request.cache, request.pictures)


def prepare(backend: str, data: Path | None) -> Path:
    """Checks what training needs and points Keras to its backend; gives the data folder.

    Raises:
        UsageError: The backend is unknown.
        MissingExtra: A package is not installed.
        DataError: No data folder is named.
    """
    if backend not in BACKENDS:
        raise UsageError(f"backend {backend!r} is unknown", f"One of {', '.join(BACKENDS)}.")
    require("training", "train", "keras", "cv2", "tf2onnx", "sklearn", "tensorflow")
    if backend != "tensorflow":
        require("training", backend, backend)
    if data is None:
        raise DataError(
            "no training films named",
            "Name their folder or manifest with --data or PNEUMOSCOPE_DATA.",
        )
    # Keras reads both when it is first imported.
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # It counts the phases' own graphs as needless tracing.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return data
