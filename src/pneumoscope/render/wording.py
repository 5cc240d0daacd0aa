"""What a prediction says, in words for readers: the same on the terminal and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.gate import OUTSIDE, REFUSE
from pneumoscope.decision.population import AGE, FILM, READER
from pneumoscope.decision.sentences import words
from pneumoscope.metrics import threshold_text
from pneumoscope.records import NO_HEATMAPS, NORMAL, REFUSED, UNDETERMINED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from pneumoscope.decision.decide import Decision
    from pneumoscope.records import GateReason, Prediction

    Decided: TypeAlias = Decision | Prediction


_CHOSEN_BY = {AGE: "population_age", FILM: "population_film", READER: "population_reader"}


def verdict(p: Decided) -> str:
    """The label, marked if it was forced."""
    return words("forced_label", label=p.label) if p.forced else p.label


def is_shown(p: Decided) -> bool:
    """Whether the figures of a film are shown: not of one that the gate refused."""
    return p.label != REFUSED


def percent(share: float) -> str:
    """``5 %``, ``0.5 %``."""
    return words("percent", percent=f"{100 * share:.3g}")


def reasons(p: Decided) -> list[str]:
    """The reasons of the gate, each with what would help."""
    return [_reason(reason) for reason in p.gate.reasons]


def _reason(reason: GateReason) -> str:
    sentence = reason.sentence.rstrip(".")
    return f"{sentence}. {reason.hint}" if reason.hint else f"{sentence}."


def probability(p: Decided) -> str:
    """The probability, and the prevalence that was chosen, if one was."""
    if p.prevalence is None:
        return f"{p.p_positive:.3f}"
    return words(
        "at_prevalence",
        p=f"{p.p_positive:.3f}",
        prevalence=percent(p.prevalence),
        unadjusted=f"{p.p_unadjusted:.3f}",
    )


def why_undetermined(p: Decided) -> str:
    """Why neither class is named; empty for any other label."""
    if p.label != UNDETERMINED:
        return ""
    if p.profile is None and (reason := _outside(p)):
        return words("unclear_outside", reason=reason)
    if p.error is None:
        return ""
    if p.findings:
        unclear = ", ".join(f.name for f in p.findings if f.undetermined)
        return words("unclear_findings", names=unclear)
    if len(p.classes) == 2:
        return words("unclear_both", normal=NORMAL, positive=p.positive)
    if not p.classes:
        share = percent(p.error)
        return words("unclear_neither", share=share, normal=NORMAL, positive=p.positive)
    sentence = "unclear_reaches" if p.called == p.positive else "unclear_below"
    return words(sentence, only=p.classes[0], point=p.operating_point.name)


def _outside(p: Decided) -> str:
    """Why the film is outside the model's population, without a full stop; empty if it is not."""
    reasons = (r for r in p.gate.reasons if r.code == OUTSIDE)
    return next((reason.sentence.rstrip(".") for reason in reasons), "")


def call(p: Decided) -> str:
    """What the operating point says, in a sentence."""
    point = p.operating_point
    sentence = "called_at" if p.called == p.positive else "called_below"
    if p.prevalence is not None:
        sentence += "_unadjusted"
    return words(sentence, called=p.called, limit=threshold_text(point.threshold), point=point.name)


def promise(p: Decided) -> str:
    """What the conformal sets promise, in a sentence; empty without sets."""
    if p.error is None:
        return ""
    return words("promise" if p.profile is None else "promise_site", share=percent(p.error))


def kinds(p: Decided) -> str:
    """The kind of disease, or that it is not clear; empty if the verdict has no kinds."""
    if p.label != p.positive or p.findings or len(p.probabilities) < 3:
        return ""
    if p.subtype is not None:
        return words("kind", kind=p.subtype, share=f"{p.probabilities[p.subtype]:.2f}")
    return words("kinds_unclear", kinds=_either(p.kinds)) if p.kinds else words("kind_unclear")


def short(p: Decided) -> str:
    """The label and the probability, for a line of a list."""
    return words("short", label=p.label, p=f"{p.p_positive:.3f}") if is_shown(p) else p.label


def subject(p: Decided) -> str:
    """What the probability is of: ``"probability of ..."``."""
    return p.findings[0].name if p.findings else p.positive.lower()


