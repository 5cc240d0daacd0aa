"""What shortcuts and anatomy show, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.sections.shortcuts import SOURCES, auc_of, model_auc
from pneumoscope.evidence.report.words import Footnotes, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.audit.shortcuts import Shortcuts
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation

_MOST = 0.9
"""AUC without anatomy from which on the summary speaks of a strong shortcut."""


def verdicts(evaluation: Evaluation) -> Iterator[str]:
    """What the shortcut report says, in words."""
    if not evaluation.shortcuts:
        yield "Shortcuts: not measured."
    for contrast in evaluation.shortcuts:
        yield _verdict(evaluation, contrast)
    for bundle in evaluation.bundles:
        yield _anatomy(bundle)


def _verdict(evaluation: Evaluation, contrast: Shortcuts) -> str:
    name = contrast.contrast
    if contrast.silence:
        return f"Shortcuts, {name}: can't say, {contrast.silence}."
    best = [score for source in SOURCES if (score := contrast.best(source)) is not None]
    if not best:
        return f"Shortcuts, {name}: all films have the same file facts and statistics."
    top = max(best, key=lambda score: score.auc.low)
    if not top.notable:
        return (
            f"Shortcuts, {name}: nothing that was tried without anatomy tells the labels apart (best AUC "
            f"{Footnotes().cell(auc_of(top))}, {top.source})."
        )
    text = (
        f"Shortcuts, {name}: {top.feature} ({top.source}), without any model of lungs, reach AUC "
        f"{Footnotes().cell(auc_of(top))}"
    )
    model = model_auc(evaluation, contrast)
    if model is not None and model[1].low is not None and top.auc.high >= model[1].low:
        return f"{text}: not clearly less than the model, whose result on these films then proves nothing about lungs."
    if top.auc.value >= _MOST:
        return f"{text}: a strong shortcut, which part of any result on these films may rest on."
    return f"{text}: part of any result on these films may rest on it."


def _anatomy(bundle: BundleResult) -> str:
    if bundle.anatomy is None:
        return f"{bundle.title} without lungs: not measured."
    told = [
        (view.needs_anatomy.value, view)
        for view in bundle.anatomy.views
        if view.needs_anatomy is not None and view.needs_anatomy.value is not None
    ]
    if not told:
        return f"{bundle.title} without lungs: can't say, its AUC has nothing above chance here."
    # The smallest share is the fairest: another way of painting may leave less.
    least, view = min(told, key=lambda pair: pair[0])
    return (
        f"{bundle.title} without lungs ({view.name}): AUC {Footnotes().cell(view.roc_auc)}; of "
        f"what its AUC has above chance, {share(least)} needs the lung field, by the least "
        f"favourable of {len(told)} ways to paint it over."
    )
