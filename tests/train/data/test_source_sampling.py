"""Epochs in which the source of a film says nothing about its class."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.errors import DataError
from pneumoscope.train.data import source_sampling

SOURCES = ["a"] * 80 + ["b"] * 10 + ["c"] * 10
ILL = np.array([i % 4 != 0 for i in range(80)] + [False] * 10 + [True] * 10)
ROWS = np.arange(100) + 1000


def test_every_group_is_drawn_by_its_share_half_of_it_healthy() -> None:
    groups = source_sampling.groups_of(ROWS, SOURCES, ILL, [("a", 3.0), ("b+c", 1.0)])
    order = source_sampling.order(groups, 400, np.random.default_rng(0)) - 1000
    assert len(order) == 400
    first = order < 80
    assert first.sum() == 300
    assert ILL[order[first]].mean() == 0.5
    assert ILL[order[~first]].mean() == 0.5


def test_films_are_repeated_evenly() -> None:
    groups = source_sampling.groups_of(ROWS, SOURCES, ILL, [("a", 0.5), ("b+c", 0.5)])
    order = source_sampling.order(groups, 100, np.random.default_rng(0)) - 1000
    counts = np.bincount(order, minlength=100)
    assert set(counts[80:].tolist()) == {2, 3}  # 25 draws of 10 films, twice
    healthy = np.flatnonzero(~ILL[:80])  # 25 draws of 20 films
    assert set(counts[healthy].tolist()) == {1, 2}


def test_epochs_differ_and_a_seed_repeats_them() -> None:
    groups = source_sampling.groups_of(ROWS, SOURCES, ILL, [("a", 0.5), ("b+c", 0.5)])
    first, again, other = (
        source_sampling.order(groups, 60, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_sources_that_are_left_out_lose_their_share() -> None:
    shares = [("a", 0.5), ("b+c", 0.3), ("d", 0.2)]
    assert source_sampling.shares_without(shares, []) == tuple(shares)
    assert source_sampling.shares_without(shares, ["a", "b"]) == (("c", 0.3), ("d", 0.2))
    assert source_sampling.shares_without(shares, ["a", "b", "c", "d"]) == ()


@pytest.mark.parametrize(
    ("shares", "message", "hint"),
    [
        ([("a", 1.0)], "does not name 'b', 'c'", "a, b, c"),
        ([("a+b+c", 0.5), ("d", 0.5)], "no training film is from d", "a, b, c"),
        ([("a", 0.5), ("b+a", 0.2), ("c", 0.3)], "source a is in two groups", "once"),
        ([("a", 0.5), ("b", 0.2), ("c", 0.3)], "all training films of b are healthy", "b+..."),
        ([("a+b", 0.5), ("c", 0.5)], "all training films of c are ill", "c+..."),
    ],
)
def test_groups_that_cannot_be_drawn(
    shares: list[tuple[str, float]], message: str, hint: str
) -> None:
    with pytest.raises(DataError, match=message) as error:
        source_sampling.groups_of(ROWS, SOURCES, ILL, shares)
    assert hint in error.value.hint


def test_films_without_a_source_are_named() -> None:
    with pytest.raises(DataError, match="does not name ''"):
        source_sampling.groups_of(ROWS, ["a"] * 99 + [""], ILL, [("a", 1.0)])
