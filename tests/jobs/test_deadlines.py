"""Timers of films that wait."""

from __future__ import annotations

import queue
import threading
import time

from pneumoscope.jobs.deadlines import Deadlines


def test_deadlines_are_called_in_the_order_of_their_times() -> None:
    called: queue.Queue[int] = queue.Queue()
    deadlines = Deadlines(called.put)
    now = time.monotonic()
    deadlines.add(now + 60, 3)
    deadlines.add(now + 0.05, 2)  # earlier than the one that is waited for
    deadlines.add(now - 1, 1)
    assert sorted(called.get(timeout=60) for _ in range(2)) == [1, 2]
    deadlines.close()
    assert called.empty()


def test_nothing_is_called_after_the_end() -> None:
    called: list[int] = []
    before = threading.active_count()
    deadlines = Deadlines(called.append)
    assert threading.active_count() == before  # no thread without a deadline
    deadlines.add(time.monotonic() + 0.01, 1)
    deadlines.close()
    deadlines.add(time.monotonic() - 1, 2)
    assert 2 not in called
    assert threading.active_count() == before
