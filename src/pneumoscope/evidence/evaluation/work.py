"""What an evaluation has already computed, kept below its folder so that a killed one goes on.

Films are read once: the hash of each file, and its pixels at the side at which training caches
films. Predictions are kept per bundle, condition and block of films. Names are hashes of everything
that decides the content, so nothing stale is ever taken up.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import images
from pneumoscope.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

BLOCK = 512
"""Films between two records: what a kill costs at most."""


class Work:
    """The folder of intermediate results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.block = BLOCK

    def path(self, kind: str, *parts: object, ending: str) -> Path:
        """A file whose name holds the hash of everything that decides its content."""
        key = hashlib.sha256(json.dumps([images.VERSION, *parts]).encode()).hexdigest()[:20]
        return self.folder / f"{kind}-{key}{ending}"

    def arrays(
        self, path: Path, compute: Callable[[], dict[str, NDArray[Any]]]
    ) -> dict[str, NDArray[Any]]:
        """Arrays from a ``.npz`` file, or computed and written to it."""
        if path.is_file():
            with np.load(path) as stored:
                return {name: stored[name] for name in stored.files}
        found: dict[str, Any] = compute()
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            np.savez(stream, **found)
        return found
