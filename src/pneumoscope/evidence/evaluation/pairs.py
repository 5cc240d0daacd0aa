"""Every two bundles on the questions that both answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.evaluation.results import Pair
from pneumoscope.evidence.evaluation.settings import (
    Settings,
)
from pneumoscope.evidence.statistics.comparison import compare
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.paired_tests import delong, mcnemar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.evidence.evaluation.results import BundleResult


def pair_results(
    bundles: Sequence[BundleResult], patients: Sequence[str], settings: Settings
) -> tuple[Pair, ...]:
    """Every two bundles on every question that both answer."""
    return tuple(
        pair
        for i, first in enumerate(bundles)
        for second in bundles[i + 1 :]
        for pair in _pairs(first, second, patients, settings)
    )


def _pairs(
    first: BundleResult, second: BundleResult, patients: Sequence[str], settings: Settings
) -> list[Pair]:
    found = []
    for one in first.targets:
        for two in second.targets:
            if one.name.lower() != two.name.lower():
                continue
            rows, at, at_two = np.intersect1d(one.rows, two.rows, return_indices=True)
            same = one.positive[at] == two.positive[at_two]
            rows, at, at_two = rows[same], at[same], at_two[same]
            if not len(rows):
                continue
            boot = Bootstrap.of([patients[int(i)] for i in rows], settings.draws, settings.seed)
            positive = one.positive[at]
            scores = one.p[at], two.p[at_two]
            cuts = one.default.figures.threshold, two.default.figures.threshold
            calls = scores[0] >= cuts[0], scores[1] >= cuts[1]
            groups = {
                "accuracy": np.ones(len(rows), bool),
                "sensitivity": positive,
                "specificity": ~positive,
            }
            found.append(
                Pair(
                    first.title,
                    second.title,
                    one.name,
                    len(rows),
                    boot.patients,
                    (one.default.name, two.default.name),
                    compare(positive, scores, cuts, boot),
                    delong(positive, *scores),
                    {
                        name: mcnemar(positive[own], calls[0][own], calls[1][own])
                        for name, own in groups.items()
                        if own.any()
                    },
                )
            )
    return found
