"""The model folder: read, verify, write, find by name.

A bundle is a folder with ``model.onnx`` (everything from uint8 films to calibrated
probabilities), ``bundle.json`` (what the numbers mean), ``golden.npz`` (inputs and the outputs
they must give) and ``README.md`` (the model card). ``bundle.json`` holds the SHA-256 of the other
files, so its own SHA-256 identifies the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.bundle.meta import CARD, GATE, GOLDEN, META, MODEL, Bundle, BundleMeta
from pneumoscope.bundle.names import SHIPPED, NamedBundle, named_bundles

if TYPE_CHECKING:
    from pneumoscope.bundle.folder import open_bundle, sha256_of, write_bundle

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


def __getattr__(name: str) -> Any:
    # Reading a bundle needs NumPy; the shell completes names without it.
    if name not in ("open_bundle", "sha256_of", "write_bundle"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pneumoscope.bundle.folder as folder

    globals()[name] = value = getattr(folder, name)
    return value
