from __future__ import annotations

import math

import numpy as np
import pytest

from pneumoscope.evidence.site.martingale import log_stakes, ranks


class Half:
    """A generator whose numbers are all 1/2, for ranks computed by hand."""

    def random(self, number: int) -> np.ndarray:
        return np.full(number, 0.5)


def test_ranks_are_among_the_reference_and_the_films_before() -> None:
    places = ranks([1.0, 2.0, 3.0], np.array([2.5, 9.0, 2.0]), Half())  # type: ignore[arg-type]
    # One of 3 above, half of itself: 1.5 / 4. None of 4 above: 0.5 / 5. Above 2.0 are 2.5, 3, 9, and
    # it shares its place with another: (3 + 0.5 * 2) / 6.
    assert places.tolist() == pytest.approx([1.5 / 4, 0.5 / 5, 4 / 6])


def test_the_stake_of_one_film_by_hand() -> None:
    # At rank 1/2 bets on the place win nothing; the two on the spread pay 1/2 and 3/2. There are 7 bets.
    assert log_stakes(np.array([0.5])).tolist() == pytest.approx([math.log((5 + 0.5 + 1.5) / 7)])


def test_the_game_is_fair() -> None:
    # The mean stake over all ranks, by the midpoint rule, is 1 after one film and after two.
    u = (np.arange(200) + 0.5) / 200
    pairs = np.stack(np.meshgrid(u, u)).reshape(2, -1)
    stakes = np.exp(log_stakes(pairs))
    assert stakes[0].mean() == pytest.approx(1, abs=1e-4)
    assert stakes[1].mean() == pytest.approx(1, abs=1e-4)


def test_the_stake_hardly_falls_on_a_quiet_stretch() -> None:
    # The quarter that changes its bet at every film can neither win nor lose.
    u = np.random.default_rng(3).random(5000)
    assert log_stakes(u).min() >= math.log(0.25)


def test_false_alarms_are_as_rare_as_promised() -> None:
    rng = np.random.default_rng(1)
    games = [ranks(rng.standard_normal(50), rng.standard_normal(300), rng) for _ in range(300)]
    alarms = (log_stakes(np.stack(games, axis=1)) >= math.log(20)).any(axis=0).mean()
    # 0.05 plus twice its standard error over 300 games.
    assert alarms <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300)
