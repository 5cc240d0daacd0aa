"""What ``bundle.json`` says of a training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("cv2")

import bright_films
from pneumoscope.decision.calibration import Calibration
from pneumoscope.records import OperatingPoint
from pneumoscope.train.export import description
from pneumoscope.train.recipe.settings import Recipe
from pneumoscope.train.validation.calibrate import Calibrated
from pneumoscope.train.validation.predictions import Validation

POINT = OperatingPoint("balanced", 0.4, "by hand")


def calibrated() -> Calibrated:
    validation = Validation(np.zeros(1, np.intp), ("p",), {"plain": np.ones((1, 3)) / 3})
    return Calibrated(Calibration((2.0,), (0.5,)), validation, (POINT,), None)


def test_classes_by_hand() -> None:
    films = replace(bright_films.films(), warnings=("few films",))
    meta = description.describe(Recipe(name="toy", seed=4), films, calibrated(), {"films": 40})
    assert (meta.name, meta.labels, meta.negative) == ("toy", films.names, "normal")
    assert meta.positive == description.positive_of(films)
    assert meta.recipe["seed"] == 4
    assert meta.calibration.scale == (2.0,)
    assert (meta.operating_points, meta.default_operating_point) == ((POINT,), "balanced")
    assert meta.data["films"] == {
        "train": {"normal": 0, "bacterial": 0, "viral": 0},
        "validation": {"normal": 20, "bacterial": 20, "viral": 0},
    }
    assert meta.data["warnings"] == ["few films"]
    assert meta.data["manifest_sha256"] == films.manifest_sha256
    assert meta.validation == {"films": 40}
    assert (meta.gate, meta.explanation) == (None, None)


def test_sources_left_out_are_recorded() -> None:
    films = bright_films.films()
    meta = description.describe(Recipe(split="leave-out:north+south"), films, calibrated(), {})
    assert (meta.data["split"], meta.data["left_out"]) == ("patient", ["north", "south"])
    meta = description.describe(Recipe(split="film"), films, calibrated(), {})
    assert meta.data["split"] == "film"
    assert "left_out" not in meta.data


def test_a_population_that_nobody_knows_is_said_to_be_so() -> None:
    meta = description.describe(Recipe(), bright_films.films(), calibrated(), {})
    assert meta.population.text == "the patients of the training films (drawn)"
    assert (meta.population.age_years, meta.population.views) == (None, ())


def test_several_findings_have_no_negative_class() -> None:
    films = replace(bright_films.films(), task="multilabel", names=("a", "b", "c"), negative=None)
    meta = description.describe(Recipe(task="multilabel"), films, calibrated(), {})
    assert meta.negative is None
    assert meta.data["films"]["validation"] == {"a": 20, "b": 20, "c": 0}
