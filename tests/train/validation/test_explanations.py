from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from dataclasses import replace
from typing import TYPE_CHECKING

from bright_films import SIZE, films
from pneumoscope.data import FilmSet
from pneumoscope.train.validation import explanations, localise
from tiny import tiny_meta

if TYPE_CHECKING:
    from pneumoscope.decision.explain import Run

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


def scored(run: Run, lungs: explanations.Lungs | None = None) -> explanations.Scores:
    scores = explanations.scores(run, META, spotted(), lungs=lungs)
    assert scores is not None
    return scores


def test_a_map_on_the_wrong_half_scores_less() -> None:
    scores = scored(honest)
    assert scores.composed["checked"].shape == scores.placed.shape == (20,)
    assert (scores.placed > 0.9).all()
    record = explanations.record_of(scores, draws=200)
    checked = record["modes"]["checked"]
    assert checked["mirrored"]["value"] > 0.9
    assert checked["misplaced"] is None  # no film has its heat elsewhere
    called_ill = scores.whole["checked"][~scores.whole_negative]
    assert record["limits"]["checked"] == pytest.approx(np.quantile(called_ill, 0.05), abs=1e-4)
    assert (record["films"], record["negative"]["films"]) == (20, 20)
    # No composed film is called normal, so nothing says what a score of such a map is worth.
    assert record["negative"]["composed"] == 0
    assert record["negative"]["limits"] == {}


def test_a_score_that_tells_nothing_sets_no_limit() -> None:
    record = explanations.record_of(scored(blind), draws=200)
    assert record["limits"] == {}
    assert record["modes"]["checked"]["hidden_whole"] is None
    # A map that is its own mirror image scores the same.
    assert record["modes"]["checked"]["mirrored"]["value"] == pytest.approx(0.5)


def test_heat_beside_the_lungs_lowers_the_score() -> None:
    def half_of_the_film(x: np.ndarray) -> np.ndarray:
        field = np.zeros((len(x), 8, 8))
        field[:, :, :4] = 1
        return field

    # Half of the heat lies on this lung, and 1 cell of 64 has half of the heat.
    assert scored(blind, half_of_the_film).whole["fast"] == pytest.approx(
        ((1 - 2 / 64) * 0.5) ** 0.5
    )


def drawn_scores(negative: np.ndarray) -> explanations.Scores:
    """A hundred whole films and as many composed ones with scores from 0 to 1."""
    values = np.linspace(0, 1, 100)
    return explanations.Scores(
        whole={"fast": values, "checked": values},
        composed={"fast": values, "checked": values},
        mirrored={"fast": values, "checked": values / 2},
        placed=np.where(values < 0.5, 0.2, 0.9),
        composed_patients=tuple(str(i) for i in range(100)),
        whole_negative=negative,
        composed_negative=negative,
    )


def test_half_of_the_films_below_the_limit_by_hand() -> None:
    record = explanations.record_of(drawn_scores(np.zeros(100, bool)), draws=200)
    assert "negative" not in record
    assert record["misplaced_films"] == 50
    fast, checked = record["modes"]["fast"], record["modes"]["checked"]
    assert fast["misplaced"]["value"] == 1.0
    assert fast["mirrored"]["value"] == 0.5
    assert checked["mirrored"]["value"] == pytest.approx(0.75, abs=0.01)
    assert record["limits"]["fast"] == pytest.approx(0.05, abs=1e-4)
    assert (fast["hidden_whole"], checked["hidden_mirrored"]) == (0.05, 0.1)


def test_maps_of_the_negative_class_have_limits_of_their_own() -> None:
    # The films with the lower scores are called normal.
    record = explanations.record_of(drawn_scores(np.arange(100) < 50), draws=200)
    assert record["limits"]["checked"] == pytest.approx(0.5298, abs=2e-4)
    assert record["negative"]["limits"]["checked"] == pytest.approx(0.0247, abs=2e-4)
    assert (record["films"], record["negative"]["films"]) == (50, 50)
    assert (record["misplaced_films"], record["negative"]["misplaced_films"]) == (0, 50)


def test_without_a_film_called_ill_there_is_no_limit() -> None:
    record = explanations.record_of(drawn_scores(np.ones(100, bool)), draws=200)
    assert (record["films"], record["limits"]) == (0, {})
    assert record["modes"]["fast"]["percentiles"] == {}
    assert record["negative"]["limits"] != {}


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
