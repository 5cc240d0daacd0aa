"""One training, from a data folder to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope.bundle import CARD, META, Bundle, open_bundle, sha256_of
from pneumoscope.errors import UsageError
from pneumoscope.files import room_for
from pneumoscope.train import finished_run, folder, left_out_films, line, weight_average
from pneumoscope.train.data.films import check_films, load_films, other_patients
from pneumoscope.train.fit import finder, loop, pictures, soft_labels, start, tracking
from pneumoscope.train.fit.checkpoint import WEIGHTS
from pneumoscope.train.gate.pictures import read_pictures
from pneumoscope.train.network import backbones
from pneumoscope.train.network.start_weights import located
from pneumoscope.train.recipe.reading import resolved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.data import FilmSet
    from pneumoscope.train.fit.tracking import Tracker
    from pneumoscope.train.paths import Paths
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

_TRACKED = (pictures.CURVES, pictures.SHEET, folder.RECORD, folder.ENVIRONMENT, loop.LOG)
"""Files of a run folder that trackers receive; without the manifest, which has patient keys."""


def train(
    recipe: Recipe,
    paths: Paths,
    progress: Progress,
    trackers: Sequence[Tracker] = (),
    *,
    keep_finished: bool = False,
) -> Bundle:
    """Trains a recipe and writes its bundle; a killed run continues where it stopped.

    With `Paths.averaged`, nothing is trained: the bundle has the mean of the weights of other runs.

    Args:
        recipe: The recipe.
        paths: Where to read and write.
        progress: Shows the progress of the training.
        trackers: Receive every epoch and the result, see `tracking.open_trackers`.
        keep_finished: Whether a finished run returns the bundle that it has; otherwise its bundle is
            made again from its weights.

    Raises:
        RecipeError, DataError: Before anything is trained.
        UsageError: The run folder was started with another recipe, other films or other weights, or
            the weights do not exist, or the runs cannot be averaged, or see `left_out_films.read`.
        TrackingError: A tracker does not work, before anything is trained.
        DiskFull: The disk is full; once there is space, the same command continues the run.
        TrainingError: Training or export failed.
    """
    weights = None if paths.averaged else _start_weights(recipe, paths.weights)
    unseen = (
        ()
        if paths.limits_from is None
        else left_out_films.read(paths.limits_from, resolved(recipe))
    )
    with folder.not_left_empty(paths.run):
        folder.check(paths.run, recipe)
        training = _prepared(recipe, paths, weights, progress)
    if keep_finished and (paths.run / line.BUNDLE / META).is_file():
        return open_bundle(paths.run / line.BUNDLE)
    pictures.contact_sheet(recipe, training.films, paths.run / pictures.SHEET)
    with (
        room_for(paths.run),
        tracking.Tracking(trackers, paths.run / loop.LOG, progress.note) as tracked,
    ):
        tracked.begin(resolved(recipe))
        if paths.averaged:
            progress.note(training.start_weights["name"])
            weight_average.write(paths.averaged, paths.run)
        films = training.films
        targets = soft_labels.targets_of(recipe, films, paths.run, weights, progress)
        loop.fit(recipe, films, paths.run, weights, progress, tracked.epoch, targets)
        pictures.curves(paths.run / loop.LOG, paths.run / pictures.CURVES)
        bundle = line.bundle_of(training, progress, unseen)
        tracked.end(
            tracking.figures_of(bundle.meta.validation),
            [*(paths.run / name for name in _TRACKED), bundle.path / CARD],
        )
    return bundle


def _prepared(
    recipe: Recipe, paths: Paths, weights: str | None, progress: Progress
) -> line.Trained:
    """Reads all films, and records what the run starts with."""
    teacher, labels, label_record = paths.soft_labels_from, None, None
    if teacher is not None:
        finished_run.check_soft_labels(teacher, resolved(recipe))
    foreign = None if paths.pictures is None else read_pictures(paths.pictures, recipe.source_size)
    films = _checked_films(recipe, paths, progress)
    others = other_patients(
        films, paths.others, paths.cache, progress, skip_broken=paths.skip_broken
    )
    _check_start(recipe, weights, films, own_teachers=paths.soft_labels_from is None)
    start_weights = _weights_record(weights)
    if paths.averaged:
        weight_average.check(paths.averaged, resolved(recipe), films.manifest_sha256)
        start_weights = weight_average.record_of(paths.averaged)
    if teacher is not None:
        labels = finished_run.soft_labels_of(teacher, films)
        label_record = finished_run.soft_labels_record(teacher)
    folder.start(paths.run, recipe, films, start_weights, label_record)
    if labels is not None:
        soft_labels.write(films, labels, paths.run)
    return line.Trained(
        recipe=recipe,
        films=films,
        run=paths.run,
        start_weights=start_weights,
        soft_labels_from=label_record,
        foreign=foreign,
        others=others,
    )


def _checked_films(recipe: Recipe, paths: Paths, progress: Progress) -> FilmSet:
    """The films, of which both splits have every class; prints what is doubtful."""
    films = load_films(
        recipe, paths.data, paths.cache, progress, paths.masks, skip_broken=paths.skip_broken
    )
    for warning in films.warnings:
        progress.note(f"warning: {warning}")
    check_films(films)
    return films


def find_learning_rate(
    recipe: Recipe, paths: Paths, progress: Progress
) -> tuple[finder.RangeTest, ...]:
    """The learning-rate range test of each phase of a recipe, on the films that it would train on.

    Writes a plot and a table into the run folder and changes nothing else in it.

    Raises:
        RecipeError, DataError, UsageError: As `train`, except that any run folder is accepted.
        TrainingError: The loss is not a number.
    """
    weights = _start_weights(recipe, paths.weights)
    films = load_films(
        recipe, paths.data, paths.cache, progress, paths.masks, skip_broken=paths.skip_broken
    )
    _check_start(recipe, weights, films)
    paths.run.mkdir(parents=True, exist_ok=True)
    return finder.find(recipe, films, paths.run, weights, progress)


def _start_weights(recipe: Recipe, weights: str) -> str | None:
    """What the recipe's network starts from: ``"imagenet"``, a path, or None for random weights.

    Raises:
        UsageError: They do not exist, or are no run's and the recipe keeps a share of a run's weights.
    """
    file = _located(recipe, weights)
    if recipe.start_share and start.run_of(file) is None:
        raise UsageError(
            f"start_share is {recipe.start_share:g} in the recipe, but the training does not start from a run",
            "Name the folder of a finished run with --weights, or set start_share = 0 in a copy of the recipe.",
        )
    return file


def _located(recipe: Recipe, weights: str) -> str | None:
    backbones.check(recipe.network)
    known = weights in ("imagenet", "none") or Path(weights).is_dir()
    if not backbones.is_pretrained(recipe.network) and not known:
        raise UsageError(
            f"weights {weights}: there are none for the network {recipe.network}",
            "Leave --weights out, or name the folder of a run; a function of your own loads what it needs.",
        )
    if weights == "none":
        return None
    if Path(weights).is_dir():
        finished_run.record_of(Path(weights))
        return str(Path(weights) / WEIGHTS)
    if not backbones.is_pretrained(recipe.network):
        return None
    return located(recipe.network, weights)


def _check_start(
    recipe: Recipe, weights: str | None, films: FilmSet, *, own_teachers: bool = True
) -> None:
    """Checks a run that the training starts from; other weights are checked when they are loaded.

    Without networks of its own that give soft labels, it holds out the validation films only.
    """
    if (run := start.run_of(weights)) is not None:
        changed = {} if own_teachers else {"soft_labels": 0.0}
        finished_run.check_start(run, resolved(recipe) | changed, films)


def _weights_record(weights: str | None) -> dict[str, str]:
    """What the run record and the model card say about the start weights."""
    if weights is None or weights == "imagenet":
        return {"name": weights or "none"}
    if (run := start.run_of(weights)) is not None:
        return finished_run.start_record(run)
    return {"name": Path(weights).name, "sha256": sha256_of(Path(weights))}
