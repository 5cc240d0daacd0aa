"""A thread that ends when nothing is left to do, and starts again."""

from __future__ import annotations

import threading
from typing import NoReturn

import pytest

from pneumoscope.audit_log.background_thread import BackgroundThread


def test_it_does_everything_that_is_due_and_starts_again() -> None:
    due, done = [1, 2], list[int]()
    thread = BackgroundThread("test", lambda: done.append(due.pop(0)), lambda: bool(due))
    thread.settle()  # nothing runs yet
    for number in (3, 4):
        thread.wake()
        thread.settle()
        due.append(number)
    thread.wake()
    thread.settle()
    assert done == [1, 2, 3, 4]


def test_what_is_due_waits_while_no_thread_can_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    due, done = [1], list[int]()
    thread = BackgroundThread("test", lambda: done.append(due.pop()), lambda: bool(due))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        thread.wake()
    assert "can't start new thread" in caplog.text
    thread.settle()
    thread.wake()
    thread.settle()
    assert done == [1]


def no_thread(_thread: threading.Thread) -> NoReturn:
    raise RuntimeError("can't start new thread")
