"""Perturbed films at the fixed operating point: how far a bundle's figures fall, and by what most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.stress import severities
from pneumoscope.evidence.evaluation.questions import default_point, scores_of
from pneumoscope.evidence.evaluation.section_results import Condition, Robustness
from pneumoscope.evidence.statistics.calls import threshold_samples
from pneumoscope.evidence.statistics.comparison import difference
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.evidence.statistics.ranking import ONE_CLASS, ranking_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.data.stress import Perturbation
    from pneumoscope.evidence.evaluation.questions import Question
    from pneumoscope.evidence.evaluation.settings import Settings
    from pneumoscope.evidence.statistics.intervals import Array

    Perturbed = Callable[[str, Perturbation | None], Array]

REALISTIC = 3
"""Severities up to this one are what archives hold; beyond it readers send films back."""
SIDES = ("perturbed films'", "untouched films'")
_CLASSES = ("roc_auc", "balanced_accuracy", "sensitivity", "specificity")
_FINDINGS = ("roc_auc", "balanced_accuracy")


def robustness(
    asked: Sequence[Question],
    meta: BundleMeta,
    patients: Sequence[str],
    perturbed: Perturbed,
    settings: Settings,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Robustness | None:
    """Figures under every perturbation and severity.

    Args:
        asked: The bundle's questions. Of several findings, those count that films have and lack.
        meta: Of the bundle.
        patients: Of all films.
        perturbed: Name and perturbation (None: the films as they are) to probabilities (films,
            labels), all from the same pixels.
        settings: Draws and seed.
        progress: Called with (conditions done, conditions in all).

    Returns:
        None if no finding can be measured.
    """
    several = meta.negative is None
    counted = [q for q in asked if not several or (q.positive.any() and not q.positive.all())]
    if not counted:
        return None
    boot = Bootstrap.of(patients, settings.draws, settings.seed)
    names = _FINDINGS if several else _CLASSES

    def samples(p: Array) -> dict[str, Array]:
        return _samples(counted, scores_of(p, meta), meta, boot, names)

    base = samples(perturbed("", None))
    conditions = []
    table = severities()
    for done, one in enumerate(table, 1):
        found = samples(perturbed(f"{one.kind} {one.words}", one.perturb))
        figures = _figures(found, boot, counted)
        change = {
            name: difference(found[name], base[name], boot, ONE_CLASS, SIDES) for name in figures
        }
        conditions.append(Condition(one.kind, one.level, one.words, figures, change))
        progress(done, len(table))
    return Robustness(
        meta.default_operating_point,
        _figures(base, boot, counted),
        tuple(conditions),
        _worst(conditions, names),
        _worst([c for c in conditions if c.severity <= REALISTIC], names),
    )


def worst_of(found: Robustness, figure: str, *, realistic: bool = False) -> Condition | None:
    """The condition with the lowest value of a figure; None if it does not exist."""
    place = (found.worst_realistic if realistic else found.worst).get(figure)
    return next((c for c in found.conditions if (c.kind, c.severity) == place), None)


def _samples(
    asked: Sequence[Question],
    scores: Array,
    meta: BundleMeta,
    boot: Bootstrap,
    names: Sequence[str],
) -> dict[str, Array]:
    """Figures on all films and all draws; means over questions."""
    each: list[dict[str, Array]] = []
    for q in asked:
        own = Bootstrap(boot.group[q.rows], boot.counts)
        p = scores[q.rows, q.column]
        called = p >= default_point(q, meta).threshold
        each.append(
            ranking_samples(q.positive, p, own) | threshold_samples(q.positive, called, own)
        )
    return {name: np.mean([one[name] for one in each], axis=0) for name in names}


def _figures(
    samples: Mapping[str, Array], boot: Bootstrap, asked: Sequence[Question]
) -> dict[str, Figure]:
    # Exact bounds at 0 and 1 are for one question; a mean over several has none.
    trials = {}
    if len(asked) == 1:
        q = asked[0]
        ill, healthy = q.boot.patients_with(q.positive), q.boot.patients_with(~q.positive)
        trials = {"sensitivity": ill, "specificity": healthy}
        trials |= dict.fromkeys(("roc_auc", "balanced_accuracy"), min(ill, healthy))
    return {
        name: figure_of(sample, boot, "unit", ONE_CLASS, trials.get(name, 0))
        for name, sample in samples.items()
    }


def _worst(conditions: Sequence[Condition], names: Sequence[str]) -> dict[str, tuple[str, int]]:
    found = {}
    for name in names:
        told = [(v, c) for c in conditions if (v := c.figures[name].value) is not None]
        if told:
            least = min(told, key=lambda pair: pair[0])[1]
            found[name] = (least.kind, least.severity)
    return found
