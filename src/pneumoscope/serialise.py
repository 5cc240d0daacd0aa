"""Predictions as plain JSON values: the one definition for command line, files and services."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pneumoscope.records import Explanation, Outcome, Prediction

NOTICE = "Research use, not a medical device."


def prediction_to_json(prediction: Prediction, *, heatmap: bool = False) -> dict[str, Any]:
    """A prediction as JSON-ready values.

    Args:
        prediction: What the classifier said.
        heatmap: Include the heatmap, if there is one, as nested lists of (h, w) floats.
    """
    facts = {key: value for key, value in asdict(prediction.facts).items() if value is not None}
    record: dict[str, Any] = {
        "label": prediction.label,
        "positive": prediction.positive,
        "p_pneumonia": round(prediction.p_pneumonia, 6),
        "probabilities": {name: round(p, 6) for name, p in prediction.probabilities.items()},
        "subtype": prediction.subtype,
        "findings": [
            asdict(finding) | {"probability": round(finding.probability, 6)}
            for finding in prediction.findings
        ],
        "operating_point": asdict(prediction.operating_point),
        "warnings": list(prediction.warnings),
        "heatmap_class": prediction.heatmap_class,
        "explanation": _explanation_to_json(prediction.explanation),
        "film": facts,
        "timings_ms": {step: round(ms, 3) for step, ms in prediction.timings_ms.items()},
        "bundle": prediction.bundle,
        "bundle_sha256": prediction.bundle_sha256,
        "notice": NOTICE,
    }
    if heatmap and prediction.heatmap is not None:
        record["heatmap"] = [[round(float(v), 6) for v in row] for row in prediction.heatmap]
    return record


def _explanation_to_json(explanation: Explanation | None) -> dict[str, Any] | None:
    if explanation is None:
        return None
    checks = {name: round(value, 6) for name, value in explanation.checks.items()}
    return asdict(explanation) | {"score": round(explanation.score, 6), "checks": checks}


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """One film of a batch: ``source`` with the prediction's values, or with ``error``."""
    if outcome.prediction is not None:
        return {"source": outcome.source, **prediction_to_json(outcome.prediction)}
    error = outcome.error
    if error is None:
        raise ValueError("an outcome holds a prediction or an error")
    return {
        "source": outcome.source,
        "error": {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
        },
    }
