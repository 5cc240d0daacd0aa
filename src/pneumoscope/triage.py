"""From the network's probabilities to words: label, sub-type, warnings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.records import ABNORMAL, NORMAL, PNEUMONIA, FilmFacts, Finding, OperatingPoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumoscope.bundle import BundleMeta, Population

_SUBTYPES = frozenset({"bacterial", "viral"})
_LATERAL = frozenset({"LL", "RL", "LATERAL", "LLD", "RLD"})
_CHEST = frozenset({"CHEST", "THORAX", "LUNG", "PORT CHEST", "CHESTABD", "CHEST_TO_ABDOMEN"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one film's probabilities mean; the attributes are those of `Prediction`."""

    label: str
    p_pneumonia: float
    subtype: str | None
    findings: tuple[Finding, ...]
    operating_point: OperatingPoint
    heatmap_class: str


def judge(
    probabilities: Mapping[str, float], meta: BundleMeta, points: Sequence[OperatingPoint]
) -> Verdict:
    """The verdict on one film.

    Args:
        probabilities: Class or finding to probability.
        meta: Of the bundle that gave them.
        points: ``meta.points(name)``.
    """
    if meta.negative is None:
        return _of_findings(probabilities, meta, points)
    p = min(1.0, max(0.0, 1.0 - probabilities[meta.negative]))
    label = label_at(p, points[0], meta.positive)
    kind = likelier_kind(probabilities, meta.negative)
    explained = meta.negative if label == NORMAL else kind
    subtype = kind if explained == kind and len(meta.labels) > 2 else None
    return Verdict(label, p, subtype, (), points[0], explained)


def _of_findings(
    probabilities: Mapping[str, float], meta: BundleMeta, points: Sequence[OperatingPoint]
) -> Verdict:
    by_margin = sorted(
        zip(meta.labels, points, strict=True),
        key=lambda pair: _logit(pair[1].threshold) - _logit(probabilities[pair[0]]),
    )
    findings = tuple(
        Finding(name, probabilities[name], point.threshold, probabilities[name] >= point.threshold)
        for name, point in by_margin
    )
    name, point = by_margin[0]
    label = label_at(probabilities[name], point, meta.positive)
    return Verdict(label, probabilities[name], None, findings, point, name)


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


def warnings_for(facts: FilmFacts, population: Population, subtype: str | None) -> tuple[str, ...]:
    """Sentences that a reader of this verdict should see.

    Args:
        facts: What the film says of itself.
        population: Whom the training films show.
        subtype: The likelier kind that the verdict names, or None.

    Header tags are hints only (in 1,885 real studies up to 70 % of the filled orientation tags
    were wrong), so they warn and never refuse.
    """
    found = []
    if population.age_years is not None and facts.age_years is not None:
        low, high = population.age_years
        # A child counts as five until the sixth birthday.
        if not low <= facts.age_years < high + 1:
            found.append(
                f"patient age {facts.age_years:.3g} years is outside the training population "
                f"({low:g} to {high:g} years)"
            )
    view = (facts.view_position or "").upper()
    if view in _LATERAL:
        found.append(f"the header says view {view}; the model knows frontal films only")
    elif view and population.views and view not in population.views:
        known = ", ".join(population.views)
        found.append(f"the header says view {view}; the training films are {known}")
    part = (facts.body_part or "").upper()
    if part and part not in _CHEST:
        found.append(f"the header says body part {part}, not chest")
    if facts.colour:
        found.append("the picture is in colour; is it a radiograph?")
    if subtype in _SUBTYPES:
        found.append("bacterial or viral: in children a film alone cannot tell them apart")
    return tuple(found)
