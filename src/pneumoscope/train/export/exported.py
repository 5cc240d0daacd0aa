"""An exported network: ``model.onnx`` in one ONNX Runtime session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.train.gate import features

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

OUTPUTS = ("probabilities", "heatmaps", "embedding")
"""What a ``model.onnx`` gives; some imported ones have no heatmaps."""
LUNGS = "lungs"
"""The lung field, which only a network with this head gives."""


class ExportedNetwork:
    """One session, for all steps that look at the same ``model.onnx``.

    Films are uint8 (n, size, size, 1).
    """

    def __init__(self, file: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # A thread that waits for its part of a film would keep its core busy: twice the processor
        # time on two cores, for the same films a second.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        self._names = {output.name for output in self._session.get_outputs()}

    def probabilities(self, films: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Probabilities (n, classes)."""
        return np.asarray(self._session.run(["probabilities"], {"films": films})[0], np.float64)

    def heatmaps(self, films: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Probabilities (n, classes) and heatmaps (n, classes, h, w)."""
        probabilities, heatmaps = self._session.run(["probabilities", "heatmaps"], {"films": films})
        return probabilities, heatmaps

    def outputs(self, films: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Those of `OUTPUTS` that it has, by name."""
        names = [name for name in OUTPUTS if name in self._names]
        return dict(zip(names, self._session.run(names, {"films": films}), strict=True))

    @property
    def lungs(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]] | None:
        """Films to their lung fields (n, h, w); None if the network does not look for lungs."""
        return self._lungs if LUNGS in self._names else None

    def _lungs(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(self._session.run([LUNGS], {"films": films})[0], np.float32)

    @property
    def has_gate_features(self) -> bool:
        """Whether the network has feature maps that a gate can be fitted on."""
        return features.OUTPUT in self._names

    def gate_features(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The cells of the feature maps, (n, d), see `pneumoscope.train.gate.features`."""
        return np.asarray(self._session.run([features.OUTPUT], {"films": films})[0], np.float32)
