"""Work on many items in threads: in order, as far as needed, and to a clean end."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from pneumoscope.runtime.threads import in_chunks, usable_cores


def doubled(chunk: list[int]) -> list[int]:
    return [2 * item for item in chunk]


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize("threads", [1, 4])
def test_results_come_in_the_order_of_the_items(size: int, threads: int) -> None:
    assert list(in_chunks(doubled, range(10), size=size, threads=threads)) == list(range(0, 20, 2))


def test_chunks_are_full_but_the_last() -> None:
    chunks: list[list[int]] = []

    def noted(chunk: list[int]) -> list[int]:
        chunks.append(chunk)
        return chunk

    assert list(in_chunks(noted, range(7), size=3, threads=1)) == list(range(7))
    assert chunks == [[0, 1, 2], [3, 4, 5], [6]]


def test_no_items_start_nothing() -> None:
    assert list(in_chunks(doubled, [], size=2, threads=2)) == []


def test_the_slow_first_chunk_does_not_let_others_pass() -> None:
    second_is_done = threading.Event()

    def work(chunk: list[int]) -> list[int]:
        if chunk == [0]:
            assert second_is_done.wait(30)
        else:
            second_is_done.set()
        return chunk

    assert list(in_chunks(work, [0, 1], size=1, threads=2)) == [0, 1]


def test_items_are_read_only_as_far_as_there_are_threads() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            read.append(item)
            yield item

    results = in_chunks(doubled, items(), size=2, threads=3)
    assert read == []
    assert next(results) == 0
    # A chunk for each thread, and one more before the first result is waited for.
    assert read == list(range(8))
    results.close()  # type: ignore[attr-defined]
    assert len(read) == 8


def test_what_fails_in_a_thread_reaches_the_caller_and_ends_the_threads() -> None:
    def work(chunk: list[int]) -> list[int]:
        if chunk == [1]:
            raise ZeroDivisionError("in a thread")
        return chunk

    results = in_chunks(work, range(100), size=1, threads=2)
    assert next(results) == 0
    with pytest.raises(ZeroDivisionError, match="in a thread"):
        next(results)
    assert not [t for t in threading.enumerate() if t.name.startswith("pneumoscope")]


def test_an_iterator_that_fails_does_so_where_it_is_read() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(in_chunks(doubled, items(), size=1, threads=1))


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 5, 7}, raising=False)
    assert usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert usable_cores() == 16
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1
