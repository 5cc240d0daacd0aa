"""The model folder: read, verify, write, find by name.

A bundle is a folder with ``model.onnx`` (everything from uint8 films to calibrated
probabilities), ``bundle.json`` (what the numbers mean), ``golden.npz`` (inputs and the outputs
they must give) and ``README.md`` (the model card). ``bundle.json`` holds the SHA-256 of the other
files, so its own SHA-256 identifies the whole.
"""

from pneumoscope.bundle.folder import open_bundle, sha256_of, write_bundle
from pneumoscope.bundle.meta import CARD, GATE, GOLDEN, META, MODEL, Bundle, BundleMeta
from pneumoscope.bundle.names import SHIPPED, NamedBundle, named_bundles

__all__ = [
    "CARD",
    "GATE",
    "GOLDEN",
    "META",
    "MODEL",
    "SHIPPED",
    "Bundle",
    "BundleMeta",
    "NamedBundle",
    "named_bundles",
    "open_bundle",
    "sha256_of",
    "write_bundle",
]
