"""From trained weights to a bundle: a line of steps.

Each step takes what the steps before it returned, and returns a value:

    export -> validate -> calibrate -> compare with Keras -> measure -> describe
           -> explain -> fit the gate -> write

Only `export` and `write` leave files. `bundle_of` calls all steps; a new step is added there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.bundle import MODEL
from pneumoscope.decision.calibration import Calibration
from pneumoscope.images import resample
from pneumoscope.train.export import conversion, description, to_onnx, writing
from pneumoscope.train.export import parity as parities
from pneumoscope.train.export.exported import ExportedNetwork
from pneumoscope.train.fit import checkpoint, soft_labels
from pneumoscope.train.gate import fitting
from pneumoscope.train.validation import explanations, figures, predictions
from pneumoscope.train.validation.calibrate import calibrate, conformal_scores, positive_share

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle
    from pneumoscope.data import FilmSet
    from pneumoscope.train.export.parity import Comparison
    from pneumoscope.train.gate.pictures import Pictures
    from pneumoscope.train.left_out_films import LeftOutSource
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe
    from pneumoscope.train.validation.calibrate import Calibrated

PARITY_FILMS = 200
"""Validation films, at most, on which ONNX is compared with Keras."""
BALANCE_FILMS = 1000
"""Ill training films, at most, on which the evidence is balanced."""
BUNDLE = "bundle"
"""In a run folder: the finished bundle."""
_WORK = "export"
"""In a run folder: the files of the bundle before it is put together."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What the steps of the line read of a training, once it has its weights.

    Attributes:
        recipe: What was trained.
        films: All films, with their splits.
        run: Run folder, with the weights and the log of the training.
        start_weights: Name of the start weights, and ``sha256`` of their file.
        soft_labels_from: The same of the run whose soft labels it learned; None without such a run.
        foreign: Pictures of a folder that the gate learns to refuse; None for drawn ones only.
        others: Chest films of patients outside the population, uint8 (n, side, side); n may be 0.
    """

    recipe: Recipe
    films: FilmSet
    run: Path
    start_weights: dict[str, str]
    soft_labels_from: dict[str, str] | None
    foreign: Pictures | None
    others: NDArray[np.uint8]

    @property
    def model(self) -> Path:
        """The exported network, before it is copied into the bundle."""
        return self.run / _WORK / MODEL

    @property
    def network(self) -> Path:
        """The exported network without its calibration."""
        return self.run / _WORK / "network.onnx"


def bundle_of(
    trained: Trained, progress: Progress, left_out: Sequence[LeftOutSource] = ()
) -> Bundle:
    """Takes a finished training through all steps.

    Args:
        trained: The training.
        progress: Shows the progress.
        left_out: Sources in which the limit of the positive verdict is to hold, too.

    Raises:
        DiskFull: The disk is full.
        TrainingError: The export failed.
    """
    films, size = trained.films, trained.recipe.size
    trained.model.parent.mkdir(exist_ok=True)
    progress.note("exporting to ONNX")
    inputs = _parity_inputs(films, size)
    compared = export(trained, inputs)
    conversion.calibrate(trained.network, Calibration(), trained.model)
    validation = predictions.predict_all(
        ExportedNetwork(trained.model).probabilities,
        films,
        size,
        progress.counter("stress validation"),
    )
    calibrated = _calibrated(trained, validation, left_out)
    if left_out and calibrated.conformal is None:
        progress.note(
            "warning: there are too few validation films for limits: those of --limits-from are not used"
        )
        left_out = ()
    if left_out:
        progress.note(_cost_of_limits(calibrated, trained.films))
    conversion.calibrate(trained.network, calibrated.calibration, trained.model)
    trained.network.unlink()
    network = ExportedNetwork(trained.model)
    parity = compared.calibrated(
        calibrated.calibration, calibrated.validation.negative, network.probabilities(inputs)
    ).parity
    parities.check(parity)
    predictions.save(calibrated.validation, trained.run / predictions.FILE)
    progress.note("measuring with patient-clustered intervals")
    measured = figures.measure(calibrated, network.heatmaps, films, size)
    for reason in measured.get("learned_nothing", ()):
        progress.note(f"warning: this training learned nothing that can be shown: {reason}")
    meta = description.describe(
        trained.recipe, films, calibrated, _validation_record(trained, measured, parity, left_out)
    )
    explanation = explanations.explain(
        network.heatmaps, meta, films, progress.counter("checking heatmaps"), network.lungs
    )
    golden = writing.golden_of(network, size)
    gate = fit_gate(trained, network, progress)
    meta = replace(meta, explanation=explanation, gate=None if gate is None else gate.record)
    return writing.write(trained.run / BUNDLE, trained.model, meta, golden, gate)


def export(trained: Trained, parity_inputs: NDArray[np.uint8]) -> Comparison:
    """Writes the network without calibration; see `to_onnx.export_onnx`.

    Args:
        trained: The training.
        parity_inputs: uint8 (n, size, size, 1), on which ONNX is compared with Keras.
    """
    return to_onnx.export_onnx(
        trained.recipe,
        len(trained.films.names),
        trained.run / checkpoint.WEIGHTS,
        trained.network,
        parity_inputs,
        _ill_films(trained.films, trained.recipe.size) if trained.recipe.mirror_balance else None,
    )


def _calibrated(
    trained: Trained, validation: predictions.Validation, left_out: Sequence[LeftOutSource]
) -> Calibrated:
    return calibrate(
        validation,
        trained.films.names,
        description.positive_of(trained.films),
        trained.recipe.prevalence or None,
        {each.source: each.p for each in left_out},
    )


def _cost_of_limits(calibrated: Calibrated, films: FilmSet) -> str:
    """How many ill films lose their positive verdict to the limits of sources left out."""
    positive = description.positive_of(films)
    held, validation = calibrated.conformal, calibrated.validation
    without = conformal_scores(validation, films.names, positive)
    shares = [
        0.0
        if scores is None
        else positive_share(scores, validation, calibrated.points[0], positive)
        for scores in (held, without)
    ]
    return (
        f"--limits-from: {shares[0]:.0%} of the ill validation films are {positive} with the limits of the "
        f"sources left out, {shares[1]:.0%} without them"
    )


def fit_gate(
    trained: Trained, network: ExportedNetwork, progress: Progress
) -> fitting.Fitted | None:
    """Fits the gate; None for a network without feature maps that it could be fitted on."""
    if not network.has_gate_features:
        progress.note("warning: the network has no square feature maps: the bundle gets no gate")
        return None
    return fitting.fit(
        network.gate_features,
        trained.films,
        trained.recipe.size,
        fitting.Outsiders(trained.foreign, trained.others),
        progress.counter("fitting the gate"),
        network.lungs,
    )


def _ill_films(films: FilmSet, size: int) -> NDArray[np.uint8]:
    """Ill training films of the population, as the network sees them, uint8 (n, size, size, 1).

    Those of other patients if all ill films of the population are held out.
    """
    rows = films.rows("train")
    rows = rows[films.labels[rows] > 0]
    inside = rows[films.in_population[rows]]
    some = np.random.default_rng(0).permutation(inside if len(inside) else rows)[:BALANCE_FILMS]
    return _network_inputs(films, some, size)


def _parity_inputs(films: FilmSet, size: int) -> NDArray[np.uint8]:
    """Validation films as the network sees them, uint8 (n, size, size, 1)."""
    held_out = films.rows("validation")
    # Evenly over all classes: films are sorted by class.
    some = np.linspace(0, len(held_out) - 1, min(PARITY_FILMS, len(held_out))).astype(int)
    return _network_inputs(films, held_out[some], size)


def _network_inputs(films: FilmSet, rows: NDArray[np.intp], size: int) -> NDArray[np.uint8]:
    return np.stack([resample(films.pixels[i], size) for i in rows])[..., None]


def _validation_record(
    trained: Trained,
    measured: dict[str, Any],
    parity: dict[str, float],
    left_out: Sequence[LeftOutSource],
) -> dict[str, Any]:
    """What ``bundle.json`` says under ``validation``."""
    return {
        "start_weights": trained.start_weights,
        **measured,
        "parity": parity,
        "training_minutes": round(soft_labels.minutes(trained.run), 1),
        "parameters": checkpoint.parameters(trained.run),
        **({} if (labels := trained.soft_labels_from) is None else {"soft_labels_from": labels}),
        **_left_out_record(left_out),
    }


def _left_out_record(left_out: Sequence[LeftOutSource]) -> dict[str, Any]:
    if not left_out:
        return {}
    return {
        "left_out": {
            each.source: {"negative_films": len(each.p), "run_sha256": each.run_sha256}
            for each in left_out
        }
    }
