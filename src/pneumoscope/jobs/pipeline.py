"""The parts that take films from acceptance to stored results: made in order and connected.

The server of the reading room uses them, and so does everything else that brings films to a queue.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.images.decoders import DecoderPool
from pneumoscope.jobs.batcher import Batcher, BatchHooks, BatchSettings
from pneumoscope.jobs.database_lock import DatabaseLock
from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.jobs.keys import Keys, open_keys
from pneumoscope.jobs.progress_events import ProgressEvents
from pneumoscope.jobs.queue import FilmQueue, QueueLimits
from pneumoscope.jobs.readers import Readers
from pneumoscope.jobs.recovery import recover
from pneumoscope.jobs.service import JobService
from pneumoscope.jobs.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pneumoscope.jobs.tables import FilmRow
    from pneumoscope.runtime import Classifier

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """The settings of the parts.

    Attributes:
        threads: Batches that are read at the same time; None for one more than cores.
        max_batch_size: Films in one run of the network.
        max_wait_ms: Milliseconds that a film waits for others to share a run.
        queue_films: Films that may be accepted and not finished.
        owner_share: Share of the queue that the films of one owner may take.
        sole_owner: Id of the owner to whom the share does not apply, or None.
        held_bytes: Memory for the files of films that wait.
        done_bytes: Memory for those of films that are done; None for as much.
        films_folder: Folder where films are kept, encrypted, as long as their results; None to keep
            none.
        keep_failed: Keep films that failed and may be read in another attempt, see `JobService`.
        max_pixels: Rows x columns of a film.
        decode_s: Seconds for decoding one film.
        decode_bytes: Memory that a decoder may take beyond what it has at its start.
    """

    threads: int | None = None
    max_batch_size: int = 8
    max_wait_ms: float = 0.0
    queue_films: int = 256
    owner_share: float = 1.0
    sole_owner: str | None = None
    held_bytes: int = 512 * _MIB
    done_bytes: int | None = None
    films_folder: Path | None = None
    keep_failed: bool = False
    max_pixels: int = 50_000_000
    decode_s: float = 20.0
    decode_bytes: int = 1536 * _MIB


@dataclass(frozen=True, slots=True)
class PipelineHooks:
    """Functions that are called while films are read, from any thread.

    Attributes:
        ended: Takes the row of every film that has ended.
        ran: Takes the number of films in a run of the network and its seconds.
        tampered: Takes the id of a film that was changed on the disk.
    """

    ended: Callable[[FilmRow], None] = lambda _row: None
    ran: Callable[[int, float], None] = lambda _films, _seconds: None
    tampered: Callable[[str], object] = lambda _film: None


@dataclass(frozen=True, slots=True)
class JobDatabase:
    """An open database that no other process works on.

    Attributes:
        store: Results and jobs.
        keys: Encrypt films and names.
        lock: Keeps other processes away from the database.
    """

    store: Store
    keys: Keys
    lock: DatabaseLock

    def close(self) -> None:
        """Releases the lock and closes every connection."""
        self.lock.release()
        self.store.close()


def open_job_database(
    folder: Path, url: str, key: Path | None = None, *, outlives_power_cuts: bool = False
) -> JobDatabase:
    """Opens a database for the one process that reads its films.

    Args:
        folder: Where the key is made if there is no other one.
        url: SQLAlchemy URL.
        key: A key file, or None.
        outlives_power_cuts: See `Store`.

    Raises:
        UsageError: The key or the database cannot be used, or another process uses the database.
    """
    keys = open_keys(folder, key)
    store = Store(url, outlives_power_cuts=outlives_power_cuts)
    try:
        lock = DatabaseLock(store.engine)
    except BaseException:
        store.close()
        raise
    return JobDatabase(store, keys, lock)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The parts, running.

    Attributes:
        database: The database, with its keys and its lock.
        film_store: The films behind the results.
        decoders: Child processes.
        events: Progress of jobs.
        queue: Films that wait.
        readers: What reads films, by bundle and settings.
        batcher: Reads films from the queue.
        jobs: Accepts films and stores results.
    """

    database: JobDatabase
    film_store: FilmStore
    decoders: DecoderPool
    events: ProgressEvents
    queue: FilmQueue
    readers: Readers
    batcher: Batcher
    jobs: JobService

    def close(self, timeout_s: float | None = None) -> bool:
        """Finishes the films that were accepted, stops every part, and closes the database.

        Args:
            timeout_s: Longest wait for films; those that still wait are read after the next start if
                they are kept on the disk. None to wait for all.

        Returns:
            Whether all films were finished.
        """
        finished = self.queue.drain(timeout_s)
        self.batcher.stop()
        self.jobs.retry_unsaved()
        self.decoders.stop()
        self.database.close()
        return finished


def open_pipeline(
    settings: PipelineSettings,
    bundles: Mapping[str, Classifier],
    database: JobDatabase,
    hooks: PipelineHooks | None = None,
) -> Pipeline:
    """Makes the parts, and resumes the films of an earlier run.

    Args:
        settings: The settings.
        bundles: See `load_bundles`; the first reads films that name none.
        database: See `open_job_database`; `Pipeline.close` closes it, and so does a failure here.
        hooks: Functions to call.
    """
    hooks = hooks or PipelineHooks()
    cores = next(iter(bundles.values())).threads
    done_bytes = settings.held_bytes if settings.done_bytes is None else settings.done_bytes
    # While one batch waits for its decoder or for the database, another is computed.
    threads = settings.threads or cores + 1
    # One batch more than one owner's films occupy, so that slow ones leave a thread to others.
    batches = threads + 1
    with ExitStack() as started:
        started.callback(database.close)
        film_store = FilmStore(done_bytes, database.keys, settings.films_folder, hooks.tampered)
        # One decoder more than batches, so that pictures do not wait for films.
        decoders = DecoderPool(batches + 1, settings.decode_s, settings.decode_bytes)
        started.callback(decoders.stop)
        decoders.start(cores)
        events = ProgressEvents()
        queue = FilmQueue(_queue_limits(settings, threads), batches)
        jobs = JobService(
            database.store,
            film_store,
            database.keys,
            events,
            queue,
            hooks.ended,
            keep_failed=settings.keep_failed,
        )
        readers = Readers(bundles, settings.max_pixels)
        batch_settings = BatchSettings(batches, settings.max_batch_size, settings.max_wait_ms)
        batch_hooks = BatchHooks(jobs.begin, jobs.finish, hooks.ran)
        batcher = Batcher(queue, readers, decoders, batch_settings, batch_hooks)
        started.callback(batcher.stop)
        recover(jobs, database.store, film_store)
        started.pop_all()
    return Pipeline(
        database=database,
        film_store=film_store,
        decoders=decoders,
        events=events,
        queue=queue,
        readers=readers,
        batcher=batcher,
        jobs=jobs,
    )


def _queue_limits(settings: PipelineSettings, threads: int) -> QueueLimits:
    return QueueLimits(
        films=settings.queue_films,
        size_bytes=settings.held_bytes,
        owner_share=settings.owner_share,
        owner_batches=threads,
        sole_owner=settings.sole_owner,
    )
