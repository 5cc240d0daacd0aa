"""A test martingale on conformal ranks: the Composite Jumper."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_RATES = (0.001, 0.01, 0.1, 1.0)
"""How often the player changes the bet, per film; the stake is split evenly. At 1 nothing can be won
or lost: a quarter of the stake is safe, so a long series without change costs little."""
_LOCATION = (-2.0, -1.0, 0.0, 1.0, 2.0)
_SPREAD = (-1.0, 1.0)


def ranks(reference: Sequence[float], stream: Array, rng: np.random.Generator) -> Array:
    """Online conformal p-values: the rank of each value among the reference and the values before it.

    Args:
        reference: In any order.
        stream: (n,), in order of time.
        rng: Orders equal values.

    Returns:
        (n,), in (0, 1): small for large values. Independent and uniform if reference and stream are
        exchangeable.
    """
    past = sorted(float(x) for x in reference)
    p_values = np.empty(len(stream))
    chance = 1 - rng.random(len(stream))
    for i, x in enumerate(stream.tolist()):
        above = len(past) - bisect_right(past, x)
        equal = len(past) - above - bisect_left(past, x)
        p_values[i] = (above + chance[i] * (equal + 1)) / (len(past) + 1)
        insort(past, x)
    return p_values


def log_stakes(u: Array) -> Array:
    """Logarithm of the player's stake after each rank, from a stake of 1.

    Args:
        u: Ranks in [0, 1], (n,) or (n, games).

    Returns:
        Of the shape of ``u``: a test martingale if ranks are independent and uniform.
    """
    games = u.reshape(len(u), -1)
    x = games - 0.5
    # Every bet has mean 1 over uniform ranks and is never negative.
    bets = [1 + e * x for e in _LOCATION] + [1 + e * (6 * x**2 - 0.5) for e in _SPREAD]
    factors = np.stack(bets, axis=-1)  # (n, games, bets)
    rates = np.array(_RATES)[:, None]
    stake = np.full((games.shape[1], len(_RATES), len(bets)), 1 / (len(_RATES) * len(bets)))
    log_scale = np.zeros(games.shape[1])
    logs = np.empty(games.shape)
    for i, factor in enumerate(factors):
        whole = stake.sum(axis=-1, keepdims=True)
        stake = ((1 - rates) * stake + rates * whole / len(bets)) * factor[:, None, :]
        total = stake.sum(axis=(1, 2))
        stake /= total[:, None, None]
        log_scale += np.log(total)
        logs[i] = log_scale
    return logs.reshape(u.shape)
