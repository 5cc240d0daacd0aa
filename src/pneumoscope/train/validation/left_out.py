"""What a training says of the films of the sources that it left out; needs no Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.files import cause, replacing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FILE = "left-out.npz"
"""In the run folder of a training that left sources out: the films of these sources, see `save`."""
AGAIN = "Run the command with --leave-out again: it writes what is missing."
"""Hint where the file is missing or damaged."""


def save(
    path: Path, sources: Sequence[str], p: NDArray[np.float64], positive: NDArray[np.bool_]
) -> None:
    """Writes what a training says of the films that it left out.

    Args:
        path: The file.
        sources: Source of each film.
        p: P(positive) of each, (n,).
        positive: bool (n,).
    """
    with replacing(path) as stream:
        np.savez_compressed(stream, sources=np.array(sources, np.str_), p=p, positive=positive)


def negative_films(file: Path) -> dict[str, NDArray[np.float64]]:
    """Source to P(positive) of its negative films, float64 (n,).

    Args:
        file: What `save` wrote.

    Raises:
        UsageError: The file is missing or damaged.
    """
    try:
        with file.open("rb") as stream, np.load(stream) as stored:
            names, p, positive = (stored[name] for name in ("sources", "p", "positive"))
        if not names.shape == p.shape == positive.shape or p.ndim != 1:
            raise ValueError("lists of different lengths")
        if not ((p >= 0) & (p <= 1)).all():
            raise ValueError("probabilities that are no numbers, or not in [0, 1]")
    # zipfile and NumPy raise many classes for damaged files.
    except Exception as error:
        raise UsageError(f"{file}: cannot be read ({cause(error)})", AGAIN) from error
    healthy = ~positive.astype(bool)
    return {
        str(name): p[healthy & (names == name)].astype(np.float64) for name in sorted(set(names))
    }
