"""From the network's probabilities to words: label, conformal set, sub-type, warnings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.decision.conformal import DEFAULT_ERROR, check_error
from pneumoscope.errors import UsageError
from pneumoscope.records import (
    ABNORMAL,
    NORMAL,
    PNEUMONIA,
    REFUSED,
    UNDETERMINED,
    Finding,
    OperatingPoint,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.decision.conformal import Limits
    from pneumoscope.records import GateReport, Settings

KINDS_WARNING = "bacterial or viral: in children a film alone cannot tell them apart"
"""Andronikou 2017; PMC5922330."""
_SUBTYPES = frozenset({"bacterial", "viral"})


@dataclass(frozen=True, slots=True)
class Rules:
    """How probabilities become a verdict: a bundle and what the reader asks of it.

    Attributes:
        meta: Of the bundle.
        points: The thresholds: one, or one per finding.
        limits: Of the conformal sets; None if there are none, then nothing is undetermined.
        prevalence: To which probabilities are corrected, or None.
    """

    meta: BundleMeta
    points: tuple[OperatingPoint, ...]
    limits: Limits | None = None
    prevalence: float | None = None

    @classmethod
    def of(cls, meta: BundleMeta, settings: Settings) -> Rules:
        """Those that the settings ask for.

        Raises:
            UnknownOperatingPoint: The bundle has no such threshold.
            UsageError: Error or prevalence is out of range, or the bundle cannot serve it.
        """
        return cls(
            meta,
            meta.points(settings.operating_point),
            _limits(meta, settings.error),
            _checked_prevalence(meta, settings.prevalence),
        )


def _limits(meta: BundleMeta, error: float | None) -> Limits | None:
    if error is not None:
        check_error(error)
        if meta.conformal is None:
            raise UsageError(
                f"error {error:g} cannot be kept: the bundle {meta.name} has no scores of enough "
                "validation films",
                "Leave the error out; the verdict is then never UNDETERMINED.",
            )
    return None if meta.conformal is None else meta.conformal.at(error or DEFAULT_ERROR)


def _checked_prevalence(meta: BundleMeta, prevalence: float | None) -> float | None:
    if prevalence is None:
        return None
    if not 0 < prevalence < 1:
        raise UsageError(
            f"prevalence {prevalence:g} is not between 0 and 1", "0.05 stands for 5 %."
        )
    if meta.negative is None:
        raise UsageError(
            f"prevalence {prevalence:g}: the bundle {meta.name} knows several findings, each with a "
            "prevalence of its own",
            "Leave it out.",
        )
    if meta.calibration.prevalence is None:
        raise UsageError(
            f"prevalence {prevalence:g}: the bundle {meta.name} does not say to which prevalence its "
            "probabilities belong",
            "Leave it out.",
        )
    return prevalence


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
    subtype: str | None
    findings: tuple[Finding, ...]
    operating_point: OperatingPoint
    heatmap_class: str


def judge(probabilities: Mapping[str, float], rules: Rules) -> Verdict:
    """The verdict on one film.

    Args:
        probabilities: Class or finding to probability, as the network gives them.
        rules: What they are judged by.
    """
    meta, point = rules.meta, rules.points[0]
    if meta.negative is None:
        return _of_findings(probabilities, rules)
    p = min(1.0, max(0.0, 1.0 - probabilities[meta.negative]))
    called = label_at(p, point, meta.positive)
    classes: tuple[str, ...] = (called,)
    if rules.limits is not None:
        held = rules.limits.holds(meta.positive, p)
        classes = tuple(c for c, there in zip((NORMAL, meta.positive), held, strict=True) if there)
    label = called if classes == (called,) else UNDETERMINED
    likelier = likelier_kind(probabilities, meta.negative)
    kinds: tuple[str, ...] = ()
    if label == meta.positive and len(meta.labels) > 2:
        kinds = (likelier,)
        if rules.limits is not None:
            least = rules.limits.kinds
            kinds = tuple(name for name in least if probabilities[name] >= least[name] * p)
    shown, adjusted = probabilities, p
    if rules.prevalence is not None:
        adjusted = at_prevalence(p, meta.calibration.prevalence or 0.5, rules.prevalence)
        shown = _carried(probabilities, meta.negative, p, adjusted)
    return Verdict(
        label, called, adjusted, p, shown, classes, kinds,
        kinds[0] if len(kinds) == 1 else None,
        (), point, meta.negative if called == NORMAL else likelier,
    )  # fmt: skip


def at_prevalence(p: float, known: float, wanted: float) -> float:
    """A probability carried from one prevalence to another: its odds move as those of the prior do.

    Holds if films of either class look alike in both places (Saerens, Latinne and Decaestecker
    2002).

    Args:
        p: At the prevalence ``known``.
        known: In (0, 1).
        wanted: In (0, 1).
    """
    ill = p * wanted * (1 - known)
    well = (1 - p) * known * (1 - wanted)
    return ill / (ill + well)


def _carried(
    probabilities: Mapping[str, float], negative: str, p: float, adjusted: float
) -> dict[str, float]:
    """All classes at another prevalence; the kinds keep their shares."""
    factor = adjusted / p if p > 0 else 0.0
    return {
        name: 1.0 - adjusted if name == negative else value * factor
        for name, value in probabilities.items()
    }


def gated(label: str, gate: GateReport, *, force: bool) -> tuple[str, bool]:
    """The label that the gate leaves, and whether it stands only because somebody forced it."""
    if gate.level != "refuse":
        return label, False
    return (label, True) if force else (REFUSED, False)


def _of_findings(probabilities: Mapping[str, float], rules: Rules) -> Verdict:
    meta = rules.meta
    by_margin = sorted(
        zip(meta.labels, rules.points, strict=True),
        key=lambda pair: _logit(pair[1].threshold) - _logit(probabilities[pair[0]]),
    )
    findings = tuple(_finding(name, probabilities[name], at, rules) for name, at in by_margin)
    name, point = by_margin[0]
    p = probabilities[name]
    called = label_at(p, point, meta.positive)
    # One finding that is certain is enough; NORMAL needs all of them to be certainly absent.
    if any(f.present and not f.undetermined for f in findings):
        classes: tuple[str, ...] = (meta.positive,)
    elif any(f.undetermined for f in findings):
        classes = (NORMAL, meta.positive)
    else:
        classes = (NORMAL,)
    label = classes[0] if len(classes) == 1 else UNDETERMINED
    return Verdict(
        label, called, p, p, probabilities, classes, (), None, findings, point, name
    )  # fmt: skip


def _finding(name: str, p: float, point: OperatingPoint, rules: Rules) -> Finding:
    present, undetermined = p >= point.threshold, False
    if rules.limits is not None and name in rules.limits.questions:
        undetermined = rules.limits.holds(name, p) != (not present, present)
    return Finding(name, p, point.threshold, present, undetermined)


def _logit(p: float) -> float:
    p = min(max(p, 1e-7), 1 - 1e-7)
    return math.log(p / (1 - p))


def label_at(p_positive: float, point: OperatingPoint, positive: str) -> str:
    """The positive name if the probability reaches the operating point, else ``"NORMAL"``."""
    return positive if p_positive >= point.threshold else NORMAL


def positive_name(labels: Sequence[str], negative: str | None) -> str:
    """What a film is called that is not negative, such as ``"PNEUMONIA"`` or ``"ABNORMAL"``."""
    others = {label.lower() for label in labels if label != negative}
    if others <= _SUBTYPES:
        return PNEUMONIA
    return others.pop().upper() if len(others) == 1 else ABNORMAL


def likelier_kind(probabilities: Mapping[str, float], negative: str) -> str:
    """The most probable class apart from the negative one."""
    return max((name for name in probabilities if name != negative), key=probabilities.__getitem__)


def warnings_for(kinds: Sequence[str]) -> tuple[str, ...]:
    """Sentences that a reader of this verdict should see.

    Args:
        kinds: The kinds of disease that the verdict speaks of.
    """
    return (KINDS_WARNING,) if _SUBTYPES & set(kinds) else ()
