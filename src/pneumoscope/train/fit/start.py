"""The network that a training begins with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.train.fit.checkpoint import WEIGHTS, arrays
from pneumoscope.train.network import keras_model
from pneumoscope.train.network.lungs import EVIDENCE, LOGITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.train.recipe.settings import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class RunWeights:
    """The weights of a run, in memory: its file may change or vanish while another training goes on.

    Attributes:
        path: ``weights.npz`` of the run.
        arrays: What it contains, see `checkpoint.arrays`.
    """

    path: Path
    arrays: dict[str, NDArray[Any]]

    @classmethod
    def read(cls, path: Path) -> RunWeights:
        """Reads ``weights.npz`` of a run.

        Raises:
            UsageError: The file is damaged.
        """
        return cls(path, arrays(path))


def network(recipe: Recipe, classes: int, weights: str | None) -> Any:
    """A recipe's network with its start weights.

    Args:
        recipe: The recipe.
        classes: Number of classes or findings.
        weights: As for `keras_model.build`; or ``weights.npz`` of a run, see `transfer`.

    Raises:
        UsageError: The weights do not fit.
    """
    run = run_of(weights)
    model = keras_model.build(recipe, classes, weights if run is None else None)
    if run is not None:
        transfer(model, run / WEIGHTS)
    return model


def run_of(weights: str | None) -> Path | None:
    """The folder of the run that a training starts from; None if its start weights are no run's."""
    path = Path(weights or "")
    return path.parent if path.name == WEIGHTS else None


def weights_to_keep(recipe: Recipe, weights: str | None) -> RunWeights | None:
    """The start weights of which a recipe keeps a share; None if it keeps none.

    Raises:
        UsageError: The file is damaged.
    """
    run = run_of(weights) if recipe.start_share else None
    return None if run is None else RunWeights.read(run / WEIGHTS)


def transfer(model: Any, path: Path) -> None:
    """Gives a model the weights of a run of the same network; what tells the classes apart is left as it is.

    Raises:
        UsageError: The weights are those of another network, or the file is damaged.
    """
    mix(model, RunWeights.read(path), 1.0)


def mix(model: Any, run: RunWeights, share: float) -> None:
    """Moves the weights of a model towards those of a run; what tells the classes apart is left as it is.

    A network that is trained further forgets what its new films do not need. On the way between both, it keeps
    some of that, and is often better on films that neither training had ("Robust fine-tuning of zero-shot
    models", Wortsman et al., CVPR 2022). Statistics of BatchNorm are moved, too.

    Args:
        model: The network.
        run: The weights of a run of the same network.
        share: Of the run's weights, in [0, 1].

    Raises:
        UsageError: They are those of another network.
    """
    values = [run.arrays.get(f"v{i}") for i in range(len(model.variables))]
    for variable, value in zip(model.variables, values, strict=True):
        if "float" not in str(variable.dtype) or variable.path.split("/")[-2] in (LOGITS, EVIDENCE):
            continue
        if value is None or value.shape != tuple(variable.shape):
            raise UsageError(
                f"{run.path}: the weights are those of another network than the recipe's",
                "Take a run whose recipe has the same network and head.",
            )
        if share < 1:
            value = (1 - share) * np.asarray(variable) + share * value
        variable.assign(value)
