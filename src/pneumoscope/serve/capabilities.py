"""What ``GET /model`` and ``GET /settings`` answer: facts of the bundle, and a reader's choices."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pneumoscope.bundle import CARD
from pneumoscope.decision import explain, gate
from pneumoscope.decision.conformal import DEFAULT_ERROR
from pneumoscope.render.bundle_facts import bundle_facts
from pneumoscope.render.serialise import NOTICE
from pneumoscope.serve.exports import MOST_DRAWN

if TYPE_CHECKING:
    from pneumoscope.runtime import Classifier
    from pneumoscope.serve.settings import ServeSettings


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


def reader_choices(classifier: Classifier, settings: ServeSettings) -> dict[str, Any]:
    """What a reader can choose, the limits, and the sentences of the gate's reasons."""
    rules, offered = classifier.rules, classifier.rules.offered
    limits = settings.limits
    return {
        "operating_points": [asdict(point) for point in offered.operating_points],
        "explain": list(explain.MODES),
        "prevalence": (
            offered.labels.negative is not None and offered.calibration.prevalence is not None
        ),
        "error": {
            "possible": offered.conformal is not None,
            "smallest": offered.conformal.smallest_error if offered.conformal else None,
        },
        "defaults": {
            "operating_point": offered.default_operating_point,
            "prevalence": rules.prevalence,
            "error": DEFAULT_ERROR if offered.conformal else None,
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