def summary(p: Decided) -> str:
    """The result in one line, for screen readers."""
    if is_shown(p):
        return words("summary", label=p.label, subject=subject(p), p=f"{p.p_positive:.3f}")
    reason = p.gate.reasons[0].sentence.rstrip(".")
    return words("summary_refused", label=p.label, reason=f"{reason[0].upper()}{reason[1:]}")


def refused(p: Decided) -> str:
    """That there is no verdict; empty unless the gate refused the film."""
    return "" if is_shown(p) else words("refused")


def forced(p: Decided) -> str:
    """That the verdict was forced; empty if it was not."""
    if not p.forced:
        return ""
    return words("forced" if p.gate.level == REFUSE else "forced_outside")


def prevalence(p: Decided) -> str:
    """The prevalence to which the probability was adjusted; empty if there is none."""
    if p.prevalence is None:
        return ""
    unadjusted = f"{p.p_unadjusted:.3f}"
    return words("prevalence", prevalence=percent(p.prevalence), unadjusted=unadjusted)


def findings(p: Decided) -> list[str]:
    """Of each finding its probability, and its threshold or that it is not clear."""
    return [
        words("finding_unclear", p=f"{f.probability:.3f}")
        if f.undetermined
        else words("finding", p=f"{f.probability:.3f}", threshold=threshold_text(f.threshold))
        for f in p.findings
    ]


def population(p: Prediction) -> str:
    """The population whose bundle judged the film, and what chose it; empty if nothing was chosen."""
    if p.population is None or p.population_source is None:
        return ""
    return words(_CHOSEN_BY[p.population_source], population=p.population)


def no_heatmap(p: Prediction) -> str:
    """Why there is no heatmap to show, as a heading; empty if there is one."""
    if not is_shown(p):
        return words("no_heatmap_refused")
    if p.explanation is None:
        none = NO_HEATMAPS in p.warnings
        return NO_HEATMAPS.rstrip(".") if none else words("no_heatmap_wanted")
    return "" if p.explanation.reliable else words("no_heatmap_reliable")


def zones(p: Prediction) -> str:
    """The zones of the lungs with the most heat, and its share in each; empty if they are not known."""
    named = [words("zone", name=z.name, share=percent(round(z.share, 2))) for z in p.zones]
    return ", ".join(named)


def heat_by_zone(p: Prediction) -> str:
    """`zones` with what they are, for a list of notes; empty if they are not known."""
    return words("heat_by_zone", zones=zones(p)) if p.zones else ""


def heatmap_caption(p: Prediction) -> str:
    """The text below a heatmap, or in its place."""
    if not is_shown(p) or p.explanation is None:
        return f"{no_heatmap(p)}."
    sentence = f"{p.explanation.sentence[0].upper()}{p.explanation.sentence[1:]}"
    if not p.explanation.reliable:
        return f"{sentence}."
    caption = words("heatmap", name=p.heatmap_class, sentence=sentence)
    where = heat_by_zone(p)
    return f"{caption} {where[0].upper()}{where[1:]}." if where else caption


def sentences_of(p: Decided) -> dict[str, str | list[str]]:
    """All sentences about what was decided; of a refused film only the reasons."""
    shown = is_shown(p)
    return {
        "verdict": verdict(p),
        "short": short(p),
        "summary": summary(p),
        "refused": refused(p),
        "forced": forced(p),
        "subject": subject(p),
        "probability": probability(p) if shown else "",
        "prevalence": prevalence(p) if shown else "",
        "why_undetermined": why_undetermined(p),
        "call": call(p) if shown else "",
        "promise": promise(p) if shown else "",
        "kinds": kinds(p),
        "findings": findings(p) if shown else [],
        "reasons": reasons(p),
    }


def sentences(p: Prediction) -> dict[str, str | list[str]]:
    """All sentences about a prediction, for pages that other programs draw."""
    return sentences_of(p) | {
        "no_heatmap": no_heatmap(p),
        "zones": zones(p),
        "population": population(p),
    }


def _either(names: Sequence[str]) -> str:
    last = names[-1]
    return words("or").join([", ".join(names[:-1]), last]) if len(names) > 1 else last
