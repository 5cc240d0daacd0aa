"""The bounded queue: limits, order, and its end."""

from __future__ import annotations

import threading
import time

import pytest

from pneumoscope.errors import DatabaseInUse, DeadlinePassed, QueueFull, ShuttingDown
from pneumoscope.jobs.queue import FilmQueue, QueuedFilm, QueueLimits
from pneumoscope.records import Settings


def queue_of(films: int = 6, size_bytes: int = 100, workers: int = 1) -> FilmQueue:
    return FilmQueue(QueueLimits(films, size_bytes), workers)


def film(tag: str, priority: int = 0, owner: str = "", deadline: float | None = None) -> QueuedFilm:
    return QueuedFilm(b"x", Settings(), tag, priority=priority, owner=owner, deadline=deadline)


def tags(queue: FilmQueue, most: int) -> str:
    return "".join(film.tag for film, _, _ in queue.take(most, 0))


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


def test_the_first_film_waits_for_others_until_all_are_there() -> None:
    queue = queue_of()
    queue.reserve(2, 2)
    queue.submit(film("a"))
    taken: list[str] = []
    taking = threading.Thread(target=lambda: taken.append(tags_within(queue, 3, 30)))
    taking.start()
    queue.submit(film("b"))  # now every film that was accepted is here
    taking.join(60)
    assert taken == ["ab"]


def tags_within(queue: FilmQueue, most: int, wait_s: float) -> str:
    return "".join(film.tag for film, _, _ in queue.take(most, wait_s))


def test_a_full_batch_does_not_wait() -> None:
    queue = queue_of()
    queue.reserve(5, 5)
    for tag in "abc":
        queue.submit(film(tag))
    assert tags_within(queue, 2, 1000) == "ab"
    queue.release(4, 4)  # the two that were read, and two that were never submitted
    assert tags_within(queue, 2, 1000) == "c"


def test_a_film_that_does_not_come_is_waited_for_briefly() -> None:
    queue = queue_of()
    queue.reserve(2, 2)
    queue.submit(film("a"))
    assert tags_within(queue, 2, 0.001) == "a"


def test_two_workers_take_each_film_once() -> None:
    queue = queue_of(films=200, workers=2)
    queue.reserve(100, 0)
    taken: list[list[str]] = [[], []]

    def work(mine: list[str]) -> None:
        while batch := queue.take(7, 0):
            mine.extend(film.tag for film, _, _ in batch)
            queue.release(len(batch), 0)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for i in range(100):
        queue.submit(film(str(i)))
    assert queue.drain(30)
    queue.close()
    for thread in threads:
        thread.join(30)
    assert sorted(taken[0] + taken[1], key=int) == [str(i) for i in range(100)]
    for mine in taken:
        assert mine == sorted(mine, key=int)


@pytest.mark.parametrize(
    ("outstanding", "seconds", "workers", "retry_s"),
    [(1, 0.0, 1, 1), (100, 2.01, 1, 21), (100, 2.01, 4, 5), (100, 100.0, 1, 60)],
)
def test_when_to_send_again(outstanding: int, seconds: float, workers: int, retry_s: int) -> None:
    # One film of this time moves the estimate a tenth of the way from 0.01 s.
    queue = queue_of(films=outstanding, workers=workers)
    queue.record_time(1, seconds)
    queue.reserve(outstanding, 0)
    with pytest.raises(QueueFull) as error:
        queue.reserve(1, 0)
    assert error.value.retry_after_s == retry_s
    assert f"in {retry_s} s" in error.value.hint


def test_what_was_refused_takes_no_space() -> None:
    queue = queue_of(films=3, size_bytes=10)
    queue.reserve(2, 8)
    for films, size in ((2, 0), (1, 3), (9, 99)):
        with pytest.raises(QueueFull):
            queue.reserve(films, size)
    queue.reserve(1, 2)
    assert queue.outstanding == 3


def test_a_queue_that_drains_accepts_nothing_and_still_gives_films() -> None:
    queue = queue_of()
    queue.reserve(1, 1)
    queue.submit(film("a"))
    assert not queue.drain(0)
    with pytest.raises(ShuttingDown):
        queue.reserve(1, 1)
    assert tags(queue, 1) == "a"


def test_a_film_does_not_show_its_bytes() -> None:
    assert "x" not in repr(QueuedFilm(b"xxxx", Settings(), "tag")).replace("explain", "")


def test_owners_take_turns() -> None:
    queue = queue_of(films=20)
    queue.reserve(9, 9)
    for tag in "abcdef":
        queue.submit(film(tag, owner="ann"))
    queue.submit(film("x", owner="bob"))
    queue.submit(film("y", owner="bob"))
    queue.submit(film("z", priority=1, owner="ann"))
    assert tags(queue, 4) == "zaxb"
    queue.submit(film("n", owner="eve"))
    assert tags(queue, 9) == "ycnde f".replace(" ", "")


