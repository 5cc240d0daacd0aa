from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from dataclasses import replace

from bright_films import SIZE, films
from pneumoscope.data import FilmSet
from pneumoscope.train.validation import explanations, localise
from tiny import tiny_meta

META = tiny_meta(size=SIZE, source_size=SIZE)


def cells(x: np.ndarray) -> np.ndarray:
    return x[..., 0].reshape(-1, 8, 8, 8, 8).mean(axis=(2, 4)) / 255


def spotted() -> FilmSet:
    """Grey films; the ill ones have a bright spot in either half."""
    given = films()
    pixels = np.full_like(given.pixels, 100)
    ill = np.array([film.targets[1] == 1 for film in given.films])
    for left in (8, 40):
        pixels[ill, 24:40, left : left + 16] = 220
    return replace(given, pixels=pixels)


def answers(x: np.ndarray, heat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ill where a cell is bright: log odds 12 (brightest - 0.6); heat of all classes alike."""
    odds = np.exp(12 * (cells(x).max(axis=(1, 2)) - 0.6))
    ill = odds / (1 + odds)
    p = np.stack([1 - ill, 0.7 * ill, 0.3 * ill], axis=1)
    return p, np.repeat(heat[:, None], 3, axis=1)


def honest(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Marks the bright spots, and little else."""
    return answers(x, np.maximum(cells(x) - 0.35, 0) ** 2)


def blind(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Marks the same two places, one on either side, whatever the film shows."""
    heat = np.zeros((len(x), 8, 8))
    heat[:, 3, 1] = heat[:, 3, 6] = 1
    return answers(x, heat)


def test_a_map_on_the_wrong_half_scores_less() -> None:
    scores = explanations.scores(honest, META, spotted())
    assert scores is not None
    assert scores.composed["checked"].shape == scores.placed.shape == (20,)
    assert (scores.placed > 0.9).all()
    record = explanations.record_of(scores, draws=200)
    checked = record["modes"]["checked"]
    assert checked["mirrored"]["value"] > 0.9
    assert checked["misplaced"] is None  # no film has its heat elsewhere
    assert record["limits"]["checked"] == pytest.approx(
        np.quantile(scores.whole["checked"], 0.05), abs=1e-4
    )
    assert record["films"] == 40


def test_a_score_that_tells_nothing_sets_no_limit() -> None:
    scores = explanations.scores(blind, META, spotted())
    assert scores is not None
    record = explanations.record_of(scores, draws=200)
    assert record["limits"] == {}
    assert record["modes"]["checked"]["hidden_whole"] is None
    # A map that is its own mirror image scores the same.
    assert record["modes"]["checked"]["mirrored"]["value"] == pytest.approx(0.5)


def test_heat_beside_the_lungs_lowers_the_score() -> None:
    def half_of_the_film(x: np.ndarray) -> np.ndarray:
        field = np.zeros((len(x), 8, 8))
        field[:, :, :4] = 1
        return field

    scores = explanations.scores(blind, META, spotted(), lungs=half_of_the_film)
    assert scores is not None
    # Half of the heat lies on this lung, and 1 cell of 64 has half of the heat.
    assert scores.whole["fast"] == pytest.approx(((1 - 2 / 64) * 0.5) ** 0.5)


def test_half_of_the_films_below_the_limit_by_hand() -> None:
    values = np.linspace(0, 1, 100)
    placed = np.where(values < 0.5, 0.2, 0.9)
    patients = tuple(str(i) for i in range(100))
    scores = explanations.Scores(
        {"fast": values, "checked": values},
        {"fast": values, "checked": values},
        {"fast": values, "checked": values / 2},
        placed,
        patients,
    )
    record = explanations.record_of(scores, draws=200)
    assert record["misplaced_films"] == 50
    fast, checked = record["modes"]["fast"], record["modes"]["checked"]
    assert fast["misplaced"]["value"] == 1.0
    assert fast["mirrored"]["value"] == 0.5
    assert checked["mirrored"]["value"] == pytest.approx(0.75, abs=0.01)
    assert record["limits"]["fast"] == pytest.approx(0.05, abs=1e-4)
    assert (fast["hidden_whole"], checked["hidden_mirrored"]) == (0.05, 0.1)


def test_without_healthy_films_there_is_nothing_to_measure() -> None:
    given = spotted()
    ill = tuple(replace(film, targets=(0.0, 1.0, 0.0)) for film in given.films)
    assert explanations.scores(honest, META, replace(given, films=ill)) is None


def test_composed_halves_by_hand() -> None:
    halves = localise.composed(films(), SIZE)
    assert halves is not None
    assert halves.films.shape == (40, SIZE, SIZE)
    for film, ill_left in zip(halves.films, halves.ill_left, strict=True):
        assert (film[:, : SIZE // 2] == (200 if ill_left else 50)).all()
        assert (film[:, SIZE // 2 :] == (50 if ill_left else 200)).all()
    assert halves.patients[:20] == halves.patients[20:]
