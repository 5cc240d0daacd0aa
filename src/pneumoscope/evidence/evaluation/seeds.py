"""How figures spread over the seeds of one recipe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.evaluation.section_results import SeedSpread, Spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.evidence.evaluation.results import BundleResult
    from pneumoscope.evidence.evaluation.target_results import TargetResult


def seed_spreads(bundles: Sequence[BundleResult]) -> tuple[SeedSpread, ...]:
    """The spread of every recipe that has several seeds among the bundles."""
    groups: dict[str, list[BundleResult]] = {}
    for bundle in bundles:
        recipe = bundle.meta.recipe
        if "seed" in recipe:
            rest = {key: value for key, value in recipe.items() if key != "seed"}
            groups.setdefault(json.dumps(rest, sort_keys=True, default=str), []).append(bundle)
    return tuple(
        _spread(group, target.name)
        for group in groups.values()
        if len({bundle.meta.recipe["seed"] for bundle in group}) > 1
        for target in group[0].targets
        if all(target.name in {t.name for t in bundle.targets} for bundle in group)
    )


def _spread(group: Sequence[BundleResult], target: str) -> SeedSpread:
    values = [_figures(next(t for t in b.targets if t.name == target)) for b in group]
    figures = {}
    for name in values[0]:
        each = [value[name] for value in values]
        known = [value for value in each if value is not None]
        if len(known) == len(each):
            figures[name] = Spread(
                mean=float(np.mean(known)),
                sd=float(np.std(known, ddof=1)),
                lowest=min(known),
                highest=max(known),
            )
    first = group[0].meta
    return SeedSpread(
        recipe=str(first.recipe.get("name") or first.name),
        target=target,
        seeds=tuple(int(bundle.meta.recipe["seed"]) for bundle in group),
        figures=figures,
    )


def _figures(target: TargetResult) -> dict[str, float | None]:
    point, ranking = target.default.figures, target.ranking
    figures = {
        "roc_auc": ranking.roc_auc,
        "average_precision": ranking.average_precision,
        "balanced_accuracy": point.balanced_accuracy,
        "sensitivity": point.sensitivity,
        "specificity": point.specificity,
    }
    values = {name: figure.value for name, figure in figures.items()}
    if target.calibration is not None:
        after = target.calibration.after
        values |= {"ece": after.error.ece.value, "brier": after.brier.score.value}
    return values
