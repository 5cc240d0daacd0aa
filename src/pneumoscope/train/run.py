"""One training from a data folder to a bundle."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import data
from pneumoscope.bundle import (
    CARD,
    GATE,
    GOLDEN,
    MODEL,
    Bundle,
    BundleMeta,
    sha256_of,
    write_bundle,
)
from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.triage import positive_name
from pneumoscope.errors import DataError, UsageError
from pneumoscope.files import room_for, write_text
from pneumoscope.images import resample
from pneumoscope.records import Population
from pneumoscope.render.card import card_of
from pneumoscope.train.data import phantom
from pneumoscope.train.export import to_onnx
from pneumoscope.train.fit import checkpoint, finder, loop, pictures, tracking
from pneumoscope.train.gate import features as gate_features
from pneumoscope.train.gate import fitting
from pneumoscope.train.network import backbones, devices
from pneumoscope.train.recipe.reading import resolved
from pneumoscope.train.recipe.settings import Recipe
from pneumoscope.train.validation import explanations, findings, localise, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.records import OperatingPoint
    from pneumoscope.train.fit.tracking import Tracker
    from pneumoscope.train.progress import Progress

RECORD = "run.json"
"""What a run folder was begun with: recipe, films, start weights."""
ENVIRONMENT, MANIFEST = "environment.json", "films.csv"
_SHOWN = (pictures.CURVES, pictures.SHEET, RECORD, ENVIRONMENT, loop.LOG)
"""What trackers get of a run folder: not the manifest, whose keys of patients stay here."""
PARITY_FILMS = 200

KERMANY_POPULATION = Population(
    text="children of one to five years, anterior-posterior views, one hospital (Guangzhou, China)",
    age_years=(1.0, 5.0),
    views=("AP",),
)
INTENDED_USE = (
    "Research and teaching on frontal chest radiographs. Not a medical device; not for diagnosis, "
    "triage or any decision about a patient."
)


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a training reads and writes.

    Attributes:
        data: Folder of the films.
        run: Run folder; a bundle appears in its ``bundle`` folder.
        weights: ``"imagenet"`` for Keras' download, a path, or ``"none"``.
        cache: Folder for decoded films; None for the user's cache.
        pictures: Folder of pictures that the gate learns to refuse, see `gatefit.read_pictures`;
            None for drawn ones only.
    """

    data: Path
    run: Path
    weights: str
    cache: Path | None = None
    pictures: Path | None = None


def train(
    recipe: Recipe, paths: Paths, progress: Progress, trackers: Sequence[Tracker] = ()
) -> Bundle:
    """Trains a recipe, exports it and writes its bundle; goes on where a killed run stood.

    Args:
        recipe: What to do.
        paths: Where to read and write.
        progress: Is told how far it is.
        trackers: Are told of every epoch and of what came out, see `tracking.open_trackers`.

    Raises:
        RecipeError, DataError: Before anything is trained.
        UsageError: The run folder was begun with another recipe, other films or other weights, or
            the weights do not exist.
        TrackingError: A tracker does not work, before anything is trained.
        DiskFull: Something does not fit; the same command goes on when there is room.
        TrainingError: Training or export failed.
    """
    paths, weights = _start_weights(recipe, paths)
    _check_folder(paths.run, recipe)
    foreign = (
        None
        if paths.pictures is None
        else fitting.read_pictures(paths.pictures, recipe.source_size)
    )
    films = load_films(recipe, paths, progress)
    for warning in films.warnings:
        progress.note(f"warning: {warning}")
    _check_films(films)
    _claim(paths, recipe, films)
    data.write_manifest(films, paths.run / MANIFEST)
    write_text(paths.run / ENVIRONMENT, json.dumps(_environment(), indent=2) + "\n")
    pictures.contact_sheet(recipe, films, paths.run / pictures.SHEET)
    with (
        room_for(paths.run),
        tracking.Tracking(trackers, paths.run / loop.LOG, progress.note) as tracked,
    ):
        tracked.begin(resolved(recipe))
        loop.fit(recipe, films, paths.run, weights, progress, tracked.epoch)
        pictures.curves(paths.run / loop.LOG, paths.run / pictures.CURVES)
        bundle = _finish(recipe, films, foreign, paths, progress)
        tracked.end(
            tracking.figures_of(bundle.meta.validation),
            [*(paths.run / name for name in _SHOWN), bundle.path / CARD],
        )
    return bundle


