"""The conclusions from shortcuts and anatomy, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.sections.shortcuts import SOURCES, auc_of, model_auc
from pneumoscope.evidence.report.words import Footnotes, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.audit.shortcuts import Shortcuts
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation

_MOST = 0.9
"""AUC without anatomy from which on the summary mentions a strong shortcut."""


def verdicts(evaluation: Evaluation) -> Iterator[str]:
    """One sentence for each contrast and each bundle."""
    if not evaluation.shortcuts:
        yield "Shortcuts: not measured."
    for contrast in evaluation.shortcuts:
        yield _verdict(evaluation, contrast)
    for bundle in evaluation.bundles:
        yield _anatomy(bundle)


def _verdict(evaluation: Evaluation, contrast: Shortcuts) -> str:
    name = contrast.contrast
    if contrast.silence:
        return f"Shortcuts, {name}: not measured, {contrast.silence}."
    best = [score for source in SOURCES if (score := contrast.best(source)) is not None]
    if not best:
        return f"Shortcuts, {name}: all films have the same file properties and statistics."
    top = max(best, key=lambda score: score.auc.low)
    if not top.notable:
        return (
            f"Shortcuts, {name}: nothing that was tried without anatomy predicts the labels (best AUC "
            f"{Footnotes().cell(auc_of(top))}, {top.source})."
        )
    text = (
        f"Shortcuts, {name}: {top.feature} ({top.source}), without any model of lungs, reach AUC "
        f"{Footnotes().cell(auc_of(top))}"
    )
    model = model_auc(evaluation, contrast)
    if model is not None and model[1].low is not None and top.auc.high >= model[1].low:
        return f"{text}: not clearly lower than the model, whose result on these films therefore proves nothing about lungs."
    if top.auc.value >= _MOST:
        return f"{text}: a strong shortcut. Part of any result on these films may depend on it."
    return f"{text}: part of any result on these films may depend on it."


def _anatomy(bundle: BundleResult) -> str:
    if bundle.anatomy is None:
        return f"{bundle.title} without lungs: not measured."
    measured = [
        (view.needs_anatomy.value, view)
        for view in bundle.anatomy.views
        if view.needs_anatomy is not None and view.needs_anatomy.value is not None
    ]
    if not measured:
        return f"{bundle.title} without lungs: not measured, its AUC is not above chance on these films."
    # The smallest share is the most cautious: other ways to hide the lungs leave less.
    least, view = min(measured, key=lambda pair: pair[0])
    return (
        f"{bundle.title} without lungs ({view.name}): AUC {Footnotes().cell(view.roc_auc)}; of "
        f"the part of its AUC above chance, {share(least)} needs the lung field, by the least "
        f"favourable of {len(measured)} ways to paint it over."
    )
