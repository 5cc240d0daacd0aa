"""Predictions as plain JSON values, and back: the one definition for all that write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pneumoscope.field_values import field_values, known_fields
from pneumoscope.records import (
    Explanation,
    FilmFacts,
    Finding,
    GateReason,
    GateReport,
    OperatingPoint,
    Prediction,
    ZoneHeat,
)
from pneumoscope.render import wording

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pneumoscope.records import Outcome

_T = TypeVar("_T")
NOTICE = "Research use, not a medical device."
NOT_READ_YET = {"code": "NotReady", "message": "not read yet", "hint": ""}
"""In place of an error, for a stored film that waits."""
_OF_THE_VERDICT = {
    *("called", "p_positive", "p_pneumonia", "p_unadjusted", "probabilities", "classes", "kinds"),
    *("subtype", "findings", "explanation", "zones", "heatmap_class", "heatmap", "lungs"),
}
"""Keys that are null for a refused film: a figure would be read as a verdict."""


def prediction_to_json(prediction: Prediction, *, heatmap: bool = False) -> dict[str, Any]:
    """A prediction as JSON-ready values.

    Args:
        prediction: What the classifier said. For a film that the gate refused, only the reasons are
            given; the values that belong to a verdict are None.
        heatmap: Include the heatmap and the lung field, if there are any, as nested lists of (h, w)
            floats.
    """
    p = prediction
    facts = {key: value for key, value in field_values(p.facts).items() if value is not None}
    record: dict[str, Any] = {
        "label": p.label,
        "called": p.called,
        "forced": p.forced,
        "positive": p.positive,
        "p_positive": round(p.p_positive, 6),
        "p_pneumonia": round(p.p_positive, 6),  # the former name, for one version
        "p_unadjusted": round(p.p_unadjusted, 6),
        "prevalence": p.prevalence,
        "probabilities": {name: round(value, 6) for name, value in p.probabilities.items()},
        "classes": list(p.classes),
        "error_rate": p.error,
        "kinds": list(p.kinds),
        "subtype": p.subtype,
        "findings": [
            field_values(finding) | {"probability": round(finding.probability, 6)}
            for finding in p.findings
        ],
        "operating_point": field_values(p.operating_point),
        "adjusted_threshold": None
        if p.adjusted_threshold is None
        else round(p.adjusted_threshold, 6),
        "negative_below": p.negative_below,
        "positive_from": p.positive_from,
        "gate": {
            "level": p.gate.level,
            "reasons": [field_values(reason) for reason in p.gate.reasons],
            "scores": {name: round(value, 6) for name, value in p.gate.scores.items()},
        },
        "explanation": _explanation_to_json(p.explanation),
        "zones": [{"name": zone.name, "share": round(zone.share, 6)} for zone in p.zones],
        "warnings": list(p.warnings),
        "heatmap_class": p.heatmap_class,
        "film": facts,
        "timings_ms": {step: round(ms, 3) for step, ms in p.timings_ms.items()},
        "bundle": p.bundle,
        "bundle_sha256": p.bundle_sha256,
        "profile": p.profile,
        "population": p.population,
        "population_source": p.population_source,
        "notice": NOTICE,
    }
    for name, cells in (("heatmap", p.heatmap), ("lungs", p.lungs)):
        if heatmap and cells is not None:
            record[name] = [[round(float(v), 6) for v in row] for row in cells]
    if not wording.is_shown(p):
        record |= dict.fromkeys(_OF_THE_VERDICT & record.keys())
    return record


def _explanation_to_json(explanation: Explanation | None) -> dict[str, Any] | None:
    if explanation is None:
        return None
    checks = {name: round(value, 6) for name, value in explanation.checks.items()}
    return field_values(explanation) | {"score": round(explanation.score, 6), "checks": checks}


def p_positive_of(record: Mapping[str, Any]) -> float | None:
    """P(positive) of a record, which a former version may have written; None for a refused film."""
    p: float | None = record["p_positive"] if "p_positive" in record else record["p_pneumonia"]
    return p


def marks_of(record: Mapping[str, Any]) -> list[str]:
    """What sets the verdict of a record apart from others, see `wording.marks`."""
    return wording.marks_of(
        [reason["code"] for reason in record["gate"]["reasons"]],
        record["gate"]["level"],
        forced=record["forced"],
        at_site=record["profile"] is not None,
    )


def prediction_from_json(record: Mapping[str, Any]) -> Prediction:
    """A prediction as `prediction_to_json` gave it.

    Args:
        record: Its values. For a refused film the figures of the verdict are null; here they become
            NaN or empty, and no output shows them. What a newer version adds is left out.
    """
    r, nan, p = record, float("nan"), p_positive_of(record)
    gate = r["gate"]
    heatmap, lungs = (_cells(r.get(name)) for name in ("heatmap", "lungs"))
    return Prediction(
        label=r["label"],
        called=r["called"] or "",
        positive=r["positive"],
        p_positive=nan if p is None else p,
        p_unadjusted=nan if r["p_unadjusted"] is None else r["p_unadjusted"],
        prevalence=r["prevalence"],
        probabilities=dict(r["probabilities"] or {}),
        classes=tuple(r["classes"] or ()),
        error=r["error_rate"],
        kinds=tuple(r["kinds"] or ()),
        subtype=r["subtype"],
        findings=tuple(_restored(Finding, finding) for finding in r["findings"] or ()),
        operating_point=_restored(OperatingPoint, r["operating_point"]),
        heatmap=heatmap,
        lungs=lungs,
        zones=tuple(_restored(ZoneHeat, zone) for zone in r.get("zones") or ()),
        heatmap_class=r["heatmap_class"] or "",
        facts=FilmFacts.restored(known_fields(FilmFacts, r["film"])),
        gate=GateReport(
            gate["level"],
            tuple(_restored(GateReason, reason) for reason in gate["reasons"]),
            gate["scores"],
        ),
        forced=r["forced"],
        explanation=None if r["explanation"] is None else _restored(Explanation, r["explanation"]),
        warnings=tuple(r["warnings"]),
        timings_ms=r["timings_ms"],
        bundle=r["bundle"],
        bundle_sha256=r["bundle_sha256"],
        profile=r["profile"],
        # Results of former versions lack these.
        population=r.get("population"),
        population_source=r.get("population_source"),
        adjusted_threshold=r.get("adjusted_threshold"),
        negative_below=r.get("negative_below"),
        positive_from=r.get("positive_from"),
    )


def _restored(kind: type[_T], values: Mapping[str, Any]) -> _T:
    """A dataclass from its values."""
    return kind(**known_fields(kind, values))


def _cells(rows: list[list[float]] | None) -> NDArray[np.float32] | None:
    return None if rows is None else np.array(rows, np.float32)


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """One film of a batch: ``source`` and the prediction's values, or ``source`` and ``error``."""
    if outcome.prediction is not None:
        return {"source": outcome.source, **prediction_to_json(outcome.prediction)}
    error = outcome.error
    if error is None:
        raise ValueError("an outcome holds a prediction or an error")
    return {"source": outcome.source, "error": error.as_dict()}


def stored_to_json(
    source: str, result: Mapping[str, Any] | None, error: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What `outcome_to_json` gives, from the stored result or error of a film; it may have neither yet."""
    return {"source": source, **({"error": error or NOT_READ_YET} if result is None else result)}
