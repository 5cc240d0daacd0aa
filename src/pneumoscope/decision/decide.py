"""The one place where the scores of a film become a decision about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision import gate, triage
from pneumoscope.records import REFUSED, UNDETERMINED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

    from pneumoscope.decision.rules import BundleRules, Rules
    from pneumoscope.records import FilmFacts, Finding, GateReport, OperatingPoint


@dataclass(frozen=True, slots=True)
class FilmScores:
    """What is known of a film before anything is decided.

    Attributes:
        probabilities: Class or finding to probability, as the network gives them.
        gate: Score of the gate to its value, see `gate.report`.
        facts: What the film's file says about it.
    """

    probabilities: Mapping[str, float]
    gate: Mapping[str, float]
    facts: FilmFacts


@dataclass(frozen=True, slots=True)
class Decision:
    """All that is decided about one film; the attributes are those of `Prediction`."""

    label: str
    called: str
    positive: str
    p_positive: float
    p_unadjusted: float
    prevalence: float | None
    probabilities: Mapping[str, float]
    classes: tuple[str, ...]
    error: float | None
    kinds: tuple[str, ...]
    subtype: str | None
    findings: tuple[Finding, ...]
    operating_point: OperatingPoint
    heatmap_class: str
    gate: GateReport
    forced: bool
    warnings: tuple[str, ...]
    profile: str | None
    adjusted_threshold: float | None = None
    negative_below: float | None = None
    positive_from: float | None = None


def decide(scores: FilmScores, rules: Rules) -> Decision:
    """Decides about one film.

    Args:
        scores: The film's scores.
        rules: The rules of the bundle and the reader's choices.
    """
    offered = rules.offered
    verdict = triage.judge(_at_site_by_name(scores.probabilities, offered), rules)
    report = gate.report(scores.gate, offered.gate_limits or {}, scores.facts, offered.population)
    covered = offered.profile is not None
    label, forced = gated(verdict.label, report, force=rules.force, covered=covered)
    kinds = verdict.kinds if label != UNDETERMINED else ()
    explained = verdict.heatmap_class
    if offered.labels.negative is not None:
        explained = triage.heatmap_class(verdict.called, kinds, offered.labels)
    return Decision(
        label=label,
        called=verdict.called,
        positive=offered.labels.positive,
        p_positive=verdict.p_positive,
        p_unadjusted=verdict.p_unadjusted,
        prevalence=rules.prevalence,
        probabilities=verdict.probabilities,
        classes=verdict.classes,
        error=rules.limits.error if rules.limits else None,
        kinds=kinds,
        subtype=verdict.subtype if label != UNDETERMINED else None,
        findings=verdict.findings,
        operating_point=verdict.operating_point,
        heatmap_class=explained,
        gate=report,
        forced=forced,
        warnings=warnings_for(label, offered),
        profile=offered.profile,
        adjusted_threshold=verdict.adjusted_threshold,
        negative_below=verdict.negative_below,
        positive_from=verdict.positive_from,
    )


def gated(
    label: str, report: GateReport, *, force: bool, covered: bool = False
) -> tuple[str, bool]:
    """The label after the gate, and whether it is shown only because it was forced.

    Nobody measured how often the model is right outside its population. So neither class is named
    there, unless a site profile was made on such films.

    Args:
        label: The label before the gate.
        report: The gate's report.
        force: Whether the reader wants a verdict all the same.
        covered: Whether a site profile was made on films like this one.
    """
    if report.level == gate.REFUSE:
        return (label, True) if force else (REFUSED, False)
    if covered or label == UNDETERMINED or not gate.is_outside(report):
        return label, False
    return (label, True) if force else (UNDETERMINED, False)


def warnings_for(label: str, offered: BundleRules) -> tuple[str, ...]:
    """The bundle's warnings for a film with this label; none for a refused film."""
    if label == REFUSED:
        return ()
    names_kinds = label == offered.labels.positive and bool(offered.labels.kinds)
    kinds = (offered.kinds_warning,) if names_kinds and offered.kinds_warning else ()
    return (*kinds, *offered.warnings)


def at_site(p: NDArray[np.floating[Any]], offered: BundleRules) -> NDArray[np.floating[Any]]:
    """Probabilities (n, classes) after the site's calibration; unchanged without a site profile."""
    negative = offered.labels.negative_column
    if offered.site_calibration is None or negative is None:
        return p
    return offered.site_calibration.apply(p, negative)


def _at_site_by_name(
    probabilities: Mapping[str, float], offered: BundleRules
) -> Mapping[str, float]:
    if offered.site_calibration is None:
        return probabilities
    names = offered.labels.names
    p = at_site(np.array([[probabilities[name] for name in names]]), offered)[0]
    return dict(zip(names, p.tolist(), strict=True))
