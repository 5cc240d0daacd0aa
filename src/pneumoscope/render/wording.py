"""What a prediction says, in words for readers: the same on the terminal and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.gate import NOTE, OUTSIDE, REFUSE
from pneumoscope.decision.population import AGE, FILM, READER
from pneumoscope.decision.ranges import Ranges
from pneumoscope.decision.sentences import capitalised, full_sentence, shown, translated, words
from pneumoscope.metrics import threshold_text, threshold_texts
from pneumoscope.records import NO_HEATMAPS, NORMAL, REFUSED, UNDETERMINED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import TypeAlias

    from pneumoscope.decision.decide import Decision
    from pneumoscope.records import Finding, GateReason, Prediction

    Decided: TypeAlias = Decision | Prediction


_CHOSEN_BY = {AGE: "population_age", FILM: "population_film", READER: "population_reader"}


def verdict(p: Decided) -> str:
    """The label, marked if it was forced."""
    return words("forced_label", label=p.label) if p.forced else shown(p.label)


def marks(p: Decided) -> list[str]:
    """What sets the verdict apart from others, in a word each: it must be seen wherever the verdict is."""
    codes = [reason.code for reason in p.gate.reasons]
    return marks_of(codes, p.gate.level, forced=p.forced, at_site=p.profile is not None)


def marks_of(codes: Collection[str], level: str, *, forced: bool, at_site: bool) -> list[str]:
    """`marks` from plain values.

    Args:
        codes: Codes of the gate's reasons.
        level: Level of the gate.
        forced: Whether the verdict was forced.
        at_site: Whether a site profile was applied, which was made on films like this one.
    """
    outside = OUTSIDE in codes and not at_site
    named = {"mark_forced": forced, "mark_outside": outside}
    named["mark_noted"] = level == NOTE and not outside
    return [words(name) for name, holds in named.items() if holds]


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
    sentence = translated(reason.sentence).rstrip(".")
    return f"{sentence}. {translated(reason.hint)}" if reason.hint else f"{sentence}."


def probability(p: Decided) -> str:
    """The probability, and the prevalence that was chosen, if one was."""
    if p.prevalence is None:
        return shown(f"{p.p_positive:.3f}")
    return words(
        "at_prevalence",
        p=f"{p.p_positive:.3f}",
        prevalence=percent(p.prevalence),
        unadjusted=f"{p.p_unadjusted:.3f}",
    )


def threshold(p: Decided) -> float:
    """The operating point on the scale of `Prediction.p_positive`, in (0, 1)."""
    adjusted = p.adjusted_threshold
    return p.operating_point.threshold if adjusted is None else adjusted


def why_undetermined(p: Decided) -> str:
    """Why neither class is named; empty for any other label."""
    if p.label != UNDETERMINED:
        return ""
    if reason := _outside(p):
        return words("unclear_outside", reason=reason)
    if p.error is None:
        return ""
    if p.findings:
        unclear = ", ".join(shown(f.name) for f in p.findings if f.undetermined)
        return words("unclear_findings", names=unclear)
    if len(p.classes) == 2:
        return words("unclear_both", normal=NORMAL, positive=p.positive)
    if not p.classes:
        share = percent(p.error)
        return words("unclear_neither", share=share, normal=NORMAL, positive=p.positive)
    sentence = "unclear_reaches" if p.called == p.positive else "unclear_below"
    return words(sentence, only=p.classes[0], point=p.operating_point.name)


def _outside(p: Decided) -> str:
    """Why the film is outside the model's population, without a full stop; empty if it is not.

    A site profile was made on such films, so with one no film is outside.
    """
    reasons = (r for r in p.gate.reasons if r.code == OUTSIDE and p.profile is None)
    return next((translated(reason.sentence).rstrip(".") for reason in reasons), "")


def outside(p: Decided) -> str:
    """That the film is outside the model's population, and why; empty if it is not.

    Outputs give it before any figure.
    """
    reason = _outside(p)
    return words("outside", reason=reason) if reason else ""


def ranges_text(ranges: Ranges, negative: str, unclear: str, positive: str) -> str:
    """The probabilities of each verdict, as in ``"NORMAL below 0.712, UNDETERMINED from 0.712, ABNORMAL from 0.896"``.

    Args:
        ranges: Where the verdicts begin.
        negative: What films or findings are below; likewise the others.
    """
    texts = threshold_texts(ranges.limits)
    names = {"negative": negative, "unclear": unclear, "positive": positive}
    if not texts:
        return words("ranges_unclear", **names)
    if ranges.positive_from is None:
        sentence = "ranges_no_positive"
    elif not ranges.negative_below:
        sentence = "ranges_no_negative"
    else:
        sentence = "ranges_two" if texts[0] == texts[-1] else "ranges_three"
    return words(sentence, low=texts[0], high=texts[-1], **names)


def of_verdicts(ranges: Ranges, positive: str) -> str:
    """`ranges_text` of a bundle's verdicts."""
    return ranges_text(ranges, NORMAL, UNDETERMINED, positive)