def test_one_owner_does_not_fill_the_queue() -> None:
    queue = FilmQueue(QueueLimits(8, 100, owner_share=0.75, sole_owner="local"), 1)
    queue.reserve(7, 90, "local")
    queue.reserve(1, 1, "local")
    queue.release(8, 91, "local")
    queue.reserve(6, 10, "ann")
    with pytest.raises(QueueFull):
        queue.reserve(1, 1, "ann")
    queue.reserve(1, 60, "bob")
    with pytest.raises(QueueFull):
        queue.reserve(1, 16, "bob")  # 76 of 100 bytes
    queue.release(6, 10, "ann")
    queue.reserve(7, 1, "ann")  # more than the share, but the owner has nothing else
    queue.release(7, 1, "ann")
    queue.release(1, 60, "bob")
    assert queue.outstanding == 0


def test_one_owner_does_not_occupy_every_batch() -> None:
    queue = FilmQueue(QueueLimits(20, 100, owner_batches=2), 3)
    queue.reserve(8, 8, "ann")
    for tag in "abcdef":
        queue.submit(film(tag, owner="ann"))
    first, second = queue.take(2, 0), queue.take(2, 0)
    assert [e.film.tag for e in first + second] == ["a", "b", "c", "d"]
    queue.submit(film("x", owner="bob"))
    assert tags(queue, 3) == "x"  # not those of ann, who has two batches
    queue.finish(first[:1], first[1:])  # the batch goes on
    queue.submit(film("y", owner="bob"))
    assert tags(queue, 3) == "y"
    queue.finish(first[1:])
    assert tags(queue, 3) == "ef"


def test_films_that_are_given_back_come_first_again() -> None:
    queue = queue_of()
    queue.reserve(4, 4)
    for tag in "abcd":
        queue.submit(film(tag))
    batch = queue.take(3, 0)
    queue.give_back(batch[1:], batch[:1])
    queue.finish(batch[:1])
    assert tags(queue, 9) == "bcd"
    assert queue.outstanding == 3


def test_a_film_that_is_given_back_to_a_closed_queue_fails() -> None:
    queue = queue_of()
    queue.reserve(1, 1)
    future = queue.submit(film("a"))
    batch = queue.take(1, 0)
    queue.close()
    queue.give_back(batch)
    assert isinstance(future.exception(0), ShuttingDown)


def test_a_deadline_ends_the_wait_although_nobody_takes_films() -> None:
    queue = queue_of(films=3)
    queue.reserve(3, 3)
    soon = queue.submit(film("soon", deadline=time.monotonic() + 0.05))
    never = queue.submit(film("never"))
    later = queue.submit(film("later", deadline=time.monotonic() + 60))
    assert isinstance(soon.exception(60), DeadlinePassed)
    assert not never.done()
    assert not later.done()
    queue.reserve(1, 1)  # its space is free again
    assert tags(queue, 9) == "neverlater"
    queue.close()


def test_a_film_that_is_given_back_after_its_deadline_fails_at_once() -> None:
    queue = queue_of()
    queue.reserve(1, 1)
    future = queue.submit(film("a", deadline=time.monotonic() + 60))
    [entry] = queue.take(1, 0)
    late = entry._replace(film=film("a", deadline=time.monotonic() - 1))
    queue.give_back([late])
    assert isinstance(future.exception(0), DeadlinePassed)
    assert queue.outstanding == 0
    queue.close()


def test_a_paused_queue_takes_no_films_until_it_goes_on() -> None:
    queue = queue_of()
    queue.pause(paused=True)
    assert not queue.accepting
    with pytest.raises(DatabaseInUse):
        queue.reserve(1, 1)
    queue.pause(paused=False)
    assert queue.accepting
    queue.reserve(1, 1)


def test_a_deadline_that_passes_while_films_are_collected_does_not_end_the_take() -> None:
    queue = queue_of()
    queue.reserve(2, 2)
    soon = queue.submit(film("soon", deadline=time.monotonic() + 0.1))
    taken: list[str] = []
    taking = threading.Thread(target=lambda: taken.append(tags_within(queue, 2, 0.3)))
    taking.start()
    assert isinstance(soon.exception(60), DeadlinePassed)
    queue.release(1, 1)  # the film that was waited for does not come
    taking.join(0.1)
    assert taking.is_alive()
    queue.reserve(1, 1)
    queue.submit(film("next"))
    taking.join(60)
    assert taken == ["next"]
    queue.close()
