"""The average of the weights of finished runs: a network that costs no more than one of them.

Networks that were trained from the same start weights lie close enough together for their mean to work, and
it is often more robust than each ("Model soups", Wortsman et al., ICML 2022). Random weights belong to them: of
two trainings of `children` whose heads began with other random weights, the mean was worse than both.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.bundle import sha256_of
from pneumoscope.errors import UsageError
from pneumoscope.files import replacing, write_text
from pneumoscope.records import AVERAGE
from pneumoscope.train import finished_run
from pneumoscope.train.fit.checkpoint import WEIGHTS, arrays
from pneumoscope.train.fit.loop import LOG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def check(runs: Sequence[Path], recipe: Mapping[str, Any], manifest_sha256: str) -> None:
    """Checks that the weights of runs can be averaged.

    Args:
        runs: Run folders.
        recipe: Of the average, from `recipe.reading.resolved`.
        manifest_sha256: Of the films that the average will be measured on.

    Raises:
        UsageError: There are fewer than two different runs; one is no finished run, has another network
            than the recipe, or was trained on other films: some of those that are held out now; or
            they began with other weights.
    """
    if len({run.resolve() for run in runs}) < max(2, len(runs)):
        raise UsageError(
            "an average needs two different runs or more", "Repeat --average for each of them."
        )
    start: tuple[Any, ...] | None = None
    for run in runs:
        record = finished_run.record_of(run)
        finished_run.check_network(run, record, recipe, ("task", "size", *finished_run.NETWORK))
        if record["manifest_sha256"] != manifest_sha256:
            raise UsageError(
                f"{run}: was trained on other films, perhaps on some that are held out here",
                "Average runs of the same films, with the same --data and --masks.",
            )
        if _start(record) != (start := start or _start(record)):
            raise UsageError(
                f"{run}: began with other weights than {runs[0]}",
                "Such a mean does not work. Train both with the same start_seed in the recipe and the same "
                "--weights; their --seed may differ.",
            )


def _start(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What the start weights of a run were: the seed of the random ones, and hash or name of the others."""
    recipe = record["recipe"]
    start_seed = recipe.get("start_seed", -1)  # records of earlier versions have none
    seed = recipe["seed"] if start_seed < 0 else start_seed
    first = finished_run.origin(record)
    digest_or_name = first.get("sha256", first["began_with"])
    return seed, digest_or_name, record["start_weights"].get("run_sha256")


def record_of(runs: Sequence[Path]) -> dict[str, str]:
    """What the run record and the model card say in place of start weights.

    Returns:
        ``name`` names the runs; ``began_with``, and ``sha256`` if that was a file, are the start weights
        of the runs, whose authors the card names.
    """
    members = [f"{run.resolve().name} ({sha256_of(run / WEIGHTS)[:12]})" for run in runs]
    return {"name": f"{AVERAGE}{', '.join(members)}"} | finished_run.origin(
        finished_run.record_of(runs[0])
    )


def write(runs: Sequence[Path], target: Path) -> None:
    """Writes the mean of the weights and BatchNorm statistics, and the logs of all runs as one.

    Args:
        runs: Run folders, see `check`.
        target: Another run folder.

    Raises:
        UsageError: The networks of two runs differ, or weights are damaged.
    """
    first = arrays(runs[0] / WEIGHTS)
    sums = {name: value.astype(np.float64) for name, value in first.items() if _is_float(value)}
    for run in runs[1:]:
        others = arrays(run / WEIGHTS)
        if _shapes(others) != _shapes(first):
            raise UsageError(
                f"{run}: has another network than {runs[0]}",
                "Average runs whose recipes have the same network, size and head.",
            )
        for name in sums:
            sums[name] += others[name]
    means = {name: (value / len(runs)).astype(first[name].dtype) for name, value in sums.items()}
    write_text(target / LOG, _log(runs))
    with replacing(target / WEIGHTS) as stream:
        mean: dict[str, Any] = first | means
        np.savez(stream, **mean)


def _is_float(value: NDArray[Any]) -> bool:
    """False for the counters of random generators, which no network is computed with."""
    return value.dtype.kind == "f"


def _shapes(arrays: dict[str, NDArray[Any]]) -> dict[str, tuple[int, ...]]:
    return {name: value.shape for name, value in arrays.items()}


def _log(runs: Sequence[Path]) -> str:
    """The rows of all logs, each phase with the name of its run."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for run in runs:
        header, *epochs = csv.reader((run / LOG).read_text(encoding="utf-8").splitlines())
        if run == runs[0]:
            writer.writerow(header)
        writer.writerows([f"{run.resolve().name}: {epoch[0]}", *epoch[1:]] for epoch in epochs)
    return text.getvalue()
