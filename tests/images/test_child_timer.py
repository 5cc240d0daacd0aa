"""The timer that ends a child process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

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


def test_one_thread_watches_all_children() -> None:
    for _ in range(3):
        with killed_after(30, lambda: None), killed_after(20, lambda: None):
            names = [thread.name for thread in threading.enumerate()]
            assert names.count("child timer") == 1


def test_a_shorter_time_does_not_wait_for_a_longer_one() -> None:
    killed, other = threading.Event(), threading.Event()
    with killed_after(600, other.set) as late, killed_after(0.01, killed.set) as sooner:
        assert killed.wait(30)
        assert sooner.is_set()
    assert not late.is_set()
    assert not other.is_set()


def test_a_child_that_cannot_be_ended_does_not_keep_the_others_from_it() -> None:
    tried, killed = threading.Event(), threading.Event()

    def fail() -> None:
        tried.set()
        raise PermissionError

    with killed_after(0.01, fail):
        assert tried.wait(30)
    with killed_after(0.01, killed.set):
        assert killed.wait(30)


def test_a_child_is_not_ended_after_its_block() -> None:
    # Its time comes while the block ends: either it was ended in the block, or never.
    for _ in range(200):
        killed = threading.Event()
        with killed_after(0.0005, killed.set) as late:
            pass
        before = killed.is_set()
        assert late.is_set() is before
        with killed_after(0.0005, threading.Event().set) as other:
            assert other.wait(30)
        assert killed.is_set() is before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_a_timer_of_its_own() -> None:
    code = """
import os, threading
from pneumoscope.images.child_timer import killed_after
with killed_after(600, lambda: None):
    child = os.fork()
    if not child:
        killed = threading.Event()
        with killed_after(0.01, killed.set):
            os._exit(0 if killed.wait(30) else 1)
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
