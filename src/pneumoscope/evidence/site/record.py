"""A site calibration as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pneumoscope import __version__
from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from pneumoscope.evidence.site.results import Calibrated


def to_json(result: Calibrated) -> dict[str, Any]:
    """All figures as JSON-ready values; of films, only those that cannot be read are named."""
    profile = asdict(result.profile)
    # The profile's file contains these lists.
    for name in ("conformal", "reference"):
        del profile[name]
    return {
        "notice": NOTICE,
        "verdict": result.profile.verdict,
        "reasons": list(result.profile.reasons),
        "profile": profile,
        "points": [asdict(point) for point in result.points],
        "calibration": {"before": asdict(result.before), "after": asdict(result.after)},
        "undetermined": {"error": DEFAULT_ERROR, **asdict(result.undetermined)},
        "carried": [asdict(point) for point in result.carried],
        "refused": result.refused,
        "broken": [asdict(film) for film in result.broken],
        "warnings": list(result.warnings),
        "pneumoscope": __version__,
    }
