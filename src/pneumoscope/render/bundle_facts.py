"""What a bundle is, for `pneumoscope info` and the server's page."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pneumoscope import __version__
from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.decision.rules import Rules
from pneumoscope.records import Settings
from pneumoscope.render.wording import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.decision.calibration import Calibration
    from pneumoscope.decision.conformal import Scores
    from pneumoscope.decision.ranges import Ranges
    from pneumoscope.decision.rules import BundleRules
    from pneumoscope.records import OperatingPoint
    from pneumoscope.runtime import Classifier


def bundle_facts(classifier: Classifier) -> dict[str, Any]:
    """Figures and limits that can be written as JSON; as they read with the site profile, if there is one.

    Nothing of the machine is among them.
    """
    bundle, meta, rules = classifier.bundle, classifier.bundle.meta, classifier.rules.offered
    return {
        "pneumoscope": __version__,
        "bundle": bundle.title,
        "bundle_sha256": bundle.sha256,
        "task": meta.task,
        "labels": list(meta.labels),
        "positive": meta.positive,
        "kinds": list(meta.kinds),
        "kinds_warning": meta.kinds_warning,
        "warnings": list(meta.warnings),
        "input_px": meta.size,
        "calibration": asdict(rules.calibration),
        "smallest_error": rules.conformal.smallest_error if rules.conformal else None,
        "probabilities": _probabilities(rules.calibration),
        "undetermined": _undetermined(rules.conformal),
        "gate": _gate(meta.gate),
        "operating_points": points_with_ranges(rules),
        "default_error": None if rules.conformal is None else DEFAULT_ERROR,
        "default_operating_point": rules.default_operating_point,
        "population": asdict(meta.population),
        "attribution": meta.data.get("attribution", ""),
        "licence": meta.data.get("licence", ""),
        "validation": dict(meta.validation),
    }


def points_with_ranges(offered: BundleRules) -> list[dict[str, Any]]:
    """The operating points with the `default_ranges` of their verdicts."""
    return [
        asdict(point) | default_ranges(offered, point)._asdict()
        for point in offered.operating_points
    ]


def default_ranges(offered: BundleRules, point: OperatingPoint) -> Ranges:
    """The ranges of the verdicts at one of the operating points, at the default error and the site's prevalence."""
    return Rules.of(offered, Settings(operating_point=point.name)).ranges(point)


def _probabilities(calibration: Calibration) -> str:
    if calibration.prevalence is None:
        # Imported findings have a scale and an offset each, which change nothing.
        plain = set(calibration.scale) == {1.0} and not any(calibration.offset)
        text = "not at all" if plain and len(calibration.scale) > 1 else calibration.text
        return f"calibrated: {text}; --prevalence cannot be served"
    return (
        f"calibrated: {calibration.text}; at a prevalence of {percent(calibration.prevalence)}, "
        "unless --prevalence says another"
    )


def _undetermined(scores: Scores | None) -> str:
    if scores is None:
        return "never: the bundle has no scores of enough validation films"
    text = (
        f"where a film is not clearly of one class at error {percent(DEFAULT_ERROR)}, or at --error, of "
        f"{percent(math.ceil(1000 * scores.smallest_error) / 1000)} or more"
    )
    if scores.left_out:
        text += (
            "; the upper limit also holds for healthy films of "
            f"{', '.join(scores.left_out)}, as judged by networks trained without them"
        )
    return text


def _gate(gate: Mapping[str, Any] | None) -> str:
    if gate is None:
        return "none of its own: only size, colour and header are looked at"
    plain = gate["measured"]["plain"]
    return (
        f"refuses what it cannot judge; wrongly {percent(plain['refused'])} of {plain['films']} "
        "validation films as they are"
    )
