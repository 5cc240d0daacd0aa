"""A finished run: another training starts from its weights, or they are averaged with those of other runs."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Final

from pneumoscope.bundle import sha256_of
from pneumoscope.data.sources import left_out_by
from pneumoscope.errors import UsageError
from pneumoscope.files import cause
from pneumoscope.train import folder
from pneumoscope.train.fit import soft_labels
from pneumoscope.train.fit.checkpoint import WEIGHTS
from pneumoscope.train.fit.loop import LOG
from pneumoscope.train.folder import MANIFEST, RECORD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet

NETWORK: Final = (
    "network", "scaling", "clip", "tail", "pyramid", "filters", "head", "head_batch_norm", "dense",
)  # fmt: skip
"""Settings of a recipe that say what its weights compute, whatever the size of the films and their classes.
The same weights fit networks of other scalings, but have learned nothing there."""
_AGAIN: Final = "Train it again."


def record_of(run: Path) -> dict[str, Any]:
    """What a finished run was started with.

    Raises:
        UsageError: It is no finished run, or its record is damaged.
    """
    if not all((run / name).is_file() for name in (RECORD, WEIGHTS, LOG)):
        raise UsageError(
            f"{run}: is not a finished run",
            "Name the folder that a training was written to with --out.",
        )
    return folder.record_of(run, _AGAIN)


def check_network(
    run: Path, record: Mapping[str, Any], recipe: Mapping[str, Any], settings: Sequence[str]
) -> None:
    """Raises `UsageError` if the weights of a run are those of another network than the recipe's.

    Args:
        run: Its folder.
        record: From `record_of`.
        recipe: From `recipe.reading.resolved`.
        settings: Names of those that have to be the same.
    """
    if mismatch := difference(record, recipe, settings):
        raise UsageError(
            f"{run}: its weights are those of another network than the recipe's: {mismatch}",
            "Take a run whose recipe has the same network, scaling and head.",
        )


def difference(
    record: Mapping[str, Any], recipe: Mapping[str, Any], settings: Sequence[str]
) -> str | None:
    """The first setting that a run and a recipe do not share, in words that continue a sentence.

    Args:
        record: From `record_of`.
        recipe: From `recipe.reading.resolved`.
        settings: Names of those that are compared.
    """
    wanted = json.loads(json.dumps({key: recipe[key] for key in settings}))
    for key, value in wanted.items():
        if (other := record["recipe"].get(key, value)) != value:
            return f"{key} is {other!r} there, and {value!r} in the recipe"
    return None


def check_start(run: Path, recipe: Mapping[str, Any], films: FilmSet) -> None:
    """Checks that a training can start from a run.

    Args:
        run: Its folder.
        recipe: Of the training, from `recipe.reading.resolved`.
        films: Of the training.

    Raises:
        UsageError: It is no finished run, has another network, or was trained on films or patients that
            are held out here, or on a source that is left out. With soft labels every film is held out from
            one of the networks.
    """
    check_network(run, record_of(run), recipe, NETWORK)
    hashes, patients, sources = _trained_on(run)
    if both := sources.intersection(left_out_by(recipe["split"])):
        raise UsageError(
            f"{run}: was trained on films of {', '.join(sorted(both))}, which is left out here",
            "Start from a run that leaves the same source out.",
        )
    held_out = [film for film in films.films if film.split != "train" or recipe["soft_labels"]]
    known = sum(film.sha256 in hashes or film.patient in patients for film in held_out)
    if known:
        raise UsageError(
            f"{run}: was trained on {known} of the {len(held_out)} films that are held out here, or on their "
            "patients: all figures would be too good",
            "Start from a run that holds out the same patients: one on the same films with the same split.",
        )


def check_soft_labels(run: Path, recipe: Mapping[str, Any]) -> None:
    """Checks what can be known of the soft labels of another run before the films are read.

    Args:
        run: Its folder; the networks that give soft labels are trained, the run itself need not be.
        recipe: Of the training, from `recipe.reading.resolved`.

    Raises:
        UsageError: The recipe has no soft labels, or the run has none or has its films at another size, or its
            record is damaged.
    """
    if not recipe["soft_labels"]:
        raise UsageError(
            "the recipe has no soft labels", "Set soft_labels in it, such as soft_labels = 0.5."
        )
    if not all((run / name).is_file() for name in (RECORD, soft_labels.FILE)):
        raise UsageError(
            f"{run}: has no soft labels",
            "Name the run folder of a recipe with soft_labels above 0, once its networks are trained.",
        )
    # The pixels of a film are what tells it from others.
    if mismatch := difference(folder.record_of(run, _AGAIN), recipe, ("source_size",)):
        raise UsageError(
            f"{run}: its films have another size than the recipe's: {mismatch}",
            "Give both recipes the same source_size; the size of their networks may differ.",
        )


def soft_labels_of(run: Path, films: FilmSet) -> NDArray[np.float64]:
    """The soft labels that the networks of another run give the training films.

    Args:
        run: Its folder, see `check_soft_labels`.
        films: Of the training.

    Returns:
        Probabilities, (training films, names).

    Raises:
        UsageError: They are those of other films, or damaged.
    """
    record = folder.record_of(run, _AGAIN)
    # Those of other films may come from networks that were trained on films that are held out here.
    if record["manifest_sha256"] != films.manifest_sha256:
        raise UsageError(
            f"{run}: its soft labels are those of other films, or of the same with another split",
            "Train it on the same data, with the same validation share and negative class.",
        )
    return soft_labels.read(run / soft_labels.FILE, films, _AGAIN)


def soft_labels_record(run: Path) -> dict[str, str]:
    """What the run record and the model card say of soft labels that another run gives.

    If that run has them from a third one, it is the networks of the third that gave them.
    """
    record = folder.record_of(run, _AGAIN)
    if first := record.get("soft_labels_from"):
        return dict(first)
    recipe = record["recipe"]
    name = f"run {run.resolve().name} ({recipe['network']}, {recipe['size']} pixels)"
    return {"name": name, "sha256": sha256_of(run / soft_labels.FILE)}


def _trained_on(run: Path) -> tuple[set[str], set[str], set[str]]:
    """Hashes, patients and sources of the films that a run was trained on."""
    try:
        with (run / MANIFEST).open(encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["split"] == "train"]
        return (
            {row["sha256"] for row in rows},
            {row["patient"] for row in rows},
            {row.get("source", "") for row in rows},
        )
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise UsageError(
            f"{run}: {MANIFEST}, the list of its films, cannot be read ({cause(error)})",
            "Train it again: without the list nobody knows which films it has seen.",
        ) from error


def start_record(run: Path) -> dict[str, str]:
    """What the run record and the model card say of a training that starts from a run.

    Returns:
        ``name`` names the run, ``run_sha256`` is the hash of its weights; and see `origin`.
    """
    digest = sha256_of(run / WEIGHTS)
    name = f"run {run.resolve().name} ({digest[:12]})"
    return {"name": name, "run_sha256": digest} | origin(record_of(run))


def origin(record: Mapping[str, Any]) -> dict[str, str]:
    """What the weights of a run began with: ``began_with``, and ``sha256`` if that was a file.

    Their authors are named in the model card, however many trainings followed.
    """
    first: dict[str, str] = record["start_weights"]
    digest = {key: value for key, value in first.items() if key == "sha256"}
    return {"began_with": first.get("began_with", first["name"])} | digest
