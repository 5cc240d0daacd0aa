"""Evaluations for tests of the report: computed from drawn probabilities, without any film."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from pneumoscope.bundle import BundleMeta
from pneumoscope.evidence.audit.shortcuts import FILE, PICTURE, Score, Shortcuts
from pneumoscope.evidence.evaluation import (
    questions,
)
from pneumoscope.evidence.evaluation import target_figures as figures
from pneumoscope.evidence.evaluation.anatomy import Anatomy, View
from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm, Films, TrainingOverlap
from pneumoscope.evidence.evaluation.heat_shares import HeatShare
from pneumoscope.evidence.evaluation.heatmap_deletion import Curve, Perturbation
from pneumoscope.evidence.evaluation.heatmap_sanity import (
    Agreement,
    Depth,
    Randomisation,
    Similarity,
)
from pneumoscope.evidence.evaluation.pairs import pair_results
from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
from pneumoscope.evidence.evaluation.section_results import (
    Condition,
    Gallery,
    GalleryFilm,
    Neighbour,
    Robustness,
    Sanity,
)
from pneumoscope.evidence.evaluation.settings import SECTIONS, Settings
from pneumoscope.evidence.evaluation.truth import Truth
from pneumoscope.evidence.statistics.comparison import Difference
from pneumoscope.evidence.statistics.intervals import Figure
from pneumoscope.metrics import Interval
from tiny import findings_meta, tiny_meta

N = 60
SETTINGS = Settings(SECTIONS, "auto", (0.1,), ("sex",), 60, 0, 1)


def films() -> Films:
    kinds = ("normal", "bacterial", "viral")
    rows = tuple(
        EvaluatedFilm(
            f"film{i}.png", kinds[i % 3], f"p{i // 2}", True, "test", f"{i:064x}", f"{i:064x}",
            {"sex": "FM"[i % 2]},
        )
        for i in range(N)
    )  # fmt: skip
    return Films(
        "drawn", "drawn films & others", "folders", "test", "all that were drawn", rows,
        np.zeros((N, 224, 224), np.uint8), N // 2, N, (), ("a doubt",), ("nobody's lungs",), "f" * 64,
    )  # fmt: skip


def evaluation(*, several: bool = False, full: bool = True, bundles: int = 1) -> Evaluation:
    """One evaluation.

    Args:
        several: A bundle for findings instead of classes.
        full: With robustness, anatomy, sanity, gallery and shortcuts.
        bundles: How many; they are compared.
    """
    found = tuple(bundle(f"tiny {k + 1}", k, several, full) for k in range(bundles))
    own = films()
    settings = SETTINGS if full else replace(SETTINGS, sections=())
    pairs = pair_results(found, [f.patient for f in own.films], settings)
    similar = Similarity(Figure(0.9, 0.8, 0.95), Figure(0.8, 0.7, 0.9))
    return Evaluation(
        own, found, pairs, shortcuts(full), Agreement(9, {"1 and 2": similar}, similar, similar)
        if bundles > 1 else None,
        {}, settings, {"bootstrap": 1.5}, "0.1", {"numpy": "2"}, "2026-01-02T03:04:05+00:00",
    )  # fmt: skip


def bundle(title: str, seed: int, several: bool, full: bool) -> BundleResult:
    rng = np.random.default_rng(seed)
    meta: BundleMeta = findings_meta() if several else tiny_meta()
    settings = SETTINGS if full else replace(SETTINGS, sections=())
    classes = np.arange(N) % 3
    z = rng.normal(size=(N, 3)) + 1.5 * (classes[:, None] == np.arange(3))
    p = 1 / (1 + np.exp(-z)) if several else np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    if several:
        truth = Truth((classes[:, None] == np.arange(3)).astype(float), None, {})
    else:
        truth = Truth((classes > 0).astype(float)[:, None], classes, {})
    own = films()
    patients = [film.patient for film in own.films]
    asked = questions.questions(p, truth, meta, patients, settings)
    return BundleResult(
        title, "tiny", f"{seed:x}" * 64, meta,
        TrainingOverlap(True, 0, 0, "no film is a training film"), p,
        tuple(figures.target_result(q, own.films, p, meta, settings) for q in asked),
        figures.class_result(p, truth, meta, patients, settings),
        figures.findings_result(p, truth, meta, patients, settings),
        robustness(several) if full else None, gallery() if full else None,
        anatomy() if full else None, "PNEUMONIA" if full else "", sanity() if full else None,
        {} if full else dict.fromkeys(SECTIONS, "left out on request"), 1.25, ("a warning",),
    )  # fmt: skip


def robustness(several: bool) -> Robustness:
    names = ("roc_auc", "balanced_accuracy") if several else (
        "roc_auc", "balanced_accuracy", "sensitivity", "specificity")  # fmt: skip
    plain = {name: Figure(0.9, 0.8, 0.95) for name in names}
    conditions = []
    for kind in ("jpeg", "crop"):
        for level in range(1, 6):
            value = 0.9 - 0.05 * level - (kind == "crop") * 0.01
            own = {name: Figure(value, value - 0.1, value + 0.05) for name in names}
            gap = Figure(value - 0.9, value - 1.0, value - 0.8)
            change = {name: Difference(value, 0.9, gap, 0.2, 0.3, "Lower.") for name in names}
            conditions.append(Condition(kind, level, f"{kind} by {level}", own, change))
    return Robustness(
        "balanced", plain, tuple(conditions),
        dict.fromkeys(names, ("crop", 5)), dict.fromkeys(names, ("crop", 3)),
    )  # fmt: skip


def gallery() -> Gallery:
    grey = np.full((224, 224), 99, np.uint8)
    heat = np.arange(16, dtype=np.float32).reshape(4, 4)
    near = (Neighbour("t1.png", "normal", False, 0.9, grey),)
    kinds = ("false positive", "false negative", "uncertain")
    shown = tuple(
        GalleryFilm(i, f"film{i}.png", "PNEUMONIA", kind, "normal", "PNEUMONIA", 0.987, 0.5, heat,
                       "bacterial", grey, near[: i % 2])
        for i, kind in enumerate(kinds)
    )  # fmt: skip
    return Gallery(shown, {"false positive": 3, "false negative": 1}, 100, "the surest mistakes")


def anatomy() -> Anatomy:
    view = View("without lungs (mean)", Figure(0.7, 0.6, 0.8), Figure(0.2, 0.1, 0.3),
                Figure(0.5, 0.3, 0.7), (0.2, 0.6))  # fmt: skip
    whole = View("as they are", Figure(0.9, 0.8, 0.95), None, None, (0.1, 0.8))
    heat = HeatShare(
        40, 0, Figure(0.6, 0.5, 0.7), 0.3, Figure(0.8, 0.7, 0.9), 0.5, Figure(0.01), 0.1
    )
    return Anatomy(
        N,
        N // 2,
        3,
        (whole, view),
        Figure(0.55, 0.45, 0.65),
        Figure(0.5),
        0.9,
        0.4,
        {"bacterial": heat},
    )


def sanity() -> Sanity:
    alike = Similarity(Figure(0.2, 0.1, 0.3), Figure(None, note="blank"))
    random = Randomisation(
        9, 3, (Depth(1, "dense", alike, 0.0), Depth(9, "conv", alike, 0.5)), alike, True
    )
    heat = Curve("heatmap", (0.9, 0.5, 0.1), Figure(0.4, 0.3, 0.5), None)
    chance = Curve("random", (0.9, 0.7, 0.1), Figure(0.6, 0.5, 0.7), Figure(0.2, 0.1, 0.3))
    return Sanity(random, Perturbation(9, 1, (0.0, 0.5, 1.0), (heat, chance), (heat, chance)))


def shortcuts(full: bool) -> tuple[Shortcuts, ...]:
    if not full:
        return ()
    scores = (
        Score(FILE, "bytes", Interval(0.8123, 0.7, 0.9), "median 3 against 4"),
        Score(PICTURE, "sharpness", Interval(0.6, 0.5, 0.7), "about the same"),
        Score(FILE, "mode", Interval(0.5, 0.5, 0.5), "L", constant=True),
    )
    return (Shortcuts("pneumonia against normal", "pneumonia", "normal", N, N // 2, 2 / 3, scores),)


def without_figures(value: Any) -> Any:
    """The same record with every figure missing."""
    if isinstance(value, Figure):
        return Figure(None, note="too few films")
    if isinstance(value, Difference):
        return Difference(None, None, Figure(None, note="too few films"), None, None, "Nothing.")
    if is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: without_figures(getattr(value, f.name)) for f in fields(value)}
        return type(value)(**changed)
    if isinstance(value, tuple):
        return tuple(without_figures(item) for item in value)
    if isinstance(value, dict):
        return {key: without_figures(item) for key, item in value.items()}
    return value
