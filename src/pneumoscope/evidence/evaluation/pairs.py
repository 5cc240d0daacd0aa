"""Every two bundles on the questions that both answer."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.evaluation.results import Pair
from pneumoscope.evidence.statistics.comparison import compare
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.paired_tests import delong, mcnemar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.evidence.evaluation.results import BundleResult
    from pneumoscope.evidence.evaluation.settings import Settings
    from pneumoscope.evidence.evaluation.target_results import TargetResult


def pair_results(
    bundles: Sequence[BundleResult], patients: Sequence[str], settings: Settings
) -> tuple[Pair, ...]:
    """Every two bundles on every question that both answer.

    Args:
        bundles: Measured on the same films.
        patients: Patients of the films.
        settings: Draws and seed.
    """
    pairs = [
        _pair((first.title, second.title), (target, other), patients, settings)
        for first, second in combinations(bundles, 2)
        for target in first.targets
        for other in second.targets
        if target.name.lower() == other.name.lower()
    ]
    return tuple(pair for pair in pairs if pair is not None)


def _pair(
    titles: tuple[str, str],
    targets: tuple[TargetResult, TargetResult],
    patients: Sequence[str],
    settings: Settings,
) -> Pair | None:
    """Two bundles on one question; None if they have no films with the same answer in common."""
    first, second = targets
    rows, at_first, at_second = np.intersect1d(first.rows, second.rows, return_indices=True)
    same = first.positive[at_first] == second.positive[at_second]
    rows, at_first, at_second = rows[same], at_first[same], at_second[same]
    if not len(rows):
        return None
    boot = Bootstrap.of([patients[int(i)] for i in rows], settings.draws, settings.seed)
    positive = first.positive[at_first]
    scores = first.p[at_first], second.p[at_second]
    thresholds = first.default.figures.threshold, second.default.figures.threshold
    calls = scores[0] >= thresholds[0], scores[1] >= thresholds[1]
    groups = {
        "accuracy": np.ones(len(rows), bool),
        "sensitivity": positive,
        "specificity": ~positive,
    }
    return Pair(
        first=titles[0],
        second=titles[1],
        target=first.name,
        films=len(rows),
        patients=boot.patients,
        points=(first.default.name, second.default.name),
        differences=compare(positive, scores, thresholds, boot),
        delong=delong(positive, *scores),
        mcnemar={
            name: mcnemar(positive[films], calls[0][films], calls[1][films])
            for name, films in groups.items()
            if films.any()
        },
    )
