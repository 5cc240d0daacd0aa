"""Soft labels: what networks that were trained without a film say of it.

Labels of a data set are sometimes wrong, and sometimes nobody could know better: bacterial and viral pneumonia
look alike. A network that is trained on such labels as if they were certain learns their errors too. So the
training patients are divided into folds, a network is trained without each fold, and what it says of the fold's films
is mixed into their labels (distillation, Hinton et al. 2015, from networks that cannot know the label). The
validation films are in no fold, so no network learns from them.

The networks have the same recipe, or that of another run, such as a larger network's (`finished_run.soft_labels_of`).
"""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from pneumoscope.data.folds import folds_of, same_patient
from pneumoscope.errors import DataError, UsageError
from pneumoscope.files import cause, write_text
from pneumoscope.render.export import write_table
from pneumoscope.train.data.batches import Batches
from pneumoscope.train.data.films import SPLIT_SEED
from pneumoscope.train.fit import loop
from pneumoscope.train.fit.checkpoint import WEIGHTS
from pneumoscope.train.validation.scores import softmax

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

TEACHERS: Final = "teachers"
"""In a run folder: a folder of each network that gives soft labels."""
FILE: Final = "soft_labels.csv"
"""In a run folder: path, hash, label and probabilities of every training film."""
_COLUMNS: Final = ("path", "sha256", "label")
"""Of `FILE`, before those of the probabilities."""
_DAMAGED: Final = "Delete this file and start the command again."


def targets_of(
    recipe: Recipe, films: FilmSet, run: Path, weights: str | None, progress: Progress
) -> NDArray[np.float32] | None:
    """The targets of a training with soft labels; trains the networks that give them, or continues.

    Args:
        recipe: Its ``soft_labels`` is the share of the networks' probabilities in each target.
        films: All films; those in the split ``"train"`` get soft labels.
        run: Run folder, for the folder `TEACHERS` and the file `FILE`, which is read if it exists.
        weights: What the networks start from, see `loop.fit`.
        progress: Shows every step.

    Returns:
        (n, names), each row with the sum 1, in the order of all films; None if the recipe has no soft labels,
        or if the training of the run is finished.

    Raises:
        DataError: A class has too few training patients for the folds, or a part of the films cannot be
            trained on; before anything is trained.
        UsageError: `FILE` is damaged, or see `loop.fit`.
        TrainingError: See `loop.fit`.
    """
    if not recipe.soft_labels or (run / WEIGHTS).is_file():
        return None
    rows = films.rows("train")
    if not (run / FILE).is_file():
        write(films, _cross_fitted(recipe, films, run, weights, progress), run)
    probabilities = read(run / FILE, films)
    others = int((probabilities.argmax(axis=1) != films.labels[rows]).sum())
    progress.note(
        f"soft labels: the networks that have not seen them give another class to {others} of {len(rows)} films"
        f" ({run / FILE})"
    )
    targets = films.targets
    targets[rows] += recipe.soft_labels * (probabilities - targets[rows])
    return targets


def minutes(run: Path) -> float:
    """Minutes of a run's training, with those of the networks that gave its soft labels."""
    return loop.minutes(run) + sum(map(loop.minutes, (run / TEACHERS).glob("*")))


def _cross_fitted(
    recipe: Recipe, films: FilmSet, run: Path, weights: str | None, progress: Progress
) -> NDArray[np.float64]:
    """Probabilities of the training films by networks that have not seen them, (training films, classes)."""
    rows = films.rows("train")
    probabilities = np.empty((len(rows), len(films.names)))
    shorter = replace(recipe, epochs=recipe.soft_label_epochs or recipe.epochs)
    for number, part in enumerate(_without_each_fold(recipe, films), 1):
        progress.note(f"soft labels: network {number} of {recipe.soft_label_folds}")
        folder = run / TEACHERS / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        model = loop.fit(shorter, part, folder, weights, progress)
        held_out = part.rows("validation")
        logits = loop.logits_of(model, part, held_out, recipe.size)
        probabilities[np.searchsorted(rows, held_out)] = softmax(logits)
    return probabilities


def _without_each_fold(recipe: Recipe, films: FilmSet) -> tuple[FilmSet, ...]:
    """The training films as often as there are folds, each time with one fold as validation films."""
    rows = films.rows("train")
    train = [films.films[row] for row in rows]
    folds = folds_of(
        [films.names[label] for label in films.labels[rows]],
        [film.source for film in train],
        same_patient([film.patient for film in train], [film.sha256 for film in train]),
        recipe.soft_label_folds,
        SPLIT_SEED,
    )
    parts = []
    for number in range(1, recipe.soft_label_folds + 1):
        # Validation films of the run itself take no part.
        splits = dict.fromkeys(range(len(films.films)), "test")
        for row, fold in zip(rows, folds, strict=True):
            splits[int(row)] = "validation" if fold == number else "train"
        part = replace(
            films, films=tuple(replace(f, split=splits[i]) for i, f in enumerate(films.films))
        )
        try:
            Batches(recipe, part)
        except DataError as error:
            raise DataError(f"soft labels, without fold {number}: {error}", error.hint) from error
        parts.append(part)
    return tuple(parts)


def write(films: FilmSet, probabilities: NDArray[np.float64], run: Path) -> None:
    """Writes `FILE` into a run folder.

    Args:
        films: All films.
        probabilities: Of the training films, (training films, names).
        run: The run folder.
    """
    rows = films.rows("train")
    text = io.StringIO()
    lines = (
        (film.path, film.sha256, films.names[label], *(f"{share:.6f}" for share in shares))
        for film, label, shares in zip(
            (films.films[row] for row in rows), films.labels[rows], probabilities, strict=True
        )
    )
    write_table((*_COLUMNS, *films.names), lines, text)
    write_text(run / FILE, text.getvalue())


def read(path: Path, films: FilmSet, hint: str = _DAMAGED) -> NDArray[np.float64]:
    """Probabilities of the training films, (training films, names), in the order of the films.

    The same films may have other paths now, and so another order than in the file. Copies of a film have the same
    probabilities.

    Args:
        path: `FILE` of a run on the same films.
        films: All films.
        hint: What to do if the file is damaged.

    Raises:
        UsageError: The file is damaged, or lacks films.
    """
    rows, count = films.rows("train"), len(_COLUMNS)
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            header, *lines = csv.reader(stream)
        if tuple(header[:count]) != _COLUMNS:
            raise ValueError(f"it does not begin with the columns {', '.join(_COLUMNS)}")
        if {len(line) for line in (header, *lines)} != {count + len(films.names)}:
            raise ValueError("it is cut off, or has other classes")
        of_film = {digest: shares for _, digest, _, *shares in lines}
        hashes = [films.films[row].sha256 for row in rows]
        if len(lines) != len(rows) or not of_film.keys() >= set(hashes):
            raise ValueError("it has other films")
        values = np.array([of_film[digest] for digest in hashes], float)
        if not (values >= 0).all() or not np.allclose(values.sum(axis=1), 1, atol=1e-3):
            raise ValueError("not all values are probabilities")
    except (csv.Error, ValueError) as error:
        raise UsageError(f"{path}: is damaged ({cause(error)})", hint) from error
    return values