def _check_films(films: data.FilmSet) -> None:
    """Refuses films that the task could learn nothing from, or that nothing could be measured on."""
    if films.task == "multilabel":
        if len(films.names) < 2:
            raise DataError(
                f"only one finding, {films.names[0]}", "Use the task binary for one finding."
            )
        learnt, told = (
            set(findings.measurable(films.targets[films.rows(s)]).tolist()) for s in validate.SIDES
        )
        if idle := [name for i, name in enumerate(films.names) if i not in learnt]:
            raise DataError(
                f"no training films are known both with and without {', '.join(idle)}",
                "Leave the column out, or add films.",
            )
        if not told:
            raise DataError(
                "no finding has validation films both with and without it",
                "Add films, or hold out more patients.",
            )
        return
    for split in validate.SIDES:
        if set(films.labels[films.rows(split)]) != set(range(len(films.names))):
            raise DataError("too few patients to hold some out of every class", "Add films.")
    if films.negative is None:
        raise DataError(
            f"no class of {', '.join(films.names)} means that nothing was found",
            "Name one of the folders NORMAL.",
        )


SPLIT_SEED = 20180222
"""One split for all recipes, so that their figures can be compared (the day of Kermany's paper)."""


def find_learning_rate(
    recipe: Recipe, paths: Paths, progress: Progress
) -> tuple[finder.RangeTest, ...]:
    """The learning-rate range test of each phase of a recipe, on the films that it would train on.

    Writes a plot and a table into the run folder and touches nothing else there.

    Raises:
        RecipeError, DataError, UsageError: As `train`, though any folder will do.
        TrainingError: The network gives no number.
    """
    paths, weights = _start_weights(recipe, paths)
    films = load_films(recipe, paths, progress)
    paths.run.mkdir(parents=True, exist_ok=True)
    return finder.find(recipe, films, paths.run, weights, progress)


def load_films(recipe: Recipe, paths: Paths, progress: Progress) -> data.FilmSet:
    """The films that a recipe trains on."""
    return data.load(
        paths.data,
        recipe.source_size,
        task=recipe.task,
        split=recipe.split,
        share=recipe.validation,
        seed=SPLIT_SEED,
        cache=paths.cache,
        progress=lambda done, total: progress.count("reading films", done, total),
    )


def _start_weights(recipe: Recipe, paths: Paths) -> tuple[Paths, str | None]:
    """The paths with the weights that the recipe's network can start from, and these weights."""
    backbones.check(recipe.network)
    if not backbones.is_pretrained(recipe.network):
        if paths.weights not in ("imagenet", "none"):
            raise UsageError(
                f"weights {paths.weights}: there are none for the network {recipe.network}",
                "Leave --weights out; a function of your own loads what it needs.",
            )
        paths = replace(paths, weights="none")
    return paths, _weights(paths.weights)


def _weights(name: str) -> str | None:
    if name == "none":
        return None
    if name != "imagenet" and not Path(name).is_file():
        raise UsageError(
            f"weights {name}: no such file",
            "Give a .h5 file, 'imagenet' (downloaded by Keras) or 'none'.",
        )
    return name


