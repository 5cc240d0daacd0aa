"""How closely the ``model.onnx`` of an import agrees with the notebook's model.

A network may amplify the rounding of float32: two huge sums that nearly cancel are such a logit. If the usual
limits are exceeded, it is measured how much rounding alone changes the answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.errors import ConversionError
from pneumoscope.train.export.parity import MAX_DP, MAX_HEATMAP_ERROR, relative_error
from pneumoscope.train.keras_import import rounding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Outputs = Mapping[str, NDArray[np.float32]]
    """``probabilities`` (n, classes), and ``heatmaps`` (n, classes, h, w) unless there are none."""

_LIMITS = {"max_dp": MAX_DP, "max_heatmap_error": MAX_HEATMAP_ERROR}
_TRIES = 4
"""Changes of the weights that are tried."""


def measure(onnx: Outputs, model: Any, of_keras: Callable[[], Outputs]) -> dict[str, float]:
    """Compares the outputs of ONNX with those of Keras.

    Args:
        onnx: Outputs for some films.
        model: The notebook's model.
        of_keras: Its outputs for the same films; called again after the weights were changed.

    Returns:
        ``films``, their number; ``max_dp``; ``max_heatmap_error``, relative to each film's peak; and if it
        exceeds the usual limits, ``rounding``: the largest |dp| that the last bits of the weights make.

    Raises:
        ConversionError: They differ by more than rounding explains, or rounding alone changes any answer.
    """
    keras = of_keras()
    errors = _errors(onnx, keras)
    parity: dict[str, float] = {"films": len(keras["probabilities"]), **errors}
    if _are_within(errors, _LIMITS):
        return parity
    changes = dict.fromkeys(errors, 0.0)
    for seed in range(_TRIES):
        with rounding.perturbed(model, seed):
            change = _errors(of_keras(), keras)
        changes = {name: float(np.maximum(changes[name], change[name])) for name in changes}
    # Both ONNX and Keras round.
    explained = {name: max(_LIMITS[name], 2 * changes[name]) for name in changes}
    limits = {name: min(explained[name], rounding.MOST) for name in changes}
    if _are_within(errors, limits):
        return parity | {"rounding": changes["max_dp"]}
    if _are_within(errors, explained):
        raise ConversionError(
            f"rounding alone changes the model's probabilities by up to {changes['max_dp']:.2g}: ONNX cannot be "
            "compared with Keras",
            "Weights of the last layers are very large. Is the model trained, and saved after training?",
        )
    raise ConversionError(
        f"ONNX and Keras differ: {parity}", "Please report this as a bug. Nothing was written."
    )


def _errors(actual: Outputs, expected: Outputs) -> dict[str, float]:
    dp = np.abs(actual["probabilities"] - expected["probabilities"])
    errors = {"max_dp": float(dp.max())}
    if "heatmaps" in expected:
        errors["max_heatmap_error"] = relative_error(
            actual["heatmaps"], expected["heatmaps"], (1, 2, 3)
        )
    return errors


def _are_within(errors: Mapping[str, float], limits: Mapping[str, float]) -> bool:
    """Whether no error exceeds its limit or is NaN."""
    return all(error <= limits[name] for name, error in errors.items())
