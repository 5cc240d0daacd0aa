"""What ``GET /model`` and ``GET /settings`` answer: facts of the bundle, and a reader's choices."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pneumoscope.bundle import CARD
from pneumoscope.decision import gate
from pneumoscope.decision.reader_settings import (
    DEFAULT_ERROR,
    DISEASE,
    EXPLAIN,
    FORCE,
    UPLOADED,
)
from pneumoscope.metrics import threshold_text
from pneumoscope.render.bundle_facts import bundle_facts
from pneumoscope.render.serialise import NOTICE
from pneumoscope.serve.bundles import served_bundles
from pneumoscope.serve.exports import MOST_DRAWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumoscope.decision.rules import BundleRules, Rules
    from pneumoscope.records import OperatingPoint
    from pneumoscope.runtime import Classifier
    from pneumoscope.serve.settings import ServeSettings

LARGEST_ERROR = 0.5
"""Offered in a form: beyond it the sets would miss most films."""


def model_facts(classifier: Classifier) -> dict[str, Any]:
    """The bundle: figures, limits, gate, population, hash and card, with the site profile applied."""
    bundle, meta = classifier.bundle, classifier.bundle.meta
    return bundle_facts(classifier) | {
        "profile": classifier.profile.title if classifier.profile else None,
        "negative": meta.negative,
        "positive": meta.positive,
        "gate_limits": dict(classifier.rules.offered.gate_limits or {}),
        "intended_use": meta.intended_use,
        "card": (bundle.path / CARD).read_text(encoding="utf-8"),
        "notice": NOTICE,
    }


def reader_choices(
    bundles: Mapping[str, Classifier], settings: ServeSettings
) -> dict[str, dict[str, Any]]:
    """What a reader can choose, by name of the bundle, and which bundles there are."""
    served = served_bundles(bundles)
    return {
        name: _choices(classifier, settings) | {"bundles": served}
        for name, classifier in bundles.items()
    }


def _choices(classifier: Classifier, settings: ServeSettings) -> dict[str, Any]:
    """What a reader can choose, the limits, and the sentences of the gate's reasons.

    ``form`` is the JSON Schema of an upload's settings as this bundle serves them: what it cannot
    serve is missing, and every field has its title, description, default and range or values.
    """
    rules, offered = classifier.rules, classifier.rules.offered
    limits = settings.limits
    return {
        "operating_points": [asdict(point) for point in offered.operating_points],
        "explain": list(EXPLAIN.values),
        "prevalence": _takes_prevalence(offered),
        "error": {
            "possible": offered.conformal is not None,
            "smallest": offered.conformal.smallest_error if offered.conformal else None,
        },
        "defaults": {
            "operating_point": offered.default_operating_point,
            "prevalence": rules.prevalence,
            "error": DEFAULT_ERROR if offered.conformal else None,
            "explain": EXPLAIN.default,
            "force": FORCE.default,
        },
        "form": {"type": "object", "properties": _form(rules)},
        "limits": {
            "max_body_bytes": limits.max_body_bytes,
            "max_files": limits.max_files,
            "max_pixels": limits.max_pixels,
            "sync_files": settings.sync_limit,
            "drawn_films": MOST_DRAWN,
        },
        "keep_films": settings.keep_films,
        "retention_days": settings.retention_days,
        "gate_reasons": {
            code: {"sentence": sentence, "hint": hint}
            for code, (sentence, hint) in gate.REASONS.items()
        },
        "notice": NOTICE,
    }


def _form(rules: Rules) -> dict[str, dict[str, Any]]:
    offered = rules.offered
    fields = {setting.name: setting.schema for setting in UPLOADED}
    thresholds: dict[str, list[OperatingPoint]] = {}
    for point in offered.operating_points:
        thresholds.setdefault(point.name, []).append(point)
    fields["operating_point"] |= {
        "enum": list(thresholds),
        "oneOf": [_point(name, points) for name, points in thresholds.items()],
        "default": offered.default_operating_point,
    }
    if not _takes_prevalence(offered):
        del fields["prevalence"]
    else:
        for words in ("title", "description"):
            text = fields["prevalence"][words]
            fields["prevalence"][words] = text.replace(DISEASE, offered.labels.positive.lower())
        if rules.prevalence is not None:
            fields["prevalence"]["default"] = rules.prevalence
    if offered.conformal is None:
        del fields["error"]
    else:
        del fields["error"]["exclusiveMinimum"], fields["error"]["exclusiveMaximum"]
        fields["error"] |= {
            "minimum": offered.conformal.smallest_error,
            "maximum": LARGEST_ERROR,
            "default": DEFAULT_ERROR,
        }
    return fields


def _point(name: str, points: Sequence[OperatingPoint]) -> dict[str, str]:
    """A choice; several findings have a threshold each, which one line cannot show."""
    first = points[0]
    title = name if len(points) > 1 else f"{name} · {threshold_text(first.threshold)}"
    return {"const": name, "title": title, "description": first.rule}


def _takes_prevalence(offered: BundleRules) -> bool:
    return offered.labels.negative is not None and offered.calibration.prevalence is not None
