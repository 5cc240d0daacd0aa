"""``pneumoscope train``."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope.errors import DataError, MissingExtra, UsageError
from pneumoscope.train.quiet import no_chatter

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def run(request: Request, overrides: Mapping[str, int | None], *, as_json: bool) -> None:
    """Trains, and prints where the bundle is and what it is worth."""
    data = prepare(request.backend, request.data)

    from pneumoscope.train import recipe
    from pneumoscope.train.progress import Progress

    resolved = recipe.load(request.recipe, **overrides)
    with no_chatter():
        from pneumoscope.train import run as training

    out = request.out or Path("runs") / f"{resolved.name}-{resolved.seed}"
    with Progress() as progress:
        bundle = training.train(
            resolved, training.Paths(data, out, request.weights, request.cache), progress
        )
    if as_json:
        facts = {"bundle": str(bundle.path), "sha256": bundle.sha256}
        sys.stdout.write(json.dumps(facts | {"validation": dict(bundle.meta.validation)}) + "\n")
        return
    sys.stdout.write(
        f"{bundle.path}\n"
        f"Try it: pneumoscope predict film.jpg --bundle {bundle.path}\n"
        f"Its figures: pneumoscope info --bundle {bundle.path}\n"
    )


def prepare(backend: str, data: Path | None) -> Path:
    """Checks what training needs and points Keras to its backend; gives the data folder.

    Raises:
        UsageError: The backend is unknown.
        MissingExtra: A package is not installed.
        DataError: No data folder is named.
    """
    if backend not in BACKENDS:
        raise UsageError(f"backend {backend!r} is unknown", f"One of {', '.join(BACKENDS)}.")
    for module in ("keras", "cv2", "tf2onnx", "sklearn", "tensorflow", backend):
        if importlib.util.find_spec(module) is None:
            extra = module if module in ("jax", "torch") else "train"
            raise MissingExtra(f"training ({module})", extra)
    if data is None:
        raise DataError(
            "no training films named",
            "Name their folder or manifest with --data or PNEUMOSCOPE_DATA.",
        )
    # Keras reads both when it is first imported.
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return data
