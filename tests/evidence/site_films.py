"""Films of a site, and results on them, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pneumoscope.evidence.site.films import SiteFilms
from pneumoscope.evidence.site.results import PointResult
from pneumoscope.evidence.site.verdict import JudgedFilms
from pneumoscope.evidence.statistics.intervals import Figure
from pneumoscope.records import OperatingPoint


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
