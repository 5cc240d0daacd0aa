"""Perturbed films at the fixed operating point: how much figures change, and what changes them most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.stress import severities
from pneumoscope.evidence.evaluation.questions import default_point, scores_of
from pneumoscope.evidence.evaluation.section_results import Condition, Robustness
from pneumoscope.evidence.statistics.calls import patients_behind, threshold_samples
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
"""Severities up to this one occur in archives; beyond it readers send films back."""
SIDES = ("perturbed films'", "untouched films'")
_CLASSES = ("roc_auc", "balanced_accuracy", "sensitivity", "specificity")
_FINDINGS = ("roc_auc", "balanced_accuracy")


def robustness(
    questions: Sequence[Question],
    meta: BundleMeta,
    patients: Sequence[str],
    perturbed: Perturbed,
    settings: Settings,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Robustness | None:
    """Figures for every perturbation and severity.

    Args:
        questions: Questions of the bundle; findings without films on either side do not count.
        meta: Metadata of the bundle.
        patients: Patients of all films.
        perturbed: Name and perturbation (None: unchanged films) to probabilities (films, labels),
            all from the same pixels.
        settings: Draws and seed.
        progress: Called with (conditions done, conditions in all).

    Returns:
        None if no finding can be measured.
    """
    several = meta.negative is None
    measured = [q for q in questions if not several or (q.positive.any() and not q.positive.all())]
    if not measured:
        return None
    boot = Bootstrap.of(patients, settings.draws, settings.seed)
    names = _FINDINGS if several else _CLASSES

    def samples(p: Array) -> dict[str, Array]:
        return _samples(measured, scores_of(p, meta), meta, boot, names)

    plain = samples(perturbed("", None))
    conditions = []
    table = severities()
    for done, severity in enumerate(table, 1):
        worse = samples(perturbed(f"{severity.kind} {severity.words}", severity.perturb))
        figures = _figures(worse, boot, measured)
        change = {
            name: difference(
                worse[name],
                plain[name],
                boot,
                ONE_CLASS,
                SIDES,
                largest=1.0,
                patients=_patients(name, measured),
            )
            for name in figures
        }
        conditions.append(Condition(severity.kind, severity.level, severity.words, figures, change))
        progress(done, len(table))
    return Robustness(
        point=meta.default_operating_point,
        plain=_figures(plain, boot, measured),
        conditions=tuple(conditions),
        worst=_worst(conditions, names),
        worst_realistic=_worst([c for c in conditions if c.severity <= REALISTIC], names),
    )


def worst_of(result: Robustness, figure: str, *, realistic: bool = False) -> Condition | None:
    """The condition with the lowest value of a figure; None if there is none."""
    place = (result.worst_realistic if realistic else result.worst).get(figure)
    return next((c for c in result.conditions if (c.kind, c.severity) == place), None)


def _samples(
    questions: Sequence[Question],
    scores: Array,
    meta: BundleMeta,
    boot: Bootstrap,
    names: Sequence[str],
) -> dict[str, Array]:
    """Figures on all films and all draws; means over questions."""
    each: list[dict[str, Array]] = []
    for q in questions:
        part = Bootstrap(boot.group[q.rows], boot.counts)
        p = scores[q.rows, q.column]
        called = p >= default_point(q, meta).threshold
        each.append(
            ranking_samples(q.positive, p, part) | threshold_samples(q.positive, called, part)
        )
    return {name: np.mean([sample[name] for sample in each], axis=0) for name in names}


def _figures(
    samples: Mapping[str, Array], boot: Bootstrap, questions: Sequence[Question]
) -> dict[str, Figure]:
    return {
        name: figure_of(
            sample,
            boot,
            "unit",
            ONE_CLASS,
            # Exact bounds at 0 and 1 exist for one question, not for a mean over several.
            trials=_patients(name, questions) if len(questions) == 1 else 0,
            patients=_patients(name, questions),
            bias="log odds" if name == "roc_auc" else "none",
        )
        for name, sample in samples.items()
    }


def _patients(figure: str, questions: Sequence[Question]) -> int:
    return min(patients_behind(figure, q.positive, q.boot) for q in questions)


def _worst(conditions: Sequence[Condition], names: Sequence[str]) -> dict[str, tuple[str, int]]:
    worst = {}
    for name in names:
        values = [(v, c) for c in conditions if (v := c.figures[name].value) is not None]
        if values:
            condition = min(values, key=lambda pair: pair[0])[1]
            worst[name] = (condition.kind, condition.severity)
    return worst
