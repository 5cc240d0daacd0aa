"""Films of sources that trainings left out, with what their networks say: limits can hold there, too.

Among the films of hospitals that a network has seen, few healthy ones are called ill; among those of another
hospital there may be many. Nobody can measure this on the network that has seen all hospitals. Trainings of
the same recipe that leave one hospital out each show how the recipe does in a hospital that is new to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.bundle import sha256_of
from pneumoscope.decision.conformal import LEAST_FILMS
from pneumoscope.errors import UsageError
from pneumoscope.files import cause, replacing
from pneumoscope.train import finished_run
from pneumoscope.train.fit.checkpoint import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

FILE = "left-out.npz"
"""In the run folder of a training that left sources out: the films of these sources, see `save`."""
_SAME = ("task", "size", "population", "prevalence", *finished_run.NETWORK)
"""Settings of a recipe on which its probabilities depend: the limits of one training are meant for another."""
_HINT = (
    "Name the folder that `pneumoscope train --leave-out` wrote with --out, after it has finished."
)


@dataclass(frozen=True, slots=True, eq=False)
class LeftOutSource:
    """The negative films of one source.

    Attributes:
        source: Name of the source.
        p: P(positive) by a network that was trained without the source, float64 (n,), with n at least
            `LEAST_FILMS`.
        run_sha256: Hash of the weights of that network.
    """

    source: str
    p: NDArray[np.float64]
    run_sha256: str


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


def read(folder: Path, recipe: Mapping[str, Any]) -> tuple[LeftOutSource, ...]:
    """The negative films of each source that a training in a folder left out.

    Sources outside the recipe's population do not count, and those with fewer than `LEAST_FILMS` negative films.

    Args:
        folder: Of all trainings, each in a run folder of its own.
        recipe: Of the training whose limits are to hold there, from `recipe.reading.resolved`.

    Raises:
        UsageError: There is no such training, one has another network or population than the recipe, a
            file is damaged, or no source has enough films.
    """
    files = sorted(folder.glob(f"*/{FILE}"))
    if not files:
        raise UsageError(f"{folder}: has no training that left a source out", _HINT)
    if recipe["task"] == "multilabel":
        raise UsageError("limits of other trainings need a recipe with a healthy class", _HINT)
    sources: dict[str, LeftOutSource] = {}
    for file in files:
        run = file.parent
        finished_run.check_network(run, finished_run.record_of(run), recipe, _SAME)
        digest = sha256_of(run / WEIGHTS)
        for source, p in _negative_films(file).items():
            if recipe["population"] and source not in recipe["population"]:
                continue
            if source in sources:
                raise UsageError(
                    f"{folder}: two trainings left {source} out",
                    "Keep one of them in the folder.",
                )
            if len(p) >= LEAST_FILMS:
                sources[source] = LeftOutSource(source, p, digest)
    if not sources:
        raise UsageError(
            f"{folder}: no source has {LEAST_FILMS} healthy films or more that a training left out",
            "Leave out a source with more healthy films.",
        )
    return tuple(sources.values())


def _negative_films(file: Path) -> dict[str, NDArray[np.float64]]:
    try:
        with file.open("rb") as stream, np.load(stream) as stored:
            names, p, positive = (stored[name] for name in ("sources", "p", "positive"))
        if not names.shape == p.shape == positive.shape or p.ndim != 1:
            raise ValueError("lists of different lengths")
        if not ((p >= 0) & (p <= 1 + 1e-6)).all():
            raise ValueError("probabilities that are no numbers, or not in [0, 1]")
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"{file}: cannot be read ({cause(error)})",
            "Run the command with --leave-out again: it writes what is missing.",
        ) from error
    healthy = ~positive.astype(bool)
    return {
        str(name): p[healthy & (names == name)].astype(np.float64) for name in sorted(set(names))
    }