def of_finding(ranges: Ranges) -> str:
    """`ranges_text` of one finding of several."""
    return ranges_text(ranges, words("absent"), words("not_clear"), words("present"))


def known_ranges(p: Decided) -> Ranges | None:
    """Where the verdicts begin; None if each finding has its own, or if a former version did not say it."""
    if p.negative_below is not None:
        return Ranges(p.negative_below, p.positive_from)
    return None if p.error is not None or p.findings else Ranges(threshold(p), threshold(p))


def scale(p: Decided) -> tuple[float, Ranges | None]:
    """P(positive) and where the verdicts begin, on one scale; with several findings, of the leading one.

    Outside the population no verdict begins anywhere. A former version stored the operating point only, and
    not at the prevalence.
    """
    if _outside(p) and not p.forced:
        return p.p_positive, None
    leading = p.findings[0] if p.findings else p
    if leading.negative_below is not None:
        return p.p_positive, Ranges(leading.negative_below, leading.positive_from)
    share = p.p_unadjusted if p.adjusted_threshold is None else p.p_positive
    return share, Ranges(threshold(p), threshold(p))


def ranges(p: Decided) -> str:
    """The probabilities of each verdict at the operating point and error in use, for films of the population."""
    known = known_ranges(p)
    if p.findings:
        text = words("ranges_findings", normal=NORMAL, unclear=UNDETERMINED, positive=p.positive)
    elif known is None:
        text = words("threshold", threshold=threshold_text(threshold(p)))
    else:
        text = of_verdicts(known, p.positive)
    return _at_settings(p, text)


def _at_settings(p: Decided, text: str) -> str:
    point = p.operating_point.name
    if p.error is None:
        return words("at_point", ranges=text, point=point)
    return words("at_point_and_error", ranges=text, point=point, error=percent(p.error))


def call(p: Decided) -> str:
    """`ranges` as a sentence; of a film outside the population, that they do not hold."""
    if _outside(p) and not p.forced:
        text = words("ranges_outside", unclear=UNDETERMINED)
        return full_sentence(_at_settings(p, text))
    return full_sentence(ranges(p))


def promise(p: Decided) -> str:
    """What the conformal sets promise, in a sentence.

    Empty without sets, and for a film to which the promise does not extend: a forced verdict, or a
    film outside the population.
    """
    if p.error is None or p.forced or _outside(p):
        return ""
    return words("promise" if p.profile is None else "promise_site", share=percent(p.error))


def of_one_kind(name: str) -> str:
    """Says of a stored heatmap that it shows one kind, although the verdict leaves the kind open."""
    return words("heatmap_one_kind", name=name)


def kinds(p: Decided) -> str:
    """The kind of disease, or that it is not clear; empty if the verdict has no kinds."""
    if p.label != p.positive or p.findings or len(p.probabilities) < 3:
        return ""
    if p.subtype is not None:
        return words("kind", kind=p.subtype, share=f"{p.probabilities[p.subtype]:.2f}")
    return words("kinds_unclear", kinds=_either(p.kinds)) if p.kinds else words("kind_unclear")


