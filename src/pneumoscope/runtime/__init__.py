"""The classifier: the only user of onnxruntime, and the one way from a film to a prediction."""

from pneumoscope.runtime.classifier import Classifier, Prepared, load
from pneumoscope.runtime.network import GOLDEN_TOLERANCE, NetworkOutputs
from pneumoscope.runtime.threads import usable_cores

__all__ = [
    "GOLDEN_TOLERANCE",
    "Classifier",
    "NetworkOutputs",
    "Prepared",
    "load",
    "usable_cores",
]
