"""When a file counts as complete, and how long the pauses between attempts are."""

from __future__ import annotations

import pytest

from pneumoscope.watch.places import PlaceFile
from pneumoscope.watch.settling import Waiting, pause_s


def file(version: str, size: int = 5) -> PlaceFile:
    return PlaceFile("a.png", size, version)


def test_a_file_is_complete_when_it_has_not_changed_for_a_while() -> None:
    waiting = Waiting(file("1"), since=10.0)
    assert waiting.ready_at(2.0, atomic=False) == 12.0
    waiting.seen(file("1"), 11.0)
    assert waiting.ready_at(2.0, atomic=False) == 12.0
    waiting.seen(file("2"), 11.5)
    assert waiting.ready_at(2.0, atomic=False) == 13.5


def test_a_closed_file_is_complete_almost_at_once() -> None:
    waiting = Waiting(file("1"), since=10.0)
    waiting.seen(file("1"), 11.0, closed=True)
    assert waiting.ready_at(2.0, atomic=False) == 10.2
    waiting.seen(file("2"), 12.0)  # opened again
    assert waiting.ready_at(2.0, atomic=False) == 14.0


def test_an_empty_file_gets_a_minute() -> None:
    waiting = Waiting(file("1", 0), since=10.0, closed=True)
    assert waiting.ready_at(2.0, atomic=False) == 70.0
    assert waiting.ready_at(0.0, atomic=False) == 10.0


def test_an_object_of_a_bucket_is_complete_when_it_is_there() -> None:
    assert Waiting(file("1", 0), since=10.0).ready_at(2.0, atomic=True) == 10.0


def test_pauses_grow_until_the_file_changes() -> None:
    waiting = Waiting(file("1"), since=0.0)
    pauses = []
    for _ in range(12):
        waiting.put_off(1000.0)
        assert waiting.ready_at(2.0, atomic=True) == waiting.not_before
        pauses.append(waiting.not_before - 1000.0)
    assert 12 <= pauses[0] <= 15
    assert 24 <= pauses[1] <= 30
    assert 1440 <= pauses[-1] <= 1800
    waiting.seen(file("2"), 2000.0)
    assert (waiting.ready_at(2.0, atomic=True), waiting.attempts) == (2000.0, 0)


@pytest.mark.parametrize("attempts", [0, 5, 10_000])
def test_pauses_have_jitter_and_a_limit(attempts: int) -> None:
    pauses = {pause_s(attempts) for _ in range(20)}
    assert len(pauses) > 1
    assert max(pauses) <= 1800
