"""The classifier: the only user of onnxruntime, and the one way from a film to a prediction."""

from pneumoscope.runtime.classifier import Classifier
from pneumoscope.runtime.loading import load
from pneumoscope.runtime.network import GOLDEN_TOLERANCE, NetworkOutputs
from pneumoscope.runtime.populations import PopulationReader
from pneumoscope.runtime.reader import Prepared, Reader
from pneumoscope.runtime.threads import usable_cores

__all__ = [
    "GOLDEN_TOLERANCE",
    "Classifier",
    "NetworkOutputs",
    "PopulationReader",
    "Prepared",
    "Reader",
    "load",
    "usable_cores",
]
