"""Films of several requests share runs; a deadline, a cancelled film, a failure, the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest

from grey_films import BRIGHT, DARK
from pneumoscope import images
from pneumoscope.bundle import Bundle
from pneumoscope.errors import DeadlinePassed, NotStored, QueueFull, ServerFault, ShuttingDown
from pneumoscope.images.decoders import Decoded, DecodeOptions, DecoderPool
from pneumoscope.jobs.batcher import Batcher, BatchHooks, BatchSettings
from pneumoscope.jobs.queue import FilmQueue, QueuedFilm, QueueLimits
from pneumoscope.jobs.readers import Readers
from pneumoscope.records import Outcome, Settings
from pneumoscope.runtime import Classifier


class Watch:
    """Hooks that hold back the first batch until ``go`` is set."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.batches: list[int] = []

    def begin(self, films: Sequence[QueuedFilm]) -> None:
        self.begun.set()
        assert self.go.wait(30)
        self.batches.append(len(films))

    def finish(self, outcomes: Sequence[tuple[QueuedFilm, Outcome]]) -> list[str]:
        labels = []
        for film, outcome in outcomes:
            label = outcome.prediction.label if outcome.prediction else str(outcome.error)
            labels.append(f"{film.tag} {label}")
        return labels


DECODERS = DecoderPool(1, 30, 2**30)
"""One for all tests; its process starts with the first film."""
LIMITS = QueueLimits(films=6, size_bytes=2**20)
SETTINGS = BatchSettings(threads=1, max_batch_size=4, max_wait_ms=0)


@pytest.fixture(scope="module", autouse=True)
def _decoders_end() -> Iterator[None]:
    yield
    DECODERS.stop()


@contextmanager
def batching(bundle: Bundle, watch: Watch) -> Iterator[tuple[FilmQueue, Batcher]]:
    queue = FilmQueue(LIMITS, SETTINGS.threads)
    readers = Readers({"tiny": Classifier(bundle, threads=1)}, max_pixels=50_000_000)
    hooks = BatchHooks(watch.begin, lambda outcomes: watch.finish(outcomes))
    batcher = Batcher(queue, readers, DECODERS, SETTINGS, hooks)
    try:
        yield queue, batcher
    finally:
        watch.go.set()
        batcher.stop()


def film(tag: object, data: bytes = DARK[1], **more: object) -> QueuedFilm:
    return QueuedFilm(data, Settings(), tag, **more)  # type: ignore[arg-type]


