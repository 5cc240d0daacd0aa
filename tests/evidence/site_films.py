"""Films of a site, and results on them, for tests."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pneumoscope.decision.profile import SiteProfile
from pneumoscope.evidence.site.films import SiteFilms
from pneumoscope.evidence.site.results import Calibrated, PointResult, Probabilities
from pneumoscope.evidence.site.verdict import JudgedFilms
from pneumoscope.evidence.statistics.intervals import Figure
from pneumoscope.evidence.statistics.reliability import Bin, CalibrationError
from pneumoscope.records import OperatingPoint
from tiny import site_profile


def site_data(root: Path, well: list[int], ill: list[int], *, each: int = 1) -> Path:
    """A manifest of even films with these grey levels; every patient has ``each`` films."""
    root.mkdir(parents=True, exist_ok=True)
    rows = ["path,patient,label"]
    for label, levels in (("normal", well), ("pneumonia", ill)):
        for i, level in enumerate(levels):
            name = f"{label}{i}.png"
            Image.fromarray(np.full((128, 128), level, np.uint8)).save(root / name)
            rows.append(f"{name},{label}-{i // each},{label}")
    (root / "manifest.csv").write_text("\n".join(rows) + "\n")
    return root


def levels(number: int, around: int, seed: int) -> list[int]:
    rng = np.random.default_rng(seed)
    return np.clip(around + 30 * rng.standard_normal(number), 0, 255).astype(int).tolist()


def judged_films(ill: int, well: int, refused: int = 0) -> JudgedFilms:
    positive = np.arange(ill + well) < ill
    flags = np.arange(ill + well) < refused
    patients = [str(i) for i in range(ill + well)]
    films = SiteFilms(
        name="ward",
        p=np.zeros((0, 2)),
        positive=positive,
        classes=positive.astype(np.intp),
        labels={},
        patients=tuple(patients),
        written=(),
        refused=flags,
        gate_limits={},
        older=None,
        broken=(),
        warnings=(),
    )
    return JudgedFilms(positive, patients, Figure(0.1), films)


def point_result(sensitivity: Figure, specificity: Figure) -> PointResult:
    point = OperatingPoint("balanced", 0.5, "by hand")
    return PointResult(
        point=point,
        sensitivity=sensitivity,
        specificity=specificity,
        bundle_threshold=None,
        bundle_sensitivity=Figure(None),
        bundle_specificity=Figure(None),
    )


def calibrated(**changes: Any) -> Calibrated:
    """Results of a site with one operating point; fields of the profile may be changed too."""
    names = {field.name for field in fields(SiteProfile)} - {"points"}
    profile = site_profile(**{k: v for k, v in changes.items() if k in names})
    side = Probabilities(
        CalibrationError(Figure(0.1, 0.05, 0.15), 0.02, 0.03),
        (Bin(low=0.0, high=1.0, predicted=0.5, observed=Figure(0.5, 0.4, 0.6), films=40),),
    )
    point = PointResult(
        point=profile.points[0].point,
        sensitivity=Figure(0.9, 0.8, 0.95),
        specificity=Figure(0.8, 0.7, 0.9),
        bundle_threshold=0.5,
        bundle_sensitivity=Figure(0.7, 0.6, 0.8),
        bundle_specificity=Figure(0.95, 0.9, 0.98),
    )
    values: dict[str, Any] = {
        "profile": profile,
        "points": (point,),
        "before": side,
        "after": replace(side, error=CalibrationError(Figure(0.04, 0.0, 0.08), 0.03, 0.4)),
        "undetermined": Figure(0.1, 0.05, 0.2),
        "carried": (),
        "refused": 0.025,
        "p": np.linspace(0.05, 0.95, 40),
        "positive": np.arange(40) >= 20,
        "broken": (),
        "warnings": (),
    }
    return Calibrated(**(values | {k: v for k, v in changes.items() if k not in names}))
