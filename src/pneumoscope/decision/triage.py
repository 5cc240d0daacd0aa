"""From probabilities to a verdict: label, conformal set, kinds and findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.prevalence import at_prevalence
from pneumoscope.decision.probability import logit, p_positive_of_film
from pneumoscope.records import NORMAL, UNDETERMINED, Finding, OperatingPoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.decision.rules import Labels, Rules


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one film's probabilities mean; the attributes are those of `Prediction`."""

    label: str
    called: str
    p_positive: float
    p_unadjusted: float
    probabilities: Mapping[str, float]
    classes: tuple[str, ...]
    kinds: tuple[str, ...]
    findings: tuple[Finding, ...]
    operating_point: OperatingPoint
    heatmap_class: str
    adjusted_threshold: float | None = None
    negative_below: float | None = None
    positive_from: float | None = None

    @property
    def subtype(self) -> str | None:
        """The only kind in ``kinds``, or None."""
        return self.kinds[0] if len(self.kinds) == 1 else None


def judge(probabilities: Mapping[str, float], rules: Rules) -> Verdict:
    """The verdict on one film.

    Args:
        probabilities: Class or finding to probability in [0, 1], after the site's calibration.
        rules: The rules of the bundle and the reader's choices.
    """
    if rules.offered.labels.negative is None:
        return _of_findings(probabilities, rules)
    return _of_classes(probabilities, rules, rules.offered.labels.negative)


def _of_classes(probabilities: Mapping[str, float], rules: Rules, negative: str) -> Verdict:
    labels, point = rules.offered.labels, rules.points[0]
    p = p_positive_of_film(probabilities[negative])
    called = label_at(p, point, labels.positive)
    classes: tuple[str, ...] = (called,)
    if rules.limits is not None:
        held = rules.limits.holds(labels.positive, p)
        sides = zip((NORMAL, labels.positive), held, strict=True)
        classes = tuple(name for name, is_held in sides if is_held)
    label = called if classes == (called,) else UNDETERMINED
    kinds: tuple[str, ...] = ()
    if label == labels.positive and labels.kinds:
        kinds = (likelier_kind(probabilities, negative),)
        if rules.limits is not None:
            least = rules.limits.kinds
            kinds = tuple(name for name in least if probabilities[name] >= least[name] * p)
    shown, adjusted, threshold = probabilities, p, None
    if rules.prevalence is not None:
        known = rules.known_prevalence
        adjusted = at_prevalence(p, known, rules.prevalence)
        threshold = at_prevalence(point.threshold, known, rules.prevalence)
        shown = _carried(probabilities, negative, p, adjusted)
    ranges = rules.ranges(point)
    return Verdict(
        label=label,
        called=called,
        p_positive=adjusted,
        p_unadjusted=p,
        probabilities=shown,
        classes=classes,
        kinds=kinds,
        findings=(),
        operating_point=point,
        heatmap_class=heatmap_class(called, kinds, labels),
        adjusted_threshold=threshold,
        negative_below=ranges.negative_below,
        positive_from=ranges.positive_from,
    )


def _carried(
    probabilities: Mapping[str, float], negative: str, p: float, adjusted: float
) -> dict[str, float]:
    """All classes at another prevalence; the kinds keep their shares."""
    factor = adjusted / p if p > 0 else 0.0
    return {
        name: 1.0 - adjusted if name == negative else value * factor
        for name, value in probabilities.items()
    }


def _of_findings(probabilities: Mapping[str, float], rules: Rules) -> Verdict:
    labels = rules.offered.labels
    margins = logit([probabilities[name] for name in labels.names]) - logit(
        [point.threshold for point in rules.points]
    )
    order = np.argsort(-margins, kind="stable").tolist()
    findings = tuple(
        _finding(labels.names[i], probabilities[labels.names[i]], rules.points[i], rules)
        for i in order
    )
    name, point = labels.names[order[0]], rules.points[order[0]]
    p = probabilities[name]
    # One certain finding is enough; NORMAL requires that all of them are certainly absent.
    if any(f.present and not f.undetermined for f in findings):
        classes: tuple[str, ...] = (labels.positive,)
    elif any(f.undetermined for f in findings):
        classes = (NORMAL, labels.positive)
    else:
        classes = (NORMAL,)
    return Verdict(
        label=classes[0] if len(classes) == 1 else UNDETERMINED,
        called=label_at(p, point, labels.positive),
        p_positive=p,
        p_unadjusted=p,
        probabilities=probabilities,
        classes=classes,
        kinds=(),
        findings=findings,
        operating_point=point,
        heatmap_class=name,
    )


def _finding(name: str, p: float, point: OperatingPoint, rules: Rules) -> Finding:
    present, undetermined = p >= point.threshold, False
    if rules.limits is not None and name in rules.limits.questions:
        undetermined = rules.limits.holds(name, p) != (not present, present)
    ranges = rules.ranges(point)
    return Finding(
        name=name,
        probability=p,
        threshold=point.threshold,
        present=present,
        undetermined=undetermined,
        negative_below=ranges.negative_below,
        positive_from=ranges.positive_from,
    )


def label_at(p_positive: float, point: OperatingPoint, positive: str) -> str:
    """The positive name if the probability reaches the operating point, else ``"NORMAL"``."""
    return positive if p_positive >= point.threshold else NORMAL


def heatmap_class(called: str, kinds: tuple[str, ...], labels: Labels) -> str:
    """What the heatmap of a verdict explains: the negative class, a kind, or the positive verdict.

    Args:
        called: The label by the operating point alone.
        kinds: The kinds that the verdict names.
        labels: Classes of the bundle.

    Returns:
        The kind if it is the only one, of the verdict or of the bundle. Otherwise the positive
        verdict: a map of the likelier kind would not be the map of what was called.
    """
    if called == NORMAL and labels.negative is not None:
        return labels.negative
    if len(kinds) == 1:
        return kinds[0]
    others = [name for name in labels.names if name != labels.negative]
    return others[0] if len(others) == 1 else labels.positive


def likelier_kind(probabilities: Mapping[str, float], negative: str) -> str:
    """The most probable class apart from the negative one."""
    return max((name for name in probabilities if name != negative), key=probabilities.__getitem__)
