"""Options and checks that the commands on training share."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.completion import recipes
from pneumoscope.cli.extras import require
from pneumoscope.errors import DataError, UsageError

if TYPE_CHECKING:
    from pneumoscope.train.recipe.settings import Recipe

RecipeName = Annotated[
    str,
    typer.Argument(
        metavar="[NAME|FILE]",
        help="Name of a shipped recipe, or a TOML file.",
        autocompletion=recipes,
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        envvar="PNEUMOSCOPE_DATA",
        metavar="DIR",
        help="Training films in any layout, such as the Kaggle set chest-xray-pneumonia.",
    ),
]
Backend = Annotated[
    str, typer.Option(metavar="NAME", help="Keras backend: tensorflow, jax or torch.")
]

Negative = Annotated[
    str | None,
    typer.Option(
        metavar="CLASS",
        help="Class of the healthy films, if its name does not say so, such as 0 for folders 0 and 1.",
    ),
]

Yes = Annotated[
    bool,
    typer.Option("--yes", help="Run the Python code that a recipe names, without asking."),
]

BACKENDS = ("tensorflow", "jax", "torch")


def prepare_training(backend: str, data: Path | None) -> Path:
    """Checks what training needs and points Keras to its backend; returns the data folder.

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
    # TensorFlow warns of retracing, but every phase of a training has its own graph.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return data


def prepare_conversion(what: str) -> None:
    """Checks that Keras on TensorFlow is installed, and chooses it.

    Args:
        what: What needs it, in words.

    Raises:
        MissingExtra: Something of the [train] extra is not installed.
    """
    require(what, "train", "keras", "tensorflow", "onnx", "tf2onnx", "cv2")
    # Keras and TensorFlow read these when they are first imported.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def confirm_code(recipe: Recipe, *, yes: bool) -> None:
    """Says that a recipe names Python code, and asks before it is run.

    Raises:
        UsageError: Nobody can be asked here.
        typer.Abort: The answer is no.
    """
    if ":" not in recipe.network:
        return
    code = f"recipe {recipe.name} runs Python code: network = {recipe.network!r}"
    if yes:
        sys.stderr.write(f"{code}\n")
        return
    if not sys.stdin.isatty():
        raise UsageError(
            code, "Read that code first: it can do all that you may do. Then add --yes."
        )
    typer.confirm(f"{code}. It can do all that you may do. Run it?", abort=True, err=True)