def short(p: Decided) -> str:
    """The verdict and the probability, for a line of a list."""
    return (
        words("short", verdict=verdict(p), p=f"{p.p_positive:.3f}")
        if is_shown(p)
        else shown(p.label)
    )


def subject(p: Decided) -> str:
    """What the probability is of: ``"probability of ..."``."""
    return shown(p.findings[0].name if p.findings else p.positive.lower())


def summary(p: Decided) -> str:
    """The result in one line, for screen readers."""
    if is_shown(p):
        return words("summary", verdict=verdict(p), subject=subject(p), p=f"{p.p_positive:.3f}")
    reason = translated(p.gate.reasons[0].sentence).rstrip(".")
    return words("summary_refused", label=p.label, reason=capitalised(reason))


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
    """Of each finding its probability, whether it is not clear, and from where it is present."""
    return [
        words(
            "finding_unclear" if f.undetermined else "finding",
            p=f"{f.probability:.3f}",
            ranges=_of_known_finding(f),
        )
        for f in p.findings
    ]


def _of_known_finding(f: Finding) -> str:
    if f.negative_below is None:  # from a former version
        return words("threshold", threshold=threshold_text(f.threshold))
    return of_finding(Ranges(f.negative_below, f.positive_from))


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
        return translated(NO_HEATMAPS).rstrip(".") if none else words("no_heatmap_wanted")
    return "" if p.explanation.reliable else words("no_heatmap_reliable")


def zones(p: Prediction) -> str:
    """The zones of the lungs with the most heat, and its share in each; empty if they are not known.

    Also empty for a forced verdict: heat on a film that the model must not judge has no meaning.
    """
    if p.forced:
        return ""
    named = [words("zone", name=z.name, share=percent(round(z.share, 2))) for z in p.zones]
    return ", ".join(named)


def heat_by_zone(p: Prediction) -> str:
    """`zones` with what they are, for a list of notes; empty if they are not known."""
    where = zones(p)
    return words("heat_by_zone", zones=where) if where else ""


def heatmap_for(p: Prediction) -> str:
    """What the heatmap explains, as readers know it: the verdict that was called, a kind or a finding."""
    is_kind = len(p.probabilities) > 2 and p.called != NORMAL
    return p.heatmap_class if p.findings or is_kind else p.called


def heatmap_caption(p: Prediction) -> str:
    """The text below a heatmap, or in its place."""
    if not is_shown(p) or p.explanation is None:
        return f"{no_heatmap(p)}."
    sentence = capitalised(translated(p.explanation.sentence))
    if not p.explanation.reliable:
        return f"{sentence}."
    if p.forced:
        return words("heatmap_forced", name=heatmap_for(p))
    caption = words("heatmap", name=heatmap_for(p), sentence=sentence)
    where = heat_by_zone(p)
    return f"{caption} {capitalised(where)}." if where else caption


def sentences_of(p: Decided) -> dict[str, str | list[str]]:
    """All sentences about what was decided; of a refused film only the reasons."""
    is_judged = is_shown(p)
    return {
        "verdict": verdict(p),
        "marks": marks(p),
        "outside": outside(p),
        "short": short(p),
        "summary": summary(p),
        "refused": refused(p),
        "forced": forced(p),
        "subject": subject(p),
        "probability": probability(p) if is_judged else "",
        "prevalence": prevalence(p) if is_judged else "",
        "why_undetermined": why_undetermined(p),
        "call": call(p) if is_judged else "",
        "promise": promise(p) if is_judged else "",
        "kinds": kinds(p),
        "findings": findings(p) if is_judged else [],
        "reasons": reasons(p),
    }


def sentences(p: Prediction) -> dict[str, str | list[str]]:
    """All sentences about a prediction, for pages that other programs draw."""
    return sentences_of(p) | {
        "no_heatmap": no_heatmap(p),
        "heatmap_for": shown(heatmap_for(p)) if is_shown(p) else "",
        "zones": zones(p),
        "population": population(p),
    }


def _either(names: Sequence[str]) -> str:
    *others, last = map(shown, names)
    return words("or").join([", ".join(others), last]) if others else last
