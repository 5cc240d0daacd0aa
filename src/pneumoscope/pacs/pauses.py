"""Pauses between attempts: each is twice as long as the one before, with random jitter."""

from __future__ import annotations

import random


def pause_s(attempt: int, first_s: float, longest_s: float) -> float:
    """Seconds before the next attempt.

    Args:
        attempt: Attempts that have failed, from 1.
        first_s: Pause after the first attempt.
        longest_s: Longest pause.

    Returns:
        Between half of the pause and the whole pause, at random: results that failed together are not
        sent again together.
    """
    doublings = min(attempt - 1, 60)  # beyond that, every pause is the longest one
    return min(longest_s, first_s * 2.0**doublings) * random.uniform(0.5, 1.0)
