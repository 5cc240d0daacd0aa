"""How closely ``model.onnx`` agrees with its Keras network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.errors import TrainingError
from pneumoscope.train.export.exported import ExportedNetwork

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.decision.calibration import Calibration

MAX_DP = 1e-4
MAX_HEATMAP_ERROR = 1e-3
MAX_EMBEDDING_ERROR = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """How an exported network compares with Keras, on some films.

    Attributes:
        parity: ``films``, their number; ``max_dp`` between Keras and ONNX; ``max_heatmap_error``,
            relative to each film's peak, between the closed form in ONNX and Grad-CAM by automatic
            differentiation (for a head that reads the lungs: the maps in Keras);
            ``max_embedding_error``, relative to each film's largest magnitude.
        probabilities: Those of Keras, float32 (n, classes).
    """

    parity: dict[str, float]
    probabilities: NDArray[np.float32]

    def calibrated(
        self, calibration: Calibration, negative: int | None, actual: NDArray[np.floating[Any]]
    ) -> Comparison:
        """The same comparison after calibration.

        Args:
            calibration: The calibration that is in the file.
            negative: See `Calibration.apply`.
            actual: The file's probabilities, (n, classes).
        """
        expected = calibration.apply(self.probabilities, negative)
        max_dp = float(np.abs(expected - actual).max())
        return replace(self, parity=self.parity | {"max_dp": max_dp})


def measure(model: Any, serving: Any, onnx_file: Path, films: NDArray[np.uint8]) -> Comparison:
    """Compares ONNX with Keras on TensorFlow.

    Args:
        model: The trained network, see `keras_model.build`.
        serving: What `keras_model.serving_model` made of it.
        onnx_file: What `conversion.convert` made of the serving model.
        films: uint8 (n, size, size, 1).
    """
    import keras

    from pneumoscope.train.network import gradcam, keras_model
    from pneumoscope.train.network.lungs import FEATURES

    own_maps = keras_model.reads_lungs(model)
    features_of = keras.Model(model.input, model.get_layer(FEATURES).output)
    exported = ExportedNetwork(onnx_file)
    worst, probabilities = np.zeros(3), []
    for i in range(0, len(films), 32):
        part = films[i : i + 32]
        outputs = exported.outputs(part)
        expected = serving(part)
        probabilities.append(np.asarray(expected["probabilities"], np.float32))
        reference = (
            np.asarray(expected["heatmaps"])
            if own_maps
            else gradcam.autodiff_grad_cam(features_of(part), keras_model.layers_of_head(model))
        )
        errors = (
            float(np.abs(probabilities[-1] - outputs["probabilities"]).max()),
            relative_error(outputs["heatmaps"], reference, (1, 2, 3)),
            relative_error(outputs["embedding"], np.asarray(expected["embedding"]), (1,)),
        )
        worst = np.maximum(worst, errors)
    names = ("max_dp", "max_heatmap_error", "max_embedding_error")
    parity = {"films": len(films), **dict(zip(names, worst.tolist(), strict=True))}
    return Comparison(parity, np.concatenate(probabilities))


def relative_error(
    actual: NDArray[np.float32], expected: NDArray[np.float32], axes: tuple[int, ...]
) -> float:
    """Largest error, relative to each film's largest magnitude."""
    peak = np.abs(expected).max(axis=axes, keepdims=True)
    return float((np.abs(expected - actual) / np.maximum(peak, 1e-12)).max())


def check(parity: dict[str, float]) -> None:
    """Raises `TrainingError` if an error exceeds its limit or is NaN; see `measure`."""
    limits = {
        "max_dp": MAX_DP,
        "max_heatmap_error": MAX_HEATMAP_ERROR,
        "max_embedding_error": MAX_EMBEDDING_ERROR,
    }
    if not all(parity[name] <= limit for name, limit in limits.items()):
        raise TrainingError(f"ONNX and Keras differ: {parity}", "Please report this as a bug.")