def _check_folder(run: Path, recipe: Recipe) -> None:
    """Refuses a folder that is no run, or another recipe's, before films are decoded."""
    file = run / RECORD
    if file.is_file() and _has_begun(run):
        if json.loads(file.read_text(encoding="utf-8"))["recipe"] != _plain(resolved(recipe)):
            raise UsageError(
                f"{run}: holds a run of another recipe or other settings",
                "Name a new folder with --out, or delete this one.",
            )
    elif (
        run.is_dir()
        and not file.is_file()
        and {p.name for p in run.iterdir()} - {finder.PLOT, finder.TABLE}
    ):
        raise UsageError(f"{run}: is not empty and not a run", "Name a new folder with --out.")
    run.mkdir(parents=True, exist_ok=True)


def _has_begun(run: Path) -> bool:
    """Whether there is anything to go on from; before that a corrected recipe may take the folder."""
    return (run / RECORD).is_file() and any(
        (run / name).exists() for name in (checkpoint.CHECKPOINT, checkpoint.WEIGHTS, loop.LOG)
    )


def _claim(paths: Paths, recipe: Recipe, films: data.FilmSet) -> None:
    """Makes the folder this run's own, or checks that it is.

    Other films would be split otherwise, and some that the network was trained on would count as
    held out; other start weights would be named in the card than were used.
    """
    record = _plain(
        {
            "recipe": resolved(recipe),
            "manifest_sha256": films.manifest_sha256,
            "start_weights": _start(paths.weights),
        }
    )
    file = paths.run / RECORD
    if not _has_begun(paths.run):
        write_text(file, json.dumps(record, indent=2) + "\n")
        return
    before = json.loads(file.read_text(encoding="utf-8"))
    for name, what in (("manifest_sha256", "films"), ("start_weights", "start weights")):
        if before[name] != record[name]:
            raise UsageError(
                f"{paths.run}: was begun with other {what}",
                "Go on with the same ones, or name a new folder with --out.",
            )


