"""The bundles and site profiles of the shared cases: what decides, as in bundle.json and profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.profile import profile_from_json

if TYPE_CHECKING:
    from numpy.random import Generator

SEED = 20260115
SCORES = 39
"""Conformal scores on each side: the smallest error is 1 / 40."""
LIMITS = {
    "unsuitable": 0.6, "distance": 1.2, "distance-note": 1.0, "mirrored": 0.7, "other-population": 0.5,
    "flatness": 0.8, "saturation": 0.2, "blur": 0.7, "one-lung": 0.5, "lung-doubt": 0.7,
    "screen-note": 0.03,
}  # fmt: skip
CHILDREN = {"text": "children", "age_years": [1.0, 5.0], "views": ["AP", "PA"]}
NOBODY_KNOWS = {"text": "nobody knows", "age_years": None, "views": []}
FINDINGS = {"Effusion": 0.6, "Mass": 0.5, "Nodule": 0.0005, "Support Devices": 0.02}
"""Finding to its threshold at the operating point ``balanced``."""
UNUSUAL_SETS = {
    "never positive": (0.0, 0.7), "never normal": (0.7, 0.0), "always undetermined": (0.0, 0.0),
    "close limits": (0.50001, 0.50001), "nearly 1": (0.5, 0.99997), "rarely normal": (1.0, 0.0002),
}  # fmt: skip
"""Bundle to its conformal limits of 1 - P and of P, where these leave no range for a verdict, or a narrow one."""


def bundles() -> dict[str, dict[str, Any]]:
    """The parts of bundle.json that decide, for every kind of bundle."""
    # The order counts: each bundle draws its scores from the same generator.
    draw = np.random.default_rng(SEED)
    kinds = _with_kinds(draw)
    binary = kinds | _binary(draw)
    several = kinds | _several(draw)
    findings = kinds | _findings(draw)
    without = {"conformal": None}
    older = {name: limit for name, limit in LIMITS.items() if name != "screen-note"}
    return {
        "kinds": kinds,
        "kinds without scores": kinds | without | {"gate": {"limits": older, "measured": {}}},
        "binary": binary,
        "binary without gate": binary | without | {"gate": None},
        "binary, prevalence unknown": binary | {"calibration": _calibration()},
        "several": several,
        "findings": findings,
        "findings without scores": findings | without,
        **{name: binary | _with_limits(*limits) for name, limits in UNUSUAL_SETS.items()},
    }


def _with_kinds(draw: Generator) -> dict[str, Any]:
    """A bundle with two kinds of pneumonia; the others are described by what differs from it."""
    return {
        "name": "kinds",
        "labels": ["normal", "bacterial", "viral"],
        "negative": "normal",
        "positive": "PNEUMONIA",
        "kinds": ["bacterial", "viral"],
        "kinds_warning": "bacterial or viral: a film alone does not tell",
        "warnings": [],
        "calibration": _calibration(prevalence=0.745),
        "conformal": {
            "questions": {"PNEUMONIA": _sides(draw)},
            "kinds": {"bacterial": _scores(draw, 0.6), "viral": _scores(draw, 0.4)},
        },
        "operating_points": _points({"balanced": 0.5, "screen": 0.125, "rule-in": 0.9375}),
        "default_operating_point": "balanced",
        "population": CHILDREN,
        "gate": {"limits": LIMITS, "measured": {}},
    }


def _binary(draw: Generator) -> dict[str, Any]:
    return {
        "name": "binary",
        "labels": ["normal", "tuberculosis"],
        "positive": "TUBERCULOSIS",
        "kinds": [],
        "kinds_warning": "",
        "warnings": ["trained on the films of one clinic"],
        "calibration": _calibration(prevalence=0.5),
        # Films of either class overlap: sets of both.
        "conformal": {"questions": {"TUBERCULOSIS": _sides(draw, 0.5)}, "kinds": {}},
        "population": NOBODY_KNOWS,
    }


def _with_limits(negative: float, positive: float) -> dict[str, Any]:
    sides = {"negative": [negative] * SCORES, "positive": [positive] * SCORES}
    return {"conformal": {"questions": {"TUBERCULOSIS": sides}, "kinds": {}}}


def _several(draw: Generator) -> dict[str, Any]:
    """A bundle with three kinds, and its negative class in the middle."""
    return {
        "name": "several",
        "labels": ["covid", "tuberculosis", "Normal", "fungal"],
        "negative": "Normal",
        "positive": "ABNORMAL",
        "kinds": ["covid", "tuberculosis", "fungal"],
        "kinds_warning": "",
        "warnings": ["trained on few films", "not for children"],
        "conformal": {
            "questions": {"ABNORMAL": _sides(draw)},
            "kinds": {
                "covid": _scores(draw, 0.4),
                "tuberculosis": _scores(draw, 0.3),
                "fungal": _scores(draw, 0.2),
            },
        },
    }


def _findings(draw: Generator) -> dict[str, Any]:
    """A bundle with several findings on one film; two of them have no conformal scores."""
    return {
        "name": "findings",
        "labels": list(FINDINGS),
        "negative": None,
        "positive": "ABNORMAL",
        "kinds": [],
        "kinds_warning": "",
        "calibration": _calibration(questions=len(FINDINGS)),
        "conformal": {
            "questions": {"Effusion": _sides(draw), "Mass": _sides(draw, 0.5)},
            "kinds": {},
        },
        "operating_points": [
            point
            for name, threshold in FINDINGS.items()
            for point in _points({"balanced": threshold, "screen": threshold / 4}, name)
        ],
    }


def _scores(draw: Generator, middle: float) -> list[float]:
    values = np.sort(draw.beta(6 * middle, 6 * (1 - middle), SCORES))
    return [round(float(value), 4) for value in values]


def _sides(draw: Generator, middle: float = 0.8) -> dict[str, list[float]]:
    return {"negative": _scores(draw, middle), "positive": _scores(draw, middle)}


def _points(thresholds: dict[str, float], finding: str | None = None) -> list[dict[str, Any]]:
    return [
        {"name": name, "threshold": threshold, "rule": "by hand", "finding": finding}
        for name, threshold in thresholds.items()
    ]


def _calibration(questions: int = 1, prevalence: float | None = None) -> dict[str, Any]:
    return {
        "scale": [1.0] * questions,
        "offset": [0.0] * questions,
        "kinds_temperature": 1.0,
        "prevalence": prevalence,
    }


def profiles() -> dict[str, dict[str, Any]]:
    """The content of site profiles, for two of the bundles, and their titles."""
    draw = np.random.default_rng(SEED + 1)
    kinds = ("bacterial", "viral")
    return {
        "ward": _profile(draw, "ward", "PNEUMONIA", None, kinds),
        "ward with a prevalence": _profile(draw, "ward", "PNEUMONIA", 0.05, kinds),
        "clinic": _profile(draw, "clinic", "TUBERCULOSIS", 0.3),
    }


def _profile(
    draw: Generator,
    name: str,
    positive: str,
    prevalence: float | None,
    kinds: tuple[str, ...] = (),
) -> dict[str, Any]:
    def scores() -> list[float]:
        return [round(float(value), 4) for value in np.sort(draw.beta(5, 1, SCORES))]

    content = {
        "format": 1,
        "name": name,
        "created": "2026-01-15",
        "bundle": "made by hand 1",
        "bundle_sha256": "0" * 64,
        "films": 200,
        "patients": 150,
        "classes": {"normal": 100, "ill": 100},
        "prevalence": prevalence,
        "calibration": {
            "scale": [0.8], "offset": [-0.4], "kinds_temperature": 1.0, "prevalence": 0.5,
        },
        "points": [
            {
                "point": {"name": n, "threshold": t, "rule": "by hand", "finding": None},
                "sensitivity": None,
                "specificity": None,
            }
            for n, t in (("balanced", 0.4), ("screen", 0.2))
        ],
        "default_operating_point": "screen",
        "conformal": {
            "questions": {positive: {"negative": scores(), "positive": scores()}},
            "kinds": {kind: scores() for kind in kinds},
        },
        "gate_limits": {"distance": 2.0},
        "reference": {},
        "verdict": "go",
        "reasons": [],
    }  # fmt: skip
    return content | {"title": profile_from_json(content).title}
