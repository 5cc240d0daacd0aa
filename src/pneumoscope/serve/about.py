"""What the server tells of its bundle and of what a reader may choose."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pneumoscope.bundle import CARD
from pneumoscope.decision import explain, gate
from pneumoscope.decision.conformal import DEFAULT_ERROR
from pneumoscope.render.bundle_facts import bundle_facts
from pneumoscope.render.serialise import NOTICE
from pneumoscope.serve.documents import MOST_DRAWN

if TYPE_CHECKING:
    from pneumoscope.runtime import Classifier
    from pneumoscope.serve.settings import ServeSettings


def model(classifier: Classifier) -> dict[str, Any]:
    """The bundle: figures, limits, gate, population, hash and card, as they read at this site."""
    bundle, meta = classifier.bundle, classifier.rules.meta
    return bundle_facts(classifier) | {
        "profile": classifier.profile.title if classifier.profile else None,
        "negative": meta.negative,
        "positive": meta.positive,
        "gate_limits": dict(meta.gate["limits"]) if meta.gate else {},
        "intended_use": meta.intended_use,
        "card": (bundle.path / CARD).read_text(encoding="utf-8"),
        "notice": NOTICE,
    }


def choices(classifier: Classifier, settings: ServeSettings) -> dict[str, Any]:
    """What a reader may choose, the limits, and the gate's words."""
    meta, rules = classifier.rules.meta, classifier.rules
    limits = settings.limits
    return {
        "operating_points": [asdict(point) for point in meta.operating_points],
        "explain": list(explain.MODES),
        "prevalence": meta.negative is not None and meta.calibration.prevalence is not None,
        "error": {
            "possible": meta.conformal is not None,
            "smallest": meta.conformal.smallest_error if meta.conformal else None,
        },
        "defaults": {
            "operating_point": meta.default_operating_point,
            "prevalence": rules.prevalence,
            "error": DEFAULT_ERROR if meta.conformal else None,
            "explain": explain.FAST,
            "force": False,
        },
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
