"""Pauses grow, differ, and end at the longest."""

from __future__ import annotations

import pytest

from pneumoscope.pacs.pauses import pause_s


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 5), (2, 10), (3, 20), (10, 2560), (11, 3600), (10_000, 3600)]
)
def test_a_pause_is_between_half_and_the_whole(attempt: int, longest: float) -> None:
    pauses = [pause_s(attempt, 5, 3600) for _ in range(200)]
    assert longest / 2 <= min(pauses)
    assert max(pauses) <= longest
    assert len(set(pauses)) > 100
    assert max(pauses) - min(pauses) > longest / 4
