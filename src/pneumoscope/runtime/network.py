"""The network of a bundle in ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from pneumoscope.bundle import GOLDEN, Bundle
from pneumoscope.errors import BundleMismatch
from pneumoscope.files import cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GOLDEN_TOLERANCE = 1e-3
"""Largest |dp| at which another processor still counts as computing the same function."""
_MOST_ROUNDING = 0.1
"""The same, at most, for an imported model that amplifies rounding."""
_INPUT = "films"
_OUTPUTS = ("probabilities", "heatmaps", "embedding")
_OPTIONAL = ("lungs", "features")
"""Outputs that not every bundle has."""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutputs:
    """The outputs of one run of the network for n films.

    Attributes:
        probabilities: float32 (n, classes).
        heatmaps: float32 (n, classes, h, w); one blank cell (h = w = 1) if the network gives none.
        embedding: float32 (n, features).
        features: float32 (n, d), the input of the gate's heads; None if the bundle has none.
        lungs: float32 (n, h, w) in [0, 1], the lung field: the probability of each cell to lie on a
            lung; None if the network does not look for lungs.
    """

    probabilities: NDArray[np.float32]
    heatmaps: NDArray[np.float32]
    embedding: NDArray[np.float32]
    features: NDArray[np.float32] | None = None
    lungs: NDArray[np.float32] | None = None

    def film(self, i: int) -> FilmOutputs:
        """The outputs for the film ``i``, counted from 0."""
        lungs = None if self.lungs is None else self.lungs[i]
        return FilmOutputs(self.probabilities[i], self.heatmaps[i], lungs)


@dataclass(frozen=True, slots=True, eq=False)
class FilmOutputs:
    """What the network gives for one film, as far as a verdict and its explanation need it.

    Attributes:
        probabilities: float32 (classes,).
        heatmaps: float32 (classes, h, w).
        lungs: float32 (h, w) in [0, 1], the lung field; None if the network does not look for lungs.
    """

    probabilities: NDArray[np.float32]
    heatmaps: NDArray[np.float32]
    lungs: NDArray[np.float32] | None = None


class Network:
    """Runs the network of a bundle. Safe to share between threads.

    Args:
        bundle: The model folder.

    Raises:
        BundleMismatch: ``model.onnx`` cannot be loaded, or does not fit ``bundle.json``.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._session = _session(bundle)
        self._names = [output.name for output in self._session.get_outputs()]

    @property
    def providers(self) -> tuple[str, ...]:
        """The ONNX Runtime providers that run it."""
        return tuple(self._session.get_providers())

    @property
    def outputs(self) -> Sequence[Any]:
        """Its outputs, with ``name`` and ``shape``."""
        return list(self._session.get_outputs())

    def run(self, inputs: NDArray[np.uint8]) -> NetworkOutputs:
        """Runs it on inputs uint8 (n, size, size, 1), as ``images.model_input`` makes them."""
        values = dict(
            zip(self._names, self._session.run(self._names, {_INPUT: inputs}), strict=True)
        )
        blank = np.zeros((*values["probabilities"].shape, 1, 1), np.float32)
        return NetworkOutputs(**{"heatmaps": blank, **values})

    def check(self) -> float:
        """Runs the golden inputs of the bundle; returns the largest |dp| from the golden outputs.

        Raises:
            BundleMismatch: It exceeds `GOLDEN_TOLERANCE`, and what rounding may change in an imported model
                that amplifies it: this machine computes another function.
        """
        parity = self._bundle.meta.validation.get("parity") or {}
        tolerance = max(GOLDEN_TOLERANCE, min(2 * parity.get("rounding", 0.0), _MOST_ROUNDING))
        with np.load(self._bundle.path / GOLDEN) as golden:
            probabilities = self.run(golden["inputs"]).probabilities
            worst = float(np.abs(probabilities - golden["probabilities"]).max())
        if not worst <= tolerance:
            raise BundleMismatch(
                self._bundle.path.name, f"golden inputs differ by {worst:.2g} on this machine"
            )
        return worst


def _session(bundle: Bundle) -> Any:
    options = onnxruntime.SessionOptions()
    # Films are read in parallel, each in one thread: on this small network, threads within a run
    # do not help a single film, and slow down many.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            bundle.model, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime raises its own unexported classes
        raise BundleMismatch(
            bundle.path.name, f"model.onnx cannot be loaded ({cause(error)})"
        ) from error
    names = {output.name for output in session.get_outputs()}
    first = session.get_inputs()[0]
    size, labels = bundle.meta.size, len(bundle.meta.labels)
    expected = {name for name in _OUTPUTS if bundle.meta.heatmaps or name != "heatmaps"}
    if (
        first.name != _INPUT
        or list(first.shape[1:]) != [size, size, 1]
        or names - set(_OPTIONAL) != expected
    ):
        raise BundleMismatch(bundle.path.name, "model.onnx has other inputs or outputs")
    probabilities = next(o for o in session.get_outputs() if o.name == _OUTPUTS[0])
    if probabilities.shape[1] != labels:
        raise BundleMismatch(
            bundle.path.name, f"model.onnx does not give {labels} classes or findings"
        )
    return session
