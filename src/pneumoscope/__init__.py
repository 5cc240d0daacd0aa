"""pneumoscope reads a chest X-ray. Research use, not a medical device.

>>> import pneumoscope
>>> classifier = pneumoscope.load()
>>> prediction = classifier.predict("film.jpg")
>>> prediction.label, prediction.p_positive
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

# ONNX Runtime reads it when it is imported, and would otherwise write a device id into the user's cache
# and send events. Processes that this one starts inherit it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
if "onnxruntime" in sys.modules:  # too late for the first event, not for the others
    sys.modules["onnxruntime"].disable_telemetry_events()
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
# OpenVINO sends events when it is imported, and works without the package that does so.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pneumoscope.client import Client
    from pneumoscope.errors import PneumoscopeError
    from pneumoscope.images import read
    from pneumoscope.records import FilmFacts, Outcome, Prediction, Radiograph, Settings
    from pneumoscope.runtime import Classifier, PopulationReader, load

_HOMES = {
    "Classifier": "pneumoscope.runtime",
    "Client": "pneumoscope.client",
    "FilmFacts": "pneumoscope.records",
    "Outcome": "pneumoscope.records",
    "PneumoscopeError": "pneumoscope.errors",
    "PopulationReader": "pneumoscope.runtime",
    "Prediction": "pneumoscope.records",
    "Radiograph": "pneumoscope.records",
    "Settings": "pneumoscope.records",
    "load": "pneumoscope.runtime",
    "read": "pneumoscope.images",
}

__all__ = [
    "Classifier",
    "Client",
    "FilmFacts",
    "Outcome",
    "PneumoscopeError",
    "PopulationReader",
    "Prediction",
    "Radiograph",
    "Settings",
    "__version__",
    "load",
    "read",
]


def __getattr__(name: str) -> Any:
    # `pneumoscope --help` and `import pneumoscope` should not wait for onnxruntime.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'pneumoscope' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value
