"""One training from a data folder to a bundle."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.bundle import CARD, GOLDEN, MODEL, Bundle, BundleMeta, Population, write_bundle
from pneumoscope.errors import TrainingError, UsageError
from pneumoscope.train import card, data, export, fit, phantom, validate
from pneumoscope.train.augment import resample
from pneumoscope.train.recipe import Recipe, resolved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.records import OperatingPoint
    from pneumoscope.train.progress import Progress

RECIPE = "recipe.json"
PARITY_FILMS = 200

POPULATION = Population(
    text="children of one to five years, anterior-posterior views, one hospital (Guangzhou, China)",
    age_years=(1.0, 5.0),
    views=("AP", "PA"),
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
    """

    data: Path
    run: Path
    weights: str
    cache: Path | None = None


def train(recipe: Recipe, paths: Paths, progress: Progress) -> Bundle:
    """Trains a recipe, exports it and writes its bundle; goes on where a killed run stood.

    Raises:
        RecipeError, DataError: Before anything is trained.
        UsageError: The run folder belongs to another recipe, or the weights do not exist.
        TrainingError: Training or export failed.
    """
    weights = _weights(paths.weights)
    _claim(paths.run, recipe)
    films = data.load(
        paths.data,
        recipe.source_size,
        recipe.validation,
        SPLIT_SEED,
        cache=paths.cache,
        progress=lambda done, total: progress.count("reading films", done, total),
    )
    if not len(films.rows("validation")) or len(set(films.labels[films.rows("validation")])) < len(
        data.LABELS
    ):
        raise TrainingError("too few patients to hold some out of every class", "Add films.")
    began = time.monotonic()
    fit.fit(recipe, films, paths.run, weights, progress)
    minutes = (time.monotonic() - began) / 60
    return _finish(recipe, films, paths.run, minutes, progress)


SPLIT_SEED = 20180222
"""One split for all recipes, so that their figures can be compared (the day of Kermany's paper)."""


def _weights(name: str) -> str | None:
    if name == "none":
        return None
    if name != "imagenet" and not Path(name).is_file():
        raise UsageError(
            f"weights {name}: no such file",
            "Give a .h5 file, 'imagenet' (downloaded by Keras) or 'none'.",
        )
    return name


def _claim(run: Path, recipe: Recipe) -> None:
    """Makes the run folder, or checks that it is this recipe's own."""
    file = run / RECIPE
    text = json.dumps(resolved(recipe), indent=2) + "\n"
    if file.is_file():
        if file.read_text(encoding="utf-8") != text:
            raise UsageError(
                f"{run}: holds a run of another recipe or other settings",
                "Name a new folder with --out, or delete this one.",
            )
        return
    if run.is_dir() and any(run.iterdir()):
        raise UsageError(f"{run}: is not empty and not a run", "Name a new folder with --out.")
    run.mkdir(parents=True, exist_ok=True)
    part = run / f".{RECIPE}.part"
    part.write_text(text, encoding="utf-8")
    part.replace(file)


def _finish(
    recipe: Recipe, films: data.FilmSet, run: Path, minutes: float, progress: Progress
) -> Bundle:
    """Export, validation, temperature, operating points, golden outputs, card, bundle."""
    work = run / "export"
    work.mkdir(exist_ok=True)
    model = work / MODEL
    held = films.rows("validation")[:PARITY_FILMS]
    inputs = np.stack([resample(films.pixels[i], recipe.size) for i in held])[..., None]

    progress.note("exporting to ONNX")
    export.export_onnx(recipe, run / RECIPE, run / fit.WEIGHTS, 1.0, inputs, model)
    found = validate.run(
        _predictor(model),
        films,
        recipe.size,
        lambda done, total: progress.count("stress validation", done, total),
    )
    temperature = validate.fit_temperature(found)
    found = validate.with_temperature(found, temperature)
    points = validate.choose_operating_points(found)
    parity = export.export_onnx(recipe, run / RECIPE, run / fit.WEIGHTS, temperature, inputs, model)
    progress.note("measuring with patient-clustered intervals")
    measured = {
        **validate.figures(found, points[0]),
        "statistics_baseline": validate.statistics_baseline(films),
        "parity": parity,
        "training_minutes": round(minutes, 1),
    }
    meta = _meta(recipe, films, temperature, points, measured)
    golden = phantom.films(16, recipe.size)
    probabilities, heatmaps, embedding = _session(model).run(export.OUTPUTS, {"films": golden})
    np.savez_compressed(
        work / GOLDEN,
        inputs=golden,
        probabilities=probabilities,
        heatmaps=heatmaps,
        embedding=embedding,
    )
    (work / CARD).write_text(card.model_card(meta), encoding="utf-8")
    return write_bundle(run / "bundle", meta, {name: work / name for name in (MODEL, GOLDEN, CARD)})


def _meta(
    recipe: Recipe,
    films: data.FilmSet,
    temperature: float,
    points: tuple[OperatingPoint, ...],
    measured: dict[str, Any],
) -> BundleMeta:
    counts = {
        split: {
            label: int((films.labels[films.rows(split)] == i).sum())
            for i, label in enumerate(data.LABELS)
        }
        for split in ("train", "validation")
    }
    return BundleMeta(
        name=recipe.name,
        version=recipe.version,
        labels=data.LABELS,
        negative=data.LABELS[0],
        size=recipe.size,
        source_size=recipe.source_size,
        temperature=temperature,
        operating_points=points,
        default_operating_point=points[0].name,
        population=POPULATION,
        intended_use=INTENDED_USE,
        recipe=resolved(recipe),
        data={
            "source": "Kermany, Zhang, Goldbaum, Mendeley Data, doi:10.17632/rscbjbr9sj (CC BY 4.0)",
            "manifest_sha256": films.manifest_sha256,
            "split_seed": SPLIT_SEED,
            "films": counts,
        },
        validation=measured,
    )


def _predictor(model: Path) -> validate.Predict:
    session = _session(model)

    def predict(x: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.asarray(session.run(["probabilities"], {"films": x})[0], np.float64)

    return predict


def _session(model: Path) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
