"""The folder of intermediate results, so that an interrupted evaluation can be resumed.

Films are read once: the hash of each file, and its pixels at the side at which training caches
films. Predictions are kept per bundle, condition and block of films. File names are hashes of
everything that determines the content, so outdated results are never used.
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
"""Films that are saved together: the most that an interruption can cost."""


class Work:
    """The folder of intermediate results.

    Attributes:
        folder: Created when the first result is written.
        block: Films that are saved together.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.block = BLOCK

    def path(self, kind: str, *parts: object, ending: str) -> Path:
        """A file whose name contains the hash of everything that determines its content."""
        key = hashlib.sha256(json.dumps([images.VERSION, *parts]).encode()).hexdigest()[:20]
        return self.folder / f"{kind}-{key}{ending}"

    def arrays(
        self, path: Path, compute: Callable[[], dict[str, NDArray[Any]]]
    ) -> dict[str, NDArray[Any]]:
        """Arrays from a ``.npz`` file; if it does not exist, they are computed and written to it."""
        if path.is_file():
            with np.load(path) as stored:
                return {name: stored[name] for name in stored.files}
        computed: dict[str, Any] = compute()
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            np.savez(stream, **computed)
        return computed
