"""Films of several requests share runs; the queue is bounded; nothing accepted is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from live import BRIGHT, DARK
from pneumoscope.bundle import Bundle
from pneumoscope.jobs.batcher import Batcher, Film, Hooks, Pace
from pneumoscope.jobs.decoders import Decoders, Order
from pneumoscope.records import Outcome, Settings
from pneumoscope.runtime import Classifier
from pneumoscope.serve.problems import Busy, DeadlinePassed, ServerFault, ShuttingDown


class Watch:
    """Hooks that hold the first batch back until they are told to go on."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.batches: list[int] = []

    def begin(self, films: Sequence[Film]) -> None:
        self.begun.set()
        assert self.go.wait(30)
        self.batches.append(len(films))

    def finish(self, found: Sequence[tuple[Film, Outcome]]) -> list[str]:
        labels = []
        for film, outcome in found:
            what = outcome.prediction.label if outcome.prediction else str(outcome.error)
            labels.append(f"{film.tag} {what}")
        return labels


PACE = Pace(threads=1, max_batch_size=4, max_wait_ms=0, queue=6, queue_bytes=2**20)


@contextmanager
def batching(bundle: Bundle, watch: Watch) -> Iterator[Batcher]:
    classifier = Classifier(bundle, threads=1)
    decoders = Decoders(1, 30, 2**30)
    order = Order(bundle.meta.size, bundle.meta.source_size, classifier.draft_px)
    batcher = Batcher(classifier, decoders, order, PACE, Hooks(watch.begin, watch.finish))
    try:
        yield batcher
    finally:
        watch.go.set()
        batcher.stop()
        decoders.stop()


def film(tag: object, data: bytes = DARK[1], **more: object) -> Film:
    return Film(data, Settings(), tag, **more)  # type: ignore[arg-type]


def test_what_waits_shares_a_run(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as batcher:
        batcher.reserve(6, 0)
        first = batcher.submit(film("a"))
        assert watch.begun.wait(30)
        others = [batcher.submit(film(tag, BRIGHT[1])) for tag in "bcdef"]
        watch.go.set()
        assert first.result(30) == "a NORMAL"
        assert [f.result(30) for f in others] == [f"{tag} PNEUMONIA" for tag in "bcdef"]
        assert watch.batches == [1, 4, 1]
        assert batcher.drain(30)
        assert batcher.outstanding == 0


def test_readers_with_other_settings_get_their_own_rules(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as batcher:
        batcher.reserve(3, 0)
        batcher.submit(film("first"))
        assert watch.begun.wait(30)
        # P(dark) is 0.11: above the threshold of "screen", below that of "balanced".
        plain = batcher.submit(film("plain"))
        screen = batcher.submit(Film(DARK[1], Settings("screen"), "screen"))
        watch.go.set()
        assert plain.result(30) == "plain NORMAL"
        assert screen.result(30) == "screen PNEUMONIA"
        assert watch.batches == [1, 2]


def test_a_full_queue_says_when_to_come_again(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as batcher:
        batcher.reserve(5, 0)
        with pytest.raises(Busy) as full:
            batcher.reserve(2, 0)
        assert full.value.retry_after_s is not None
        assert 1 <= full.value.retry_after_s <= 60
        batcher.reserve(1, 0)
        batcher.release(6, 0)
        batcher.reserve(1, 2**21)  # alone even a large one may pass
        with pytest.raises(Busy):
            batcher.reserve(1, 1)
        batcher.release(1, 2**21)


def test_a_film_past_its_deadline_is_not_read(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as batcher:
        batcher.reserve(2, 0)
        late = batcher.submit(film("late", deadline=time.monotonic() - 1))
        with pytest.raises(DeadlinePassed):
            late.result(30)
        watch.go.set()
        kept = batcher.submit(film("kept", deadline=time.monotonic() + 60))
        assert kept.result(30) == "kept NORMAL"
        assert watch.batches == [1]


def test_a_cancelled_film_gives_its_room_back(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as batcher:
        batcher.reserve(2, 0)
        batcher.submit(film("first"))
        assert watch.begun.wait(30)
        second = batcher.submit(film("second"))
        assert second.cancel()
        watch.go.set()
        assert batcher.drain(30)
        assert watch.batches == [1]


def test_shutting_down_finishes_what_was_accepted(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as batcher:
        batcher.reserve(2, 0)
        futures = [batcher.submit(film(tag)) for tag in "ab"]
        assert watch.begun.wait(30)
        drained = threading.Thread(target=batcher.drain)
        drained.start()
        watch.go.set()
        assert [f.result(30) for f in futures] == ["a NORMAL", "b NORMAL"]
        drained.join(30)
        with pytest.raises(ShuttingDown):
            batcher.reserve(1, 0)


def test_stopping_tells_those_who_wait(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as batcher:
        batcher.reserve(2, 0)
        first = batcher.submit(film("first"))
        assert watch.begun.wait(30)
        second = batcher.submit(film("second"))
        stopping = threading.Thread(target=batcher.stop)
        stopping.start()
        with pytest.raises(ShuttingDown):
            second.result(30)
        watch.go.set()
        stopping.join(30)
        assert first.result(0) == "first NORMAL"


def test_a_batch_that_fails_fails_alone(
    tiny_bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch()
    watch.go.set()

    def broken(_found: object) -> list[str]:
        watch.finish = fine  # type: ignore[method-assign]
        raise OSError("the disk is gone")

    fine, watch.finish = watch.finish, broken  # type: ignore[method-assign, assignment]
    with batching(tiny_bundle, watch) as batcher:
        batcher._hooks = Hooks(watch.begin, lambda found: watch.finish(found))
        batcher.reserve(2, 0)
        with pytest.raises(ServerFault):
            batcher.submit(film("a")).result(30)
        assert batcher.submit(film("b")).result(30) == "b NORMAL"
        assert batcher.drain(30)
    assert "a batch failed" in caplog.text
