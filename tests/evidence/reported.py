"""Evaluations for tests of the report: computed from drawn probabilities, without any film."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from evaluated import evaluated_film, settings
from pneumoscope.bundle import BundleMeta
from pneumoscope.decision.decide import FilmScores, decide
from pneumoscope.decision.rules import Rules
from pneumoscope.evidence.audit.shortcuts import FILE, PICTURE, Score, Shortcuts
from pneumoscope.evidence.evaluation import target_figures as figures
from pneumoscope.evidence.evaluation.anatomy import Anatomy, View
from pneumoscope.evidence.evaluation.evaluated_films import Films, TrainingOverlap
from pneumoscope.evidence.evaluation.heat_shares import HeatShare
from pneumoscope.evidence.evaluation.heatmap_deletion import Curve, Perturbation
from pneumoscope.evidence.evaluation.heatmap_sanity import (
    Agreement,
    Depth,
    Randomisation,
    Similarity,
)
from pneumoscope.evidence.evaluation.localisation_results import (
    Localisation,
    MaskedView,
    RegionHeat,
)
from pneumoscope.evidence.evaluation.lung_check import LungCheck
from pneumoscope.evidence.evaluation.outcomes import Outcomes
from pneumoscope.evidence.evaluation.pairs import pair_results
from pneumoscope.evidence.evaluation.questions import questions
from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
from pneumoscope.evidence.evaluation.section_results import (
    Condition,
    Gallery,
    GalleryFilm,
    Neighbour,
    Robustness,
    Sanity,
)
from pneumoscope.evidence.evaluation.settings import SECTIONS
from pneumoscope.evidence.evaluation.truth import Truth
from pneumoscope.evidence.evaluation.verdict_figures import verdict_result
from pneumoscope.evidence.statistics.comparison import Difference
from pneumoscope.evidence.statistics.intervals import Figure
from pneumoscope.metrics import Interval
from pneumoscope.records import FilmFacts
from pneumoscope.records import Settings as ReaderSettings
from tiny import findings_meta, scored_meta

N = 60
SETTINGS = settings(sections=SECTIONS, split="auto", prevalences=(0.1,), by=("sex",), draws=60)


def films() -> Films:
    kinds = ("normal", "bacterial", "viral")
    rows = tuple(
        evaluated_film(
            path=f"film{i}.png",
            label=kinds[i % 3],
            patient=f"p{i // 2}",
            split="test",
            file_sha256=f"{i:064x}",
            pixels_sha256=f"{i:064x}",
            columns={"sex": "FM"[i % 2]},
        )
        for i in range(N)
    )
    return Films(
        name="drawn",
        source="drawn films & others",
        layout="folders",
        split="test",
        chosen="all that were drawn",
        films=rows,
        pixels=np.zeros((N, 224, 224), np.uint8),
        patients=N // 2,
        keyed=N,
        broken=(),
        warnings=("a doubt",),
        limits=("nobody's lungs",),
        sha256="f" * 64,
    )


def evaluation(*, several: bool = False, full: bool = True, bundles: int = 1) -> Evaluation:
    """One evaluation.

    Args:
        several: A bundle for findings instead of classes.
        full: With robustness, anatomy, sanity, gallery and shortcuts.
        bundles: How many; they are compared.
    """
    results = tuple(bundle(f"tiny {k + 1}", k, several, full) for k in range(bundles))
    evaluated = films()
    settings = SETTINGS if full else replace(SETTINGS, sections=())
    similar = Similarity(Figure(0.9, 0.8, 0.95), Figure(0.8, 0.7, 0.9))
    return Evaluation(
        films=evaluated,
        bundles=results,
        pairs=pair_results(results, [f.patient for f in evaluated.films], settings),
        shortcuts=shortcuts(full),
        agreement=Agreement(9, {"1 and 2": similar}, similar, similar) if bundles > 1 else None,
        silences={},
        settings=settings,
        seconds={"bootstrap": 1.5},
        version="0.1",
        packages={"numpy": "2"},
        created="2026-01-02T03:04:05+00:00",
    )


def outcomes_of(p: np.ndarray, meta: BundleMeta, refused: int = 0) -> Outcomes:
    """What the product decides; the first ``refused`` films are too small to be judged."""
    rules = Rules.of(meta.rules, ReaderSettings())
    decisions = []
    for i, row in enumerate(p.tolist()):
        side = 40 if i < refused else 300
        facts = FilmFacts("PNG", side, side)
        scores = FilmScores(dict(zip(meta.labels, row, strict=True)), {}, facts)
        decisions.append(decide(scores, rules))
    return Outcomes.of(decisions, rules)


def bundle(title: str, seed: int, several: bool, full: bool) -> BundleResult:
    rng = np.random.default_rng(seed)
    meta: BundleMeta = findings_meta() if several else scored_meta()
    settings = SETTINGS if full else replace(SETTINGS, sections=())
    classes = np.arange(N) % 3
    z = rng.normal(size=(N, 3)) + 1.5 * (classes[:, None] == np.arange(3))
    p = 1 / (1 + np.exp(-z)) if several else np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    if several:
        truth = Truth((classes[:, None] == np.arange(3)).astype(float), None, {})
    else:
        truth = Truth((classes > 0).astype(float)[:, None], classes, {})
    evaluated = films().films
    patients = [film.patient for film in evaluated]
    outcomes = outcomes_of(p, meta, refused=3)
    return BundleResult(
        title=title,
        folder="tiny",
        sha256=f"{seed:x}" * 64,
        meta=meta,
        overlap=TrainingOverlap(True, 0, 0, "no film is a training film"),
        probabilities=p,
        outcomes=outcomes,
        verdicts=verdict_result(outcomes, truth, evaluated, settings),
        targets=tuple(
            figures.target_result(q, evaluated, p, outcomes, meta, settings)
            for q in questions(p, truth, meta, patients, settings)
        ),
        classes=figures.class_result(p, truth, meta, patients, settings),
        findings=figures.findings_result(p, truth, meta, patients, settings),
        robustness=robustness(several) if full else None,
        gallery=gallery() if full else None,
        anatomy=anatomy() if full else None,
        anatomy_of="PNEUMONIA" if full else "",
        localisation=localisation() if full else None,
        sanity=sanity() if full else None,
        silences={} if full else dict.fromkeys(SECTIONS, "left out on request"),
        seconds_per_thousand=1.25,
        warnings=("a warning",),
    )


def robustness(several: bool) -> Robustness:
    names = ("roc_auc", "balanced_accuracy") if several else (
        "roc_auc", "balanced_accuracy", "sensitivity", "specificity")  # fmt: skip
    plain = {name: Figure(0.9, 0.8, 0.95) for name in names}
    conditions = []
    for kind in ("jpeg", "crop"):
        for level in range(1, 6):
            value = 0.9 - 0.05 * level - (kind == "crop") * 0.01
            worse = {name: Figure(value, value - 0.1, value + 0.05) for name in names}
            change = Difference(
                first=value,
                second=0.9,
                difference=Figure(value - 0.9, value - 1.0, value - 0.8),
                p_value=0.2,
                detectable=0.3,
                verdict="Lower.",
            )
            changes = dict.fromkeys(names, change)
            conditions.append(Condition(kind, level, f"{kind} by {level}", worse, changes))
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
        films=N,
        patients=N // 2,
        finder="classical",
        doubted=3,
        views=(whole, view),
        outline_auc=Figure(0.55, 0.45, 0.65),
        box_auc=Figure(0.5),
        hidden_by_places=0.9,
        area_of_places=0.4,
        heat={"bacterial": heat},
        check=None,
    )


def anatomy_by_network() -> Anatomy:
    """The same with the lungs of the bundle's network, and the classical field as a check."""
    made = anatomy()
    heat = replace(made.heat["bacterial"], in_lungs=Figure(0.55, 0.45, 0.65), area_of_lungs=0.28)
    check = LungCheck(
        dice=Figure(0.92, 0.91, 0.93),
        dice_without_doubts=Figure(0.94, 0.93, 0.95),
        roc_auc={"without lungs (mean)": Figure(0.72, 0.62, 0.82)},
        heat={"bacterial": heat},
    )
    return replace(made, finder="network", check=check)


def localisation() -> Localisation:
    lungs = RegionHeat(
        region="lungs",
        heat_of="PNEUMONIA",
        films=40,
        patients=20,
        blank=1,
        share=Figure(0.61, 0.51, 0.71),
        area=0.3,
        peak=Figure(0.9, 0.8, 0.95),
    )
    whole = MaskedView("as they are", Figure(0.92, 0.83, 0.96), None)
    blanked = MaskedView(
        "lungs blanked, one fixed mask", Figure(0.72, 0.63, 0.81), Figure(0.2, 0.1, 0.3)
    )
    return Localisation(
        masked=50,
        boxed=0,
        one_sided=0,
        regions=(lungs,),
        views=(whole, blanked),
        view_of="PNEUMONIA",
        view_films=50,
        view_patients=25,
        hidden=0.97,
        area_own=0.41,
        area_fixed=0.43,
        note="",
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
