"""The engine of this machine: child processes, each with its own network and decoder.

A worker reads whole chunks of films, from fetching to rows, so no core waits for another. One that
dies is replaced, and its chunk is read again. A worker ends when its pipe closes, also if this process
was killed.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections import deque
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from pneumoscope.batch.reading import MOST_DEATHS, FilmReader, deadly
from pneumoscope.errors import PneumoscopeError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from multiprocessing.connection import Connection

    from pneumoscope.batch.columns import Row
    from pneumoscope.batch.films import Film
    from pneumoscope.batch.job import ReadJob

_log = logging.getLogger(__name__)

CHUNK_FILMS = 16
"""Films that a worker reads between two messages, in one run of the network."""
_WAITING_CHUNKS = 2
"""Chunks that a worker has at once: it need not wait for the next."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Films for one message, and how many workers have died at them."""

    films: tuple[Film, ...]
    deaths: int = 0


class Workers:
    """Child processes that make rows of films.

    Attributes:
        chunk_films: Films in a chunk.
        capacity: Films that may be in work at once.
    """

    def __init__(
        self,
        job: ReadJob,
        workers: int,
        shard_rows: int,
        make: Callable[[ReadJob], FilmReader] = FilmReader,
    ) -> None:
        """Starts nothing yet.

        Args:
            job: How films are read.
            workers: Processes.
            shard_rows: Rows of a shard: no more films may be in work.
            make: Makes the reader in a worker.
        """
        most = max(1, shard_rows // (2 * workers * _WAITING_CHUNKS))
        self.chunk_films = min(CHUNK_FILMS, most)
        self.capacity = self.chunk_films * workers * _WAITING_CHUNKS
        self._workers = [_Worker(job, make) for _ in range(workers)]

    def results(self, chunks: Iterator[list[Film]]) -> Generator[list[Row], None, None]:
        """The rows of all films, chunk by chunk, in the order in which they are done.

        Args:
            chunks: Films; read only as far as there are workers for them.

        Raises:
            PneumoscopeError: A worker cannot load the bundle, or cannot start.
        """
        again: deque[_Chunk] = deque()
        try:
            while True:
                for worker in self._workers:
                    while len(worker.chunks) < _WAITING_CHUNKS:
                        chunk = again.popleft() if again else _next(chunks)
                        if chunk is None:
                            break
                        worker.send(chunk)
                busy: dict[Any, _Worker] = {w.pipe: w for w in self._workers if w.chunks}
                if not busy and not again:
                    return
                for pipe in wait(list(busy)):
                    rows, unread = busy[pipe].received()
                    again.extend(unread)
                    if rows:
                        yield rows
        finally:
            for worker in self._workers:
                worker.dismiss()
            deadline = time.monotonic() + _PATIENCE_S
            for worker in self._workers:
                worker.stop(deadline)


def _next(chunks: Iterator[list[Film]]) -> _Chunk | None:
    films = next(chunks, None)
    return None if films is None else _Chunk(tuple(films))


class _Worker:
    """One child process, started with its first chunk.

    Attributes:
        pipe: To the child.
        chunks: What it was sent and has not answered, the first one being in work.
    """

    pipe: Connection

    def __init__(self, job: ReadJob, make: Callable[[ReadJob], FilmReader]) -> None:
        self._arguments = (job, make)
        self._process: Any = None
        self._is_ready = False
        self.chunks: deque[_Chunk] = deque()

    def send(self, chunk: _Chunk) -> None:
        """Gives the child a chunk; its death shows when it should answer."""
        if self._process is None:
            self._start()
        self.chunks.append(chunk)
        try:
            self.pipe.send(chunk.films)
        except OSError:
            _log.debug("a worker has died")

    def received(self) -> tuple[list[Row], list[_Chunk]]:
        """The rows of the first chunk, or the chunks of a child that has died.

        Raises:
            PneumoscopeError: The child could not load the bundle, or died before it was ready.
        """
        try:
            answer = self.pipe.recv()
        except (EOFError, OSError):
            return self._died()
        if isinstance(answer, PneumoscopeError):
            raise answer
        if not self._is_ready:
            self._is_ready = True
            return [], []
        self.chunks.popleft()
        return answer, []

    def _died(self) -> tuple[list[Row], list[_Chunk]]:
        was_ready = self._is_ready
        first, *others = self.chunks
        self.stop(time.monotonic() + _PATIENCE_S)
        if not was_ready:
            raise PneumoscopeError(
                "a worker process died before it could read a film",
                "Is there enough memory? Use fewer --workers.",
            )
        _log.warning("a worker process died; its films are read again")
        first = replace(first, deaths=first.deaths + 1)
        if len(first.films) > 1:  # to find the film, if it was one
            return [], [*(_Chunk((film,)) for film in first.films), *others]
        if first.deaths < MOST_DEATHS:
            return [], [first, *others]
        (film,) = first.films
        return [deadly(film)], others

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, child_pipe = context.Pipe()
        self._process = context.Process(
            target=_work, args=(child_pipe, *self._arguments), name="batch-worker"
        )
        self._process.start()
        child_pipe.close()
        self._is_ready = False

    def dismiss(self) -> None:
        """Lets the child end after the chunk in work."""
        if self._process is not None:
            self.pipe.close()

    def stop(self, deadline: float) -> None:
        """Ends the child, which has until ``deadline``, in seconds of ``time.monotonic``."""
        if self._process is None:
            return
        self.pipe.close()
        self.chunks.clear()
        self._process.join(max(0.0, deadline - time.monotonic()))
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()
        self._process = None


_PATIENCE_S = 5.0
"""Workers that are in the middle of a chunk end after it, or after this time for all of them."""


# In the child


def _work(pipe: Connection, job: ReadJob, make: Callable[[ReadJob], FilmReader]) -> None:
    """Reads chunks until the other end closes."""
    # Ctrl-C and service managers signal the whole process group: the parent keeps what is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        reader = make(job)
    except PneumoscopeError as error:
        pipe.send(error)
        return
    try:
        pipe.send("ready")
        while True:
            pipe.send(reader.rows(pipe.recv()))
    except (EOFError, OSError):
        return
    finally:
        reader.close()