def test_what_waits_shares_a_run(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as (queue, _):
        queue.reserve(6, 0)
        first = queue.submit(film("a"))
        assert watch.begun.wait(30)
        others = [queue.submit(film(tag, BRIGHT[1])) for tag in "bcdef"]
        watch.go.set()
        assert first.result(30) == "a NORMAL"
        assert [f.result(30) for f in others] == [f"{tag} PNEUMONIA" for tag in "bcdef"]
        assert watch.batches == [1, 4, 1]
        assert queue.drain(30)
        assert queue.outstanding == 0


def test_readers_with_other_settings_get_their_own_rules(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as (queue, _):
        queue.reserve(3, 0)
        queue.submit(film("first"))
        assert watch.begun.wait(30)
        # P(dark) is 0.11: above the threshold of "screen", below that of "balanced".
        plain = queue.submit(film("plain"))
        screen = queue.submit(QueuedFilm(DARK[1], Settings("screen"), "screen"))
        watch.go.set()
        assert plain.result(30) == "plain NORMAL"
        assert screen.result(30) == "screen PNEUMONIA"
        assert watch.batches == [1, 2]


def test_a_full_queue_says_when_to_come_again(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as (queue, _):
        queue.reserve(5, 0)
        with pytest.raises(QueueFull) as full:
            queue.reserve(2, 0)
        assert full.value.retry_after_s is not None
        assert 1 <= full.value.retry_after_s <= 60
        queue.reserve(1, 0)
        queue.release(6, 0)
        queue.reserve(1, 2**21)  # alone even a large one may pass
        with pytest.raises(QueueFull):
            queue.reserve(1, 1)
        queue.release(1, 2**21)


def test_a_film_past_its_deadline_is_not_read(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as (queue, _):
        queue.reserve(2, 0)
        late = queue.submit(film("late", deadline=time.monotonic() - 1))
        with pytest.raises(DeadlinePassed):
            late.result(30)
        watch.go.set()
        kept = queue.submit(film("kept", deadline=time.monotonic() + 60))
        assert kept.result(30) == "kept NORMAL"
        assert watch.batches == [1]


def test_a_cancelled_film_gives_its_room_back(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as (queue, _):
        queue.reserve(2, 0)
        queue.submit(film("first"))
        assert watch.begun.wait(30)
        second = queue.submit(film("second"))
        assert second.cancel()
        watch.go.set()
        assert queue.drain(30)
        assert watch.batches == [1]


def test_shutting_down_finishes_what_was_accepted(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as (queue, _):
        queue.reserve(2, 0)
        futures = [queue.submit(film(tag)) for tag in "ab"]
        assert watch.begun.wait(30)
        drained = threading.Thread(target=queue.drain)
        drained.start()
        watch.go.set()
        assert [f.result(30) for f in futures] == ["a NORMAL", "b NORMAL"]
        drained.join(30)
        with pytest.raises(ShuttingDown):
            queue.reserve(1, 0)


def test_stopping_tells_those_who_wait(tiny_bundle: Bundle) -> None:
    watch = Watch()
    with batching(tiny_bundle, watch) as (queue, batcher):
        queue.reserve(2, 0)
        first = queue.submit(film("first"))
        assert watch.begun.wait(30)
        second = queue.submit(film("second"))
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

    def broken(_outcomes: object) -> list[str]:
        watch.finish = fine  # type: ignore[method-assign]
        raise OSError("the disk is gone")

    fine, watch.finish = watch.finish, broken  # type: ignore[method-assign, assignment]
    with batching(tiny_bundle, watch) as (queue, _):
        queue.reserve(2, 0)
        with pytest.raises(ServerFault):
            queue.submit(film("a")).result(30)
        assert queue.submit(film("b")).result(30) == "b NORMAL"
        assert queue.drain(30)
    assert "a batch failed" in caplog.text


class InProcess:
    """In place of decoders in child processes: decodes here."""

    @contextmanager
    def borrowed(self) -> Iterator[InProcess]:
        yield self

    def decode(
        self, data: bytes, options: DecodeOptions, _slow: Callable[[], None] | None = None
    ) -> Decoded:
        film = images.read(data, name="film")
        pixels = images.model_input(film, options.size, options.source_size)
        return Decoded(pixels, film.facts, 1.0)


def in_one_batch(
    bundle: Bundle, films: Sequence[QueuedFilm], hooks: BatchHooks, *, max_batch_size: int = 8
) -> list[Future[Any]]:
    """Reads films that all wait before the only thread starts."""
    queue = FilmQueue(QueueLimits(films=20, size_bytes=2**20), 1)
    queue.reserve(len(films), 0)
    futures = [queue.submit(film) for film in films]
    readers = Readers({"tiny": Classifier(bundle, threads=1)}, max_pixels=50_000_000)
    settings = BatchSettings(threads=1, max_batch_size=max_batch_size, max_wait_ms=0)
    batcher = Batcher(queue, readers, InProcess(), settings, hooks)  # type: ignore[arg-type]
    assert queue.drain(30)
    batcher.stop()
    assert queue.outstanding == 0
    return futures


def summaries(outcomes: Sequence[tuple[QueuedFilm, Outcome]]) -> list[str]:
    """What became of each film."""
    return [
        f"{film.tag} {outcome.prediction.label if outcome.prediction else outcome.error.code}"  # type: ignore[union-attr]
        for film, outcome in outcomes
    ]


def results(futures: Sequence[Future[Any]]) -> list[str]:
    return [future.result(0) for future in futures]


def test_a_film_that_cannot_be_read_does_not_disturb_the_others(tiny_bundle: Bundle) -> None:
    runs: list[int] = []
    hooks = BatchHooks(lambda _: None, summaries, lambda films, _seconds: runs.append(films))
    films = [film("a"), film("b", b"no film" * 40), film("c", BRIGHT[1]), film("d", b"")]
    assert results(in_one_batch(tiny_bundle, films, hooks)) == [
        "a NORMAL", "b UnknownFormat", "c PNEUMONIA", "d EmptySource",
    ]  # fmt: skip
    assert runs == [4]


def test_settings_that_are_no_longer_valid_fail_their_own_films(tiny_bundle: Bundle) -> None:
    old = Settings("an operating point of an older bundle")
    films = [film("a"), QueuedFilm(DARK[1], old, "b"), film("c", bundle="gone"), film("d")]
    # Which decoder a film of an unknown bundle needs is not known either.
    assert results(in_one_batch(tiny_bundle, films, BatchHooks(lambda _: None, summaries))) == [
        "a NORMAL", "b UnknownOperatingPoint", "c BundleNotServed", "d NORMAL",
    ]  # fmt: skip


def test_a_run_of_the_network_that_fails_costs_only_its_own_films(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    judge = Classifier.judge

    def broken(self: Classifier, films: Any) -> Any:
        if self.settings.operating_point == "screen":
            raise MemoryError
        return judge(self, films)

    monkeypatch.setattr(Classifier, "judge", broken)
    films = [film("a"), QueuedFilm(BRIGHT[1], Settings("screen"), "b"), film("c")]
    assert results(in_one_batch(tiny_bundle, films, BatchHooks(lambda _: None, summaries))) == [
        "a NORMAL", "b ServerFault", "c NORMAL",
    ]  # fmt: skip
    assert "a run of the network failed" in caplog.text


def test_an_exception_for_one_film_is_its_future_s(tiny_bundle: Bundle) -> None:
    def finish(outcomes: Sequence[tuple[QueuedFilm, Outcome]]) -> list[object]:
        return ["stored", NotStored(), *["stored"] * (len(outcomes) - 2)]

    futures = in_one_batch(
        tiny_bundle, [film(tag) for tag in "abc"], BatchHooks(lambda _: None, finish)
    )
    assert isinstance(futures[1].exception(0), NotStored)
    assert [futures[0].result(0), futures[2].result(0)] == ["stored", "stored"]


def test_a_batch_of_which_nothing_is_left_is_not_begun(tiny_bundle: Bundle) -> None:
    begun: list[int] = []
    late = [film(tag, deadline=time.monotonic() - 1) for tag in "ab"]
    hooks = BatchHooks(lambda films: begun.append(len(films)), summaries)
    futures = in_one_batch(tiny_bundle, late, hooks)
    assert [type(future.exception(0)) for future in futures] == [DeadlinePassed] * 2
    assert begun == []


def test_batches_are_no_larger_than_the_settings_say(tiny_bundle: Bundle) -> None:
    begun: list[list[object]] = []
    hooks = BatchHooks(lambda films: begun.append([film.tag for film in films]), summaries)
    in_one_batch(tiny_bundle, [film(i) for i in range(7)], hooks, max_batch_size=3)
    assert begun == [[0, 1, 2], [3, 4, 5], [6]]


def test_time_per_film_becomes_the_time_to_wait(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[tuple[int, float]] = []
    monkeypatch.setattr(FilmQueue, "record_time", lambda _self, n, s: noted.append((n, s)))
    seen: list[tuple[int, float]] = []
    hooks = BatchHooks(
        lambda _: None, summaries, lambda films, seconds: seen.append((films, seconds))
    )
    in_one_batch(tiny_bundle, [film(tag) for tag in "ab"], hooks)
    assert noted == seen
    [(films, seconds)] = seen
    assert films == 2
    assert seconds > 0


class Slow(InProcess):
    """Decoders of which one film takes as long as the test wants."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)

    def decode(
        self, data: bytes, options: DecodeOptions, slow: Callable[[], None] | None = None
    ) -> Decoded:
        if data == SLOW and slow is not None:
            slow()
            self.begun.release()
            assert self.go.wait(30)
            data = DARK[1]
        return super().decode(data, options)


SLOW = b"slow"


@contextmanager
def beside_slow_films(bundle: Bundle, threads: int) -> Iterator[tuple[FilmQueue, Slow]]:
    """Batches, one more than the films of one owner occupy."""
    queue = FilmQueue(QueueLimits(30, 2**20, owner_batches=threads - 1), threads)
    readers = Readers({"tiny": Classifier(bundle, threads=1)}, max_pixels=50_000_000)
    settings = BatchSettings(threads=threads, max_batch_size=4, max_wait_ms=0)
    decoders = Slow()
    hooks = BatchHooks(lambda _: None, summaries)
    batcher = Batcher(queue, readers, decoders, settings, hooks)  # type: ignore[arg-type]
    try:
        yield queue, decoders
    finally:
        decoders.go.set()
        batcher.stop()


def test_films_do_not_wait_for_a_slow_one_of_their_batch(tiny_bundle: Bundle) -> None:
    with beside_slow_films(tiny_bundle, threads=2) as (queue, decoders):
        queue.reserve(6, 0)
        with queue._changed:  # so that all are there before a batch is taken
            before = queue.submit(film("before"))
            slow = queue.submit(film("slow", SLOW, owner="ann"))
            others = [queue.submit(film(tag)) for tag in "abc"]
            same_owner = queue.submit(film("own", owner="ann"))
        assert before.result(30) == "before NORMAL"
        assert [future.result(30) for future in others] == [f"{tag} NORMAL" for tag in "abc"]
        assert not slow.done()
        assert not same_owner.done()  # its owner occupies one batch already
        decoders.go.set()
        assert slow.result(30) == "slow NORMAL"
        assert same_owner.result(30) == "own NORMAL"
        assert queue.drain(30)
        assert queue.outstanding == 0


def test_many_slow_films_of_one_user_do_not_keep_another_waiting(tiny_bundle: Bundle) -> None:
    with beside_slow_films(tiny_bundle, threads=3) as (queue, decoders):
        queue.reserve(20, 0)
        slow = [queue.submit(film(i, SLOW, owner="ann")) for i in range(19)]
        for _ in range(2):
            assert decoders.begun.acquire(timeout=30)
        quick = queue.submit(film("quick", owner="bob"))
        assert quick.result(30) == "quick NORMAL"
        assert not any(future.done() for future in slow)
        decoders.go.set()
        assert [future.result(30) for future in slow] == [f"{i} NORMAL" for i in range(19)]


def test_a_film_that_waits_behind_a_slow_one_can_be_cancelled(tiny_bundle: Bundle) -> None:
    with beside_slow_films(tiny_bundle, threads=2) as (queue, decoders):
        queue.reserve(2, 0)
        with queue._changed:
            queue.submit(film("slow", SLOW, owner="ann"))
            behind = queue.submit(film("behind", owner="ann"))
        assert decoders.begun.acquire(timeout=30)
        assert behind.cancel()
        decoders.go.set()
        assert queue.drain(30)


def test_a_film_at_which_the_network_fails_costs_no_other_film(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    judge = Classifier.judge

    def broken(self: Classifier, films: Any) -> Any:
        if any(prepared.pixels.mean() > 128 for prepared in films):
            raise MemoryError
        return judge(self, films)

    monkeypatch.setattr(Classifier, "judge", broken)
    films = [film("a"), film("b", BRIGHT[1]), film("c")]
    assert results(in_one_batch(tiny_bundle, films, BatchHooks(lambda _: None, summaries))) == [
        "a NORMAL", "b ServerFault", "c NORMAL",
    ]  # fmt: skip
    assert "a run of the network failed" in caplog.text
