"""Answers about the network and its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.checklists.facts import Answer, in_part, versions
from pneumoscope.evidence.report.words import sentence

if TYPE_CHECKING:
    from pneumoscope.evidence.report.checklists.facts import Facts, Question


def _scaling(f: Facts) -> Answer | None:
    text = f.recipe("scaling", "clip")
    return Answer(f"Inside the network: {text}.") if text else None


def _model(f: Facts) -> Answer | None:
    meta = f.bundle.meta
    network = f.recipe("network", "head", "tail", "dense")
    if not network:
        return None
    parameters = meta.validation.get("parameters")
    size = f", {parameters:,} parameters" if parameters else ""
    return Answer(
        f"{sentence(network + size)} Input {meta.size} x {meta.size} pixels, output {meta.task} over "
        f"{', '.join(meta.labels)}. The recipe in bundle.json contains the rest."
    )


def _software(f: Facts) -> Answer | None:
    return in_part(f"evaluation: {versions(f)}", "versions used in training")


def _start(f: Facts) -> Answer | None:
    weights = f.bundle.meta.validation.get("start_weights", {}).get("name")
    return Answer(f"Start weights: {weights}.") if weights else None


def _training(f: Facts) -> Answer | None:
    text = f.recipe(
        "network", "optimiser", "learning_rate", "batch_size", "epochs", "loss", "label_smoothing",
        "dropout", "weight_decay", "ema", "seed",
    )  # fmt: skip
    if not text:
        return None
    counts = f.counts("train")
    films = f" Training films: {counts}." if counts else ""
    return Answer(
        f"{sentence(text)}{films} Augmentation and all other settings: recipe in bundle.json."
    )


def _selection(f: Facts) -> Answer | None:
    text = f.recipe("monitor", "patience", "ema")
    return in_part(f"recipe: {text}", "other models that were tried") if text else None


def _ensemble(f: Facts) -> Answer | None:
    if "network" not in f.bundle.meta.recipe:
        return None
    return Answer("One network, no ensemble.")


def _predictors(_: Facts) -> Answer | None:
    return Answer("The film alone. No age, sex or clinical fact reaches the network.")


def _predictions(f: Facts) -> Answer | None:
    return Answer(
        f"By ONNX Runtime from model.onnx of the bundle {f.bundle.title}, SHA-256 {f.bundle.sha256[:12]}."
    )


def _specification(f: Facts) -> Answer | None:
    return Answer(
        f"Bundle {f.bundle.title}, SHA-256 {f.bundle.sha256}: model.onnx, thresholds and the resolved recipe. "
        f"{versions(f)}."
    )


def _imbalance(f: Facts) -> Answer | None:
    text = f.recipe("class_weight_power", "sampling", "loss")
    after = f" Calibrated afterwards: {f.bundle.meta.calibration.text}."
    return Answer(sentence(text) + after) if text else None


def _blind(_: Facts) -> Answer | None:
    return Answer("The network receives pixels only, neither labels nor clinical facts.")


ANSWERS: dict[str, Question] = {
    "scaling": _scaling,
    "model": _model,
    "software": _software,
    "start": _start,
    "training": _training,
    "selection": _selection,
    "ensemble": _ensemble,
    "predictors": _predictors,
    "predictions": _predictions,
    "specification": _specification,
    "imbalance": _imbalance,
    "blind": _blind,
}
