"""Films of sources that trainings left out, with what the networks say of them: limits can be set on them, too.

Among the films of hospitals that a network has seen, few healthy ones are called ill; among those of another
hospital there may be many. Nobody can measure this on the network that has seen all hospitals. Trainings of
the same recipe that leave one hospital out each show how the recipe does in a hospital that is new to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.bundle import sha256_of
from pneumoscope.data.sources import left_out_by
from pneumoscope.decision.conformal import LEAST_FILMS
from pneumoscope.errors import UsageError
from pneumoscope.train import finished_run
from pneumoscope.train.fit.checkpoint import WEIGHTS
from pneumoscope.train.folder import RECORD, record_of
from pneumoscope.train.validation import left_out

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

_NETWORK = ("task", "size", *finished_run.NETWORK)
_PROBABILITIES = ("population", "prevalence")
"""Settings of a recipe that say, with those of its network, for which films its probabilities hold."""
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


def read(folder: Path, recipe: Mapping[str, Any]) -> tuple[LeftOutSource, ...]:
    """The negative films of each source that a training in a folder left out.

    Sources outside the recipe's population do not count, and those with fewer than `LEAST_FILMS` negative films.

    Args:
        folder: Of all trainings, each in a run folder of its own.
        recipe: Of the training whose limits are to hold there, from `recipe.reading.resolved`.

    Raises:
        UsageError: There is no such training, one has not finished or has another network, population or
            prevalence than the recipe, a file is damaged, or no source has enough films.
    """
    runs = sorted(
        {file.parent for name in (left_out.FILE, RECORD) for file in folder.glob(f"*/{name}")}
    )
    runs = [run for run in runs if (run / left_out.FILE).is_file() or _leaves_out(run)]
    if not runs:
        raise UsageError(f"{folder}: has no training that left a source out", _HINT)
    if recipe["task"] == "multilabel":
        raise UsageError("limits of other trainings need a recipe with a healthy class", _HINT)
    sources: dict[str, LeftOutSource] = {}
    for run in runs:
        _check(run, recipe)
        digest = sha256_of(run / WEIGHTS)
        for source, p in left_out.negative_films(run / left_out.FILE).items():
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


def _leaves_out(run: Path) -> bool:
    """Whether a training left sources out, finished or not."""
    record = record_of(run, "Move it to another folder, or train it again.")
    return bool(left_out_by(record["recipe"].get("split", "")))


def _check(run: Path, recipe: Mapping[str, Any]) -> None:
    """Raises `UsageError` if limits of the recipe cannot be set by what a run left out."""
    if not (run / left_out.FILE).is_file():
        # Without its sources the limit would be less strict than the folder promises.
        raise UsageError(
            f"{run}: has no {left_out.FILE}: its --leave-out has not finished, or an earlier version ran it",
            f"{left_out.AGAIN} Or move this run to another folder.",
        )
    record = finished_run.record_of(run)
    finished_run.check_network(run, record, recipe, _NETWORK)
    if mismatch := finished_run.difference(record, recipe, _PROBABILITIES):
        raise UsageError(
            f"{run}: its probabilities are for other films than the recipe's: {mismatch}",
            "Leave the sources out with the same recipe; only the training itself may be a shorter one.",
        )
