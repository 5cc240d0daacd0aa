"""The timer that ends a child process."""

from __future__ import annotations

import threading

from pneumoscope.images.child_timer import killed_after


def test_a_child_that_is_late_is_ended() -> None:
    killed = threading.Event()
    with killed_after(0.01, killed.set) as late:
        assert killed.wait(30)
        assert late.is_set()


def test_a_child_that_was_closed_meanwhile_is_left_alone() -> None:
    tried = threading.Event()

    def kill() -> None:
        tried.set()
        raise ValueError("process object is closed")

    with killed_after(0.01, kill):
        assert tried.wait(30)


def test_a_child_in_time_is_not_ended() -> None:
    killed = threading.Event()
    with killed_after(30, killed.set) as late:
        pass
    assert not killed.is_set()
    assert not late.is_set()
