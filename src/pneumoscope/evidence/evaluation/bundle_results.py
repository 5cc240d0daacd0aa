"""Measures one bundle on the films of an evaluation."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation import target_figures
from pneumoscope.evidence.evaluation.questions import questions
from pneumoscope.evidence.evaluation.results import BundleResult
from pneumoscope.evidence.evaluation.sections import slow_sections
from pneumoscope.evidence.evaluation.settings import CONFORMAL, PAIRS, SECTIONS, SHORTCUTS, Settings
from pneumoscope.evidence.evaluation.verdict_figures import verdict_result

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pneumoscope.evidence.evaluation.context import Context, Predicted
    from pneumoscope.evidence.evaluation.evaluated_films import Films
    from pneumoscope.evidence.evaluation.target_results import TargetResult


def bundle_result(predicted: Predicted, films: Films, context: Context) -> BundleResult:
    """All results of one bundle.

    Args:
        predicted: The bundle with its predictions.
        films: The films.
        context: Settings, intermediate results, progress.
    """
    bundle, meta, p = predicted.classifier.bundle, predicted.classifier.bundle.meta, predicted.p
    truth, patients, settings = predicted.truth, predicted.patients, context.settings
    bundle_questions = questions(p, truth, meta, patients, settings)
    targets = []
    count = context.counting(f"measuring {predicted.title}")
    with context.clock("bootstrap"):
        for done, question in enumerate(bundle_questions, 1):
            targets.append(
                target_figures.target_result(
                    question, films.films, p, predicted.outcomes, meta, settings
                )
            )
            count(done, len(bundle_questions))
        verdicts = verdict_result(predicted.outcomes, truth, films.films, settings)
        classes = target_figures.class_result(p, truth, meta, patients, settings)
        findings = target_figures.findings_result(p, truth, meta, patients, settings)
    slow = slow_sections(predicted, bundle_questions, films, context)
    silences = dict(slow.silences)
    if not any(t.conformal and (t.conformal.shipped or t.conformal.recalibrated) for t in targets):
        silences[CONFORMAL] = (
            "the bundle has no limits for conformal sets, and the films that the gate lets pass are "
            "of one class, or of one patient"
        )
    left_out(silences, set(SECTIONS) - {PAIRS, SHORTCUTS}, settings)
    return BundleResult(
        title=predicted.title,
        folder=bundle.path.name,
        sha256=bundle.sha256,
        meta=meta,
        overlap=slow.overlap,
        probabilities=p,
        outcomes=predicted.outcomes,
        verdicts=verdicts,
        targets=tuple(targets),
        classes=classes,
        findings=findings,
        robustness=slow.robustness,
        gallery=slow.gallery,
        anatomy=slow.anatomy,
        anatomy_of=slow.anatomy_of,
        sanity=slow.sanity,
        silences=silences,
        seconds_per_thousand=round(predicted.seconds[0], 3),
        warnings=tuple(_warnings(predicted, targets)),
        localisation=slow.localisation,
        cpu_seconds_per_thousand=round(predicted.seconds[1], 3),
    )


def left_out(silences: dict[str, str], sections: Collection[str], settings: Settings) -> None:
    """Enters the sections that were left out on request into ``silences``."""
    for section in SECTIONS:
        if section in sections and section not in settings.sections:
            silences[section] = "left out on request"


def _warnings(predicted: Predicted, targets: Sequence[TargetResult]) -> Iterator[str]:
    """What these films cannot show about this bundle."""
    meta, truth = predicted.classifier.bundle.meta, predicted.truth
    for name, count in sorted(truth.unanswered.items()):
        yield f"films labelled {name}, which says nothing to this bundle, left out: {count:,}"
    answered = {target.name for target in targets}
    if meta.negative is None and (silent := [n for n in meta.labels if n not in answered]):
        yield f"findings that the films' labels do not tell: {', '.join(silent)}"
    for target in targets:
        if target.positives in (0, target.films):
            only = target.name if target.positives else target.negative
            yield (
                f"{target.name}: all films are {only}, so there is no ROC AUC, and no "
                f"{'specificity' if target.positives else 'sensitivity'}"
            )
    if truth.classes is not None:
        counts = Counter(truth.classes.tolist())
        if unknown := counts.pop(-1, 0):
            yield f"films whose label does not tell which class of this bundle: {unknown:,}"
        elif missing := [n for i, n in enumerate(meta.labels) if not counts.get(i)]:
            yield f"no film of class {', '.join(missing)}"