def _environment() -> dict[str, Any]:
    """What else may decide the outcome of a training: versions, processor, backend."""
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
    """The record as it reads back from JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(record))
    return plain


def _finish(
    recipe: Recipe,
    films: data.FilmSet,
    foreign: fitting.Pictures | None,
    paths: Paths,
    progress: Progress,
) -> Bundle:
    """Export, validation, calibration, operating points, gate, golden outputs, card, bundle."""
    run = paths.run
    work = run / "export"
    work.mkdir(exist_ok=True)
    model = work / MODEL
    held = films.rows("validation")
    # Evenly over all classes: films are sorted by class.
    held = held[np.linspace(0, len(held) - 1, min(PARITY_FILMS, len(held))).astype(int)]
    inputs = np.stack([resample(films.pixels[i], recipe.size) for i in held])[..., None]

    progress.note("exporting to ONNX")
    to_onnx.export_onnx(recipe, len(films.names), run / checkpoint.WEIGHTS, Calibration(), model)
    found = validate.run(
        _predictor(model),
        films,
        recipe.size,
        lambda done, total: progress.count("stress validation", done, total),
    )
    fitted = validate.fit_calibration(found)
    found = validate.calibrated(found, fitted)
    points = _points(found, films)
    parity = to_onnx.export_onnx(
        recipe, len(films.names), run / checkpoint.WEIGHTS, fitted, model, inputs
    )
    validate.save(found, run / validate.FILE)
    progress.note("measuring with patient-clustered intervals")
    several = films.task == "multilabel"
    count = len(films.names)
    measured = {
        **(
            findings.figures(found, films.names, points[:count])
            if several
            else validate.figures(found, points[0])
        ),
        "classes": count,
        "heatmaps": localise.measure(_looker(model), films, recipe.size),
        "statistics_baseline": validate.statistics_baseline(films),
        "parity": parity,
        "training_minutes": round(loop.minutes(run), 1),
        "parameters": checkpoint.parameters(run),
    }
    start = _start(paths.weights)
    meta = _meta(recipe, films, found, fitted, points, {"start_weights": start, **measured})
    scored = explanations.scores(
        _looker(model),
        meta,
        films,
        lambda done, total: progress.count("checking heatmaps", done, total),
    )
    if scored is not None:
        meta = replace(meta, explanation=explanations.record_of(scored))
    golden = phantom.films(16, recipe.size)
    probabilities, heatmaps, embedding = _session(model).run(to_onnx.OUTPUTS, {"films": golden})
    gate = _gate(films, recipe.size, foreign, work, progress)
    np.savez_compressed(
        work / GOLDEN,
        inputs=golden,
        probabilities=probabilities,
        heatmaps=heatmaps,
        embedding=embedding,
    )
    meta = replace(meta, gate=gate)
    (work / CARD).write_text(card_of(meta), encoding="utf-8")
    parts = (MODEL, GOLDEN, CARD, *((GATE,) if gate is not None else ()))
    return write_bundle(run / "bundle", meta, {name: work / name for name in parts})


def _gate(
    films: data.FilmSet,
    size: int,
    foreign: fitting.Pictures | None,
    work: Path,
    progress: Progress,
) -> dict[str, Any] | None:
    """Fits the gate and writes its heads; None for a network without maps to look at."""
    session = _session(work / MODEL)
    if gate_features.OUTPUT not in {output.name for output in session.get_outputs()}:
        progress.note("warning: the network has no square feature maps: the bundle gets no gate")
        return None

    def features(x: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(session.run([gate_features.OUTPUT], {"films": x})[0], np.float32)

    fitted = fitting.fit(
        features,
        films,
        size,
        foreign,
        lambda done, total: progress.count("fitting the gate", done, total),
    )
    gate_features.project(work / MODEL, fitted.axes)
    fitting.save_heads(fitted.heads, work / GATE)
    return fitted.record


def _points(found: validate.Validation, films: data.FilmSet) -> tuple[OperatingPoint, ...]:
    if films.task == "multilabel":
        return findings.choose_operating_points(found, films.names)
    return validate.choose_operating_points(found)


def _start(weights: str) -> dict[str, str]:
    """What the training started from, for the model card."""
    if weights in ("imagenet", "none"):
        return {"name": weights}
    return {"name": Path(weights).name, "sha256": sha256_of(Path(weights))}


def _meta(
    recipe: Recipe,
    films: data.FilmSet,
    found: validate.Validation,
    fitted: Calibration,
    points: tuple[OperatingPoint, ...],
    measured: dict[str, Any],
) -> BundleMeta:
    targets = films.targets
    counts = {
        split: {
            label: int((targets[films.rows(split), i] == 1).sum())
            for i, label in enumerate(films.names)
        }
        for split in ("train", "validation")
    }
    negative = None if films.task == "multilabel" else films.names[0]
    positive = positive_name(films.names, negative)
    return BundleMeta(
        name=recipe.name,
        version=recipe.version,
        task=films.task,
        labels=films.names,
        negative=negative,
        positive=positive,
        size=recipe.size,
        source_size=recipe.source_size,
        calibration=fitted,
        conformal=validate.conformal_scores(found, films.names, positive),
        operating_points=points,
        default_operating_point=points[0].name,
        population=_population(films),
        intended_use=INTENDED_USE,
        recipe=resolved(recipe),
        data={
            "source": films.source,
            "split": recipe.split,
            "warnings": list(films.warnings),
            "manifest_sha256": films.manifest_sha256,
            "split_seed": SPLIT_SEED,
            "films": counts,
        },
        validation=measured,
    )


def _population(films: data.FilmSet) -> Population:
    if "Kermany" in films.source:
        return KERMANY_POPULATION
    return Population(f"whoever the training films show ({films.source})", None, ())


def _predictor(model: Path) -> validate.Predict:
    session = _session(model)

    def predict(x: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.asarray(session.run(["probabilities"], {"films": x})[0], np.float64)

    return predict


def _looker(model: Path) -> localise.Look:
    session = _session(model)

    def look(x: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        probabilities, heatmaps = session.run(["probabilities", "heatmaps"], {"films": x})
        return probabilities, heatmaps

    return look


def _session(model: Path) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
