"""What a prediction says, in words for readers: the same on the terminal and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.metrics import threshold_text
from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.records import GateReason, Prediction


def verdict(p: Prediction) -> str:
    """The label, marked where it stands only because somebody forced it."""
    return f"{p.label} (forced)" if p.forced else p.label


def is_shown(p: Prediction) -> bool:
    """Whether the figures of a film are shown: not of one that the gate refused."""
    return p.label != REFUSED


def percent(share: float) -> str:
    """``5 %``, ``0.5 %``."""
    return f"{100 * share:.3g} %"


def reasons(p: Prediction) -> list[str]:
    """What the gate found, each with what would mend it."""
    return [_reason(reason) for reason in p.gate.reasons]


def _reason(reason: GateReason) -> str:
    sentence = reason.sentence.rstrip(".")
    return f"{sentence}. {reason.hint}" if reason.hint else f"{sentence}."


def probability(p: Prediction) -> str:
    """The probability, and at which prevalence, if one was asked for."""
    if p.prevalence is None:
        return f"{p.p_positive:.3f}"
    return (
        f"{p.p_positive:.3f} at a prevalence of {percent(p.prevalence)} "
        f"({p.p_unadjusted:.3f} unadjusted)"
    )


def why_undetermined(p: Prediction) -> str:
    """Why neither class is named; empty for any other label."""
    if p.label != UNDETERMINED or p.error is None:
        return ""
    if p.findings:
        unclear = ", ".join(f.name for f in p.findings if f.undetermined)
        return f"not clear either way: {unclear}"
    share = percent(p.error)
    if len(p.classes) == 2:
        return f"not clear: films that are {NORMAL} and films that are {p.positive} both score so"
    if not p.classes:
        return (
            f"not clear: fewer than {share} of {NORMAL} films score so high, and fewer than {share} of "
            f"{p.positive} films so low"
        )
    side = "reaches" if p.called == p.positive else "stays below"
    return (
        f"not clear: only {p.classes[0]} films score so, but it {side} the threshold "
        f"{p.operating_point.name}"
    )


def call(p: Prediction) -> str:
    """What the operating point says, in a sentence."""
    point = p.operating_point
    limit = threshold_text(point.threshold)
    side = "at or above" if p.called == p.positive else "below"
    figure = "the unadjusted figure" if p.prevalence is not None else "it"
    return f"Called {p.called}: {figure} is {side} {limit} (operating point {point.name})."


def promise(p: Prediction) -> str:
    """What the conformal sets promise, in a sentence; empty without sets."""
    if p.error is None:
        return ""
    like = "the films of validation" if p.profile is None else "those of the site profile"
    return (
        f"Of the films of either class, about {percent(p.error)} or fewer get the wrong verdict, as far "
        f"as they are like {like}; unclear ones are UNDETERMINED."
    )


def kinds(p: Prediction) -> str:
    """The kind of disease, or that it is not clear; empty where the verdict speaks of none."""
    if p.label != p.positive or p.findings or len(p.probabilities) < 3:
        return ""
    if p.subtype is not None:
        return f"{p.subtype} ({p.probabilities[p.subtype]:.2f})"
    return f"undetermined ({_either(p.kinds)})" if p.kinds else "undetermined"


def short(p: Prediction) -> str:
    """The label and the probability, for a line of a list."""
    return f"{p.label} · {p.p_positive:.3f}" if is_shown(p) else p.label


def subject(p: Prediction) -> str:
    """What the probability is of: ``"probability of ..."``."""
    return p.findings[0].name if p.findings else p.positive.lower()


def summary(p: Prediction) -> str:
    """The result in one line, for screen readers."""
    if is_shown(p):
        return f"{p.label}, probability of {subject(p)} {p.p_positive:.3f}."
    reason = p.gate.reasons[0].sentence.rstrip(".")
    return f"{p.label}, no verdict. {reason[0].upper()}{reason[1:]}."


def refused(p: Prediction) -> str:
    """That there is no verdict; empty unless the gate refused the film."""
    return "" if is_shown(p) else "No verdict: this film cannot be judged."


def forced(p: Prediction) -> str:
    """That the verdict was forced; empty if it was not."""
    return "The gate refuses this film; the verdict was forced." if p.forced else ""


def prevalence(p: Prediction) -> str:
    """To which prevalence the probability was adjusted; empty if to none."""
    if p.prevalence is None:
        return ""
    return f"At a prevalence of {percent(p.prevalence)}. Unadjusted: {p.p_unadjusted:.3f}."


def findings(p: Prediction) -> list[str]:
    """Of each finding its probability, and its threshold or that it is not clear."""
    return [
        f"{f.probability:.3f}, "
        + ("not clear" if f.undetermined else f"from {threshold_text(f.threshold)}")
        for f in p.findings
    ]


def no_heatmap(p: Prediction) -> str:
    """Why there is no heatmap to show, as a heading; empty if there is one."""
    if not is_shown(p):
        return "No heatmap: the film was refused"
    if p.explanation is None:
        return "No heatmap was asked for"
    return "" if p.explanation.reliable else "No reliable explanation"


def heatmap_caption(p: Prediction) -> str:
    """The text below a heatmap, or in its place."""
    if not is_shown(p) or p.explanation is None:
        return f"{no_heatmap(p)}."
    shown = f"Heatmap for: {p.heatmap_class}. " if p.explanation.reliable else ""
    return f"{shown}{p.explanation.sentence[0].upper()}{p.explanation.sentence[1:]}."


def sentences(p: Prediction) -> dict[str, str | list[str]]:
    """All of the above, for pages that others draw; of a refused film only the reasons."""
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
        "no_heatmap": no_heatmap(p),
        "reasons": reasons(p),
    }


def _either(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
