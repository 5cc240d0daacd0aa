"""What a training keeps: weights on disk, their moving average, and the best epoch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.files import cause, replacing

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CHECKPOINT, WEIGHTS = "checkpoint.npz", "weights.npz"


def save(model: Any, path: Path, **extra: Any) -> None:
    """Writes all variables of a model, and any other arrays given, in one step."""
    arrays = {f"v{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(model.variables)}
    with replacing(path) as stream:
        np.savez(stream, **arrays, **extra)


def restore(model: Any, path: Path) -> dict[str, NDArray[Any]]:
    """Reads what `save` wrote into a model of the same recipe.

    Returns:
        All arrays of the file.

    Raises:
        UsageError: The weights are those of another network, or the file is damaged.
    """
    stored = arrays(path)
    shapes = {name: value.shape for name, value in stored.items() if re.fullmatch(r"v\d+", name)}
    if shapes != {f"v{i}": tuple(v.shape) for i, v in enumerate(model.variables)}:
        raise UsageError(
            f"{path}: the weights are those of another network than the recipe's",
            "Name the recipe that the run was started with.",
        )
    for i, variable in enumerate(model.variables):
        variable.assign(stored[f"v{i}"])
    return stored


def arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays that `save` wrote.

    Raises:
        UsageError: The file is damaged.
    """
    try:
        # Opened here: of a damaged file, `np.load` leaves its own stream open.
        with path.open("rb") as stream, np.load(stream) as stored:
            return {name: stored[name] for name in stored}
    except OSError:
        raise
    # zipfile and NumPy raise many classes for damaged files.
    except Exception as error:
        raise UsageError(
            f"{path.parent}: {path.name} is damaged ({cause(error)})",
            "Delete this file and train again.",
        ) from error


def parameters(folder: Path) -> int:
    """Weights and BatchNorm statistics of a run's network, counted."""
    return int(sum(v.size for v in arrays(folder / WEIGHTS).values() if v.dtype.kind == "f"))


class Average:
    """Exponential moving average of a model's weights and BatchNorm statistics.

    Keras' optimizers average trainable weights only; averaged weights would not fit the statistics of
    the last steps.
    """

    def __init__(self, model: Any, decay: float) -> None:
        self.model, self.decay, self.updates = model, decay, 0
        self.values = current(model)

    def update(self) -> None:
        # A shorter memory in the first steps (as in TensorFlow's ExponentialMovingAverage).
        keep = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for average, value in zip(self.values, current(self.model), strict=True):
            average += (1 - keep) * (value - average)
        self.updates += 1

    def apply(self) -> list[NDArray[Any]]:
        """Puts the averages into the model; returns the values they replace."""
        before = current(self.model)
        put(self.model, self.values)
        return before


def current(model: Any) -> list[NDArray[Any]]:
    """Copies of a model's weights and statistics."""
    return [keras.ops.convert_to_numpy(v).copy() for v in _floats(model)]


def put(model: Any, values: list[NDArray[Any]]) -> None:
    """Sets a model's weights and statistics to values from `current`."""
    for variable, value in zip(_floats(model), values, strict=True):
        variable.assign(value)


def _floats(model: Any) -> list[Any]:
    """All variables except the counters of random generators."""
    return [v for v in model.variables if "float" in str(v.dtype)]


@dataclass(slots=True)
class Best:
    """The best epoch so far, for early stopping."""

    merit: float  # higher is better
    epoch: int
    values: list[NDArray[Any]]
