"""The bounded queue: limits, order, and its end."""

from __future__ import annotations

import threading

import pytest

from pneumoscope.errors import QueueFull, ShuttingDown
from pneumoscope.jobs.queue import FilmQueue, QueuedFilm, QueueLimits
from pneumoscope.records import Settings


def queue_of(films: int = 6, size_bytes: int = 100, workers: int = 1) -> FilmQueue:
    return FilmQueue(QueueLimits(films, size_bytes), workers)


def film(tag: str, priority: int = 0) -> QueuedFilm:
    return QueuedFilm(b"x", Settings(), tag, priority=priority)


def tags(queue: FilmQueue, most: int) -> str:
    return "".join(film.tag for film, _ in queue.take(most, 0))


def test_films_leave_by_priority_then_in_their_order() -> None:
    queue = queue_of()
    queue.reserve(5, 5)
    for tag, priority in (("a", 0), ("b", 1), ("c", -1), ("d", 1), ("e", 0)):
        queue.submit(film(tag, priority))
    assert tags(queue, 3) == "bda"
    assert tags(queue, 3) == "ec"


def test_limits_count_films_and_bytes_until_they_are_released() -> None:
    queue = queue_of(films=3, size_bytes=10)
    queue.reserve(2, 4)
    with pytest.raises(QueueFull):
        queue.reserve(2, 0)
    with pytest.raises(QueueFull):
        queue.reserve(1, 7)
    queue.reserve(1, 6)
    assert queue.outstanding == 3
    queue.admit(5, 50)  # whatever the limits
    assert queue.outstanding == 8
    queue.release(8, 60)
    queue.reserve(4, 11)  # an empty queue accepts any request


def test_the_time_to_wait_follows_the_time_that_films_took() -> None:
    queue = queue_of(films=40, workers=2)
    queue.record_time(4, 4.0)  # 0.01 s a film becomes 0.01 + 0.1 * (1 - 0.01) = 0.109 s
    queue.reserve(40, 0)
    with pytest.raises(QueueFull) as error:
        queue.reserve(1, 0)
    assert error.value.retry_after_s == 2  # 40 films * 0.109 s / 2 workers
    queue.admit(10_000, 0)
    with pytest.raises(QueueFull) as error:
        queue.reserve(1, 0)
    assert error.value.retry_after_s == 60


def test_closing_ends_waiting_takes_and_fails_waiting_films() -> None:
    queue = queue_of()
    taken: list[list[object]] = []
    taking = threading.Thread(target=lambda: taken.append(list(queue.take(1, 0))))
    taking.start()
    queue.close()
    taking.join(30)
    assert taken == [[]]
    with pytest.raises(ShuttingDown):
        queue.reserve(1, 1)
    late = queue.submit(film("late"))
    cancelled = queue.submit(film("cancelled"))
    assert cancelled.cancel()
    queue.close()
    assert isinstance(late.exception(0), ShuttingDown)


def test_draining_waits_for_every_film() -> None:
    queue = queue_of()
    queue.reserve(1, 1)
    assert not queue.drain(0)
    assert not queue.accepting
    queue.release(1, 1)
    assert queue.drain(0)
