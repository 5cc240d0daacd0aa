from __future__ import annotations

import numpy as np

from pneumoscope.train.network import regions


def test_parts_are_whole_or_shared() -> None:
    masks = regions.draw(2000, 8, 0.5, np.random.default_rng(0))
    areas = masks.mean(axis=(1, 2))
    assert 0.45 < (areas == 1).mean() < 0.55
    assert areas.min() >= 1 / 16  # never a film of nothing
    assert areas[areas < 1].max() <= 15 / 16
    # Either film of a pair is as often the larger part.
    assert abs(areas[areas < 1].mean() - 0.5) < 0.02
    # No cell belongs to the film more often than another.
    shares = masks[areas < 1].mean(axis=0)
    assert shares.max() - shares.min() < 0.1


def test_all_or_none() -> None:
    assert regions.draw(50, 4, 0.0, np.random.default_rng(0)).all()
    composed = regions.draw(50, 4, 1.0, np.random.default_rng(0))
    assert not composed.all(axis=(1, 2)).any()
    assert composed.any(axis=(1, 2)).all()


def test_compose_by_hand() -> None:
    films = np.stack([np.full((8, 8), 10), np.full((8, 8), 200)]).astype(np.uint8)
    masks = np.ones((2, 4, 4), bool)
    masks[0, :, 2:] = False
    mixed = regions.compose(films, np.array([1, 0]), masks)
    assert (mixed[0, :, :4] == 10).all()
    assert (mixed[0, :, 4:] == 200).all()
    assert (mixed[1] == 200).all()


def test_a_map_that_does_not_divide_the_film() -> None:
    films = np.arange(2, dtype=np.uint8)[:, None, None] * np.ones((1, 10, 10), np.uint8)
    masks = regions.draw(2, 4, 1.0, np.random.default_rng(3))
    mixed = regions.compose(films, np.array([1, 0]), masks)
    assert mixed.shape == films.shape
    assert set(np.unique(mixed)) == {0, 1}
