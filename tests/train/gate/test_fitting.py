"""A gate fitted on drawn films."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drawn import drawn_set
from picture_collection import collection
from pneumoscope.bundle import GATE
from pneumoscope.data import FilmSet, load
from pneumoscope.decision import gate
from pneumoscope.train.gate import fitting, pictures, unsuitable


def cells(films: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """8 x 8 means, grey levels / 255."""
    return np.stack([cv2.resize(f[..., 0], (8, 8), interpolation=cv2.INTER_AREA).ravel() for f in films]) / np.float32(255)  # fmt: skip


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> FilmSet:
    folder = tmp_path_factory.mktemp("films")
    return load(
        drawn_set(folder / "films"),
        96,
        task="multiclass",
        share=0.25,
        seed=0,
        cache=folder / "cache",
    )


@pytest.fixture(scope="module")
def fitted(films: FilmSet) -> fitting.Fitted:
    steps: list[tuple[int, int]] = []
    gate_fit = fitting.fit(cells, films, 64, progress=lambda *at: steps.append(at))
    assert steps[-1][0] == steps[-1][1]
    return gate_fit


def scores_of(fitted: fitting.Fitted, features: np.ndarray[Any, Any]) -> dict[str, Any]:
    return fitted.heads.scores(fitted.axes.coordinates(features))


def test_the_gate_tells_drawn_films_from_changed_ones(
    films: FilmSet, fitted: fitting.Fitted
) -> None:
    clean = np.stack([films.pixels[i] for i in films.rows("validation")])
    look = fitting.FeatureExtractor(cells, 64, len(clean))
    passed = scores_of(fitted, look(clean))["unsuitable"]
    rng = np.random.default_rng(0)
    turned = np.stack([unsuitable.CHANGES["rotated-90"](film, rng) for film in clean])
    refused = scores_of(fitted, look(turned))["unsuitable"]
    assert np.median(passed) < 0.3
    assert np.median(refused) > 0.7


def test_the_record_says_what_was_measured(fitted: fitting.Fitted, films: FilmSet) -> None:
    limits, measured = fitted.record["limits"], fitted.record["measured"]
    assert set(limits) >= {"unsuitable", "distance", "flatness", "saturation", "blur", "mirrored"}
    assert limits["distance-note"] <= limits["distance"]
    assert measured["plain"]["films"] == len(films.rows("validation"))
    assert measured["plain"]["refused"] <= 0.25  # 16 films: one is 0.06
    assert set(measured["changed"]) == set(unsuitable.CHANGES)
    assert len(measured["stress"]) == 21


def test_heads_survive_their_file(fitted: fitting.Fitted, films: FilmSet, tmp_path: Path) -> None:
    fitting.save_heads(fitted.heads, tmp_path / GATE)
    again = gate.read_heads(tmp_path / GATE)
    x = fitted.axes.coordinates(cells(np.stack([films.pixels[0], films.pixels[-1]])[..., None]))
    for name, values in fitted.heads.scores(x).items():
        np.testing.assert_allclose(again.scores(x)[name], values, atol=1e-5)


def test_the_model_stores_the_axes_without_rounding_them(fitted: fitting.Fitted) -> None:
    np.testing.assert_array_equal(fitted.axes.axes.astype(np.float16), fitted.axes.axes)


@pytest.mark.slow
def test_pictures_that_are_held_out_are_not_learned_from(films: FilmSet, tmp_path: Path) -> None:
    collected = pictures.read_pictures(collection(tmp_path / "pictures"), 96)
    assert collected.kinds == ("photograph", "photograph", "ct-slice")
    assert collected.held_out.tolist() == [False, True, False]
    assert collected.films.shape == (3, 96, 96)
    outsiders = fitting.Outsiders(collected, films.pixels[:0])
    without = fitting.fit(cells, films, 64).record["measured"]["learned"]
    learned = fitting.fit(cells, films, 64, outsiders).record["measured"]["learned"]
    # Each twice, once as it is and once changed.
    assert learned["not-a-radiograph"] == without["not-a-radiograph"] + 2
    assert learned["not-a-chest"] == without["not-a-chest"] + 2
    assert learned["frontal"] == without["frontal"]


@pytest.mark.slow
def test_films_of_other_patients_are_told_from_the_populations(
    films: FilmSet, tmp_path: Path
) -> None:
    wide = np.stack([cv2.resize(film[:, 24:72], (96, 96)) for film in films.pixels])
    fitted = fitting.fit(cells, films, 64, fitting.Outsiders(None, wide))
    measured = fitted.record["measured"]
    checked = -(-len(wide) // 5)
    assert measured["other-population"]["films"] == checked
    assert measured["other-population"]["recognised"] > 0.9
    # All that are learned from, and as many augmented ones, at most as many as the population's.
    learned = measured["learned"]
    assert learned["other-population"] == len(wide) - checked + min(
        learned["frontal"], len(wide) - checked
    )
    assert fitted.record["limits"]["other-population"] >= 0.5
    # A chest film of another patient is still a chest film.
    look = fitting.FeatureExtractor(cells, 64, checked)
    scores = scores_of(fitted, look(wide[::5]))
    assert np.median(scores["unsuitable"]) < 0.5
    assert np.median(scores["other-population"]) > 0.9
    fitting.save_heads(fitted.heads, tmp_path / GATE)
    again = gate.read_heads(tmp_path / GATE)
    assert again.others is not None
    np.testing.assert_array_equal(again.others, fitted.heads.others)
