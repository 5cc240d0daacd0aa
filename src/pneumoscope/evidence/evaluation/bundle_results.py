"""Measures one bundle on the films of an evaluation."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation import questions
from pneumoscope.evidence.evaluation import target_figures as figures
from pneumoscope.evidence.evaluation.context import Context, Predicted
from pneumoscope.evidence.evaluation.evaluated_films import Films
from pneumoscope.evidence.evaluation.results import BundleResult
from pneumoscope.evidence.evaluation.sections import slow_sections
from pneumoscope.evidence.evaluation.settings import CONFORMAL, PAIRS, SECTIONS, SHORTCUTS, Settings
from pneumoscope.evidence.evaluation.target_results import TargetResult

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


def bundle_result(one: Predicted, films: Films, context: Context) -> BundleResult:
    bundle, meta = one.classifier.bundle, one.classifier.bundle.meta
    settings = context.settings
    asked = questions.questions(one.p, one.truth, meta, one.patients, settings)
    targets = []
    measured = context.counting(f"measuring {one.title}")
    with context.clock("bootstrap"):
        for done, question in enumerate(asked, 1):
            targets.append(figures.target_result(question, films.films, one.p, meta, settings))
            measured(done, len(asked))
        classes = figures.class_result(one.p, one.truth, meta, one.patients, settings)
        findings = figures.findings_result(one.p, one.truth, meta, one.patients, settings)
    extra = slow_sections(one, asked, films, context)
    silences = dict(extra.silences)
    if classes is None or classes.conformal is None:
        silences[CONFORMAL] = _no_classes(one)
    left_out(silences, set(SECTIONS) - {PAIRS, SHORTCUTS}, settings)
    return BundleResult(
        one.title,
        bundle.path.name,
        bundle.sha256,
        meta,
        extra.overlap,
        one.p,
        tuple(targets),
        classes,
        findings,
        extra.robustness,
        extra.gallery,
        extra.anatomy,
        extra.anatomy_of,
        extra.sanity,
        silences,
        round(one.seconds[0], 3),
        tuple(_doubts(one, targets)),
        round(one.seconds[1], 3),
    )


def _no_classes(one: Predicted) -> str:
    if one.truth.classes is None:
        return "conformal sets are of classes, this bundle tells findings"
    if (one.truth.classes >= 0).any():
        return "the films whose class is known are of one class, or of one patient"
    return "the films' classes are not known in this bundle's terms"


def _doubts(one: Predicted, targets: Sequence[TargetResult]) -> Iterator[str]:
    """What these films cannot tell of this bundle."""
    meta = one.classifier.bundle.meta
    for name, count in sorted(one.truth.unanswered.items()):
        yield f"films labelled {name}, which says nothing to this bundle, left out: {count:,}"
    asked = {target.name for target in targets}
    if meta.negative is None and (silent := [n for n in meta.labels if n not in asked]):
        yield f"findings that the films' labels do not tell: {', '.join(silent)}"
    for target in targets:
        if target.positives in (0, target.films):
            only = target.name if target.positives else target.negative
            yield (
                f"{target.name}: all films are {only}, so there is no ROC AUC, and no "
                f"{'specificity' if target.positives else 'sensitivity'}"
            )
    if one.truth.classes is not None:
        counts = Counter(one.truth.classes.tolist())
        if unknown := counts.pop(-1, 0):
            yield f"films whose label does not tell which class of this bundle: {unknown:,}"
        elif missing := [n for i, n in enumerate(meta.labels) if not counts.get(i)]:
            yield f"no film of class {', '.join(missing)}"


def left_out(silences: dict[str, str], sections: Collection[str], settings: Settings) -> None:
    for section in SECTIONS:
        if section in sections and section not in settings.sections:
            silences[section] = "left out on request"
