"""A run folder: what a training was started with, and whether it may be continued."""

from __future__ import annotations

import json
import platform
from contextlib import contextmanager, suppress
from importlib import metadata
from typing import TYPE_CHECKING, Any

from pneumoscope import data
from pneumoscope.errors import RecipeError, UsageError
from pneumoscope.files import write_text
from pneumoscope.train.fit import checkpoint, finder, loop, soft_labels
from pneumoscope.train.network import devices
from pneumoscope.train.recipe.reading import from_json, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pneumoscope.train.recipe.settings import Recipe

RECORD = "run.json"
"""What a run was started with: recipe, films, start weights."""
ENVIRONMENT, MANIFEST = "environment.json", "films.csv"
_NEW_FOLDER = "Name a new folder with --out, or delete this one."


@contextmanager
def not_left_empty(run: Path) -> Iterator[None]:
    """Removes the folder, and those that were made to contain it, if an error leaves it as empty as it was made."""
    made = [folder for folder in (run, *run.parents) if not folder.exists()]
    try:
        yield
    except BaseException:
        with suppress(OSError):  # not empty
            for folder in made:
                folder.rmdir()
        raise


def check(run: Path, recipe: Recipe) -> None:
    """Makes the folder if necessary, and checks it before any film is decoded.

    Raises:
        UsageError: It is not empty and not a run, or it is the run of another recipe.
    """
    file = run / RECORD
    if file.is_file() and _has_started(run):
        if _as_of_now(record_of(run, _NEW_FOLDER)["recipe"]) != _plain(resolved(recipe)):
            raise UsageError(
                f"{run}: contains a run of another recipe or with other settings",
                _NEW_FOLDER,
            )
    elif (
        run.is_dir()
        and not file.is_file()
        and {p.name for p in run.iterdir()} - {finder.PLOT, finder.TABLE}
    ):
        raise UsageError(f"{run}: is not empty and not a run", "Name a new folder with --out.")
    run.mkdir(parents=True, exist_ok=True)


def start(
    run: Path,
    recipe: Recipe,
    films: data.FilmSet,
    start_weights: dict[str, str],
    soft_labels_from: dict[str, str] | None = None,
) -> None:
    """Records what the run starts with, or checks that it continues with the same.

    Other films would be split differently, and some films that the network was trained on would
    count as held out. With other start weights the model card would name the wrong ones.

    Args:
        run: The run folder.
        recipe: The recipe.
        films: All films, with their splits; their manifest is written, too.
        start_weights: Name of the start weights, and ``sha256`` of their file.
        soft_labels_from: The same of the run whose soft labels are used.

    Raises:
        UsageError: The run was started with other films, other start weights or other soft labels.
    """
    record = _plain(
        {
            "recipe": resolved(recipe),
            "manifest_sha256": films.manifest_sha256,
            "start_weights": start_weights,
        }
        | ({} if soft_labels_from is None else {"soft_labels_from": soft_labels_from})
    )
    file = run / RECORD
    if _has_started(run):
        before = record_of(run, _NEW_FOLDER)
        labels = [_unnamed(each.get("soft_labels_from", {})) for each in (before, record)]
        same = {
            "films": before["manifest_sha256"] == record["manifest_sha256"],
            "start weights": _unnamed(before["start_weights"]) == _unnamed(record["start_weights"]),
            "soft labels": labels[0] == labels[1],
        }
        for what, is_same in same.items():
            if not is_same:
                raise UsageError(
                    f"{run}: was started with other {what}",
                    "Continue with the same ones, or name a new folder with --out.",
                )
    else:
        # Of a start that learned from another run; without its networks nobody would know whose labels they are.
        (run / soft_labels.FILE).unlink(missing_ok=True)
        write_text(file, json.dumps(record, indent=2) + "\n")
    data.write_manifest(films, run / MANIFEST)
    write_text(run / ENVIRONMENT, json.dumps(_environment(), indent=2) + "\n")


def record_of(run: Path, hint: str) -> dict[str, Any]:
    """What a run was started with.

    Args:
        run: Its folder.
        hint: What to do if the record is damaged.

    Raises:
        UsageError: The record is damaged.
    """
    try:
        record: dict[str, Any] = json.loads((run / RECORD).read_text(encoding="utf-8"))
        parts = record["recipe"], record["start_weights"]
        complete = all(isinstance(part, dict) for part in parts) and "manifest_sha256" in record
    except (ValueError, KeyError, TypeError):
        complete = False
    if not complete:
        raise UsageError(f"{run / RECORD}: is damaged", hint)
    return record


def _unnamed(start_weights: dict[str, str]) -> dict[str, str]:
    """Start weights without the name of their file or run, which may be moved, if a hash tells them apart.

    The hash in the record of an average is that of what its runs began with.
    """
    is_file = "sha256" in start_weights and "began_with" not in start_weights
    if is_file or "run_sha256" in start_weights:
        return {key: value for key, value in start_weights.items() if key != "name"}
    return start_weights


def _as_of_now(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe that an earlier version has written, with the defaults of the keys that are newer."""
    try:
        return _plain(resolved(from_json(recipe)))
    except RecipeError:  # of a later version
        return recipe


def _has_started(run: Path) -> bool:
    """Whether there is anything to continue; until then a corrected recipe may use the folder."""
    return (run / RECORD).is_file() and any(
        (run / name).exists()
        for name in (checkpoint.CHECKPOINT, checkpoint.WEIGHTS, loop.LOG, soft_labels.TEACHERS)
    )


def _environment() -> dict[str, Any]:
    """What else may influence the result of a training: versions, processor, backend."""
    import keras

    packages = ("pneumoscope", "numpy", "keras", "tensorflow-cpu", "tensorflow", "jax", "torch")
    versions = {}
    for package in (*packages, "opencv-python-headless", "onnx", "onnxruntime", "tf2onnx"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "backend": keras.backend.backend(),
        "devices": devices.count(),
        "packages": versions,
    }


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """The record after a round trip through JSON: tuples become lists."""
    plain: dict[str, Any] = json.loads(json.dumps(record))
    return plain
