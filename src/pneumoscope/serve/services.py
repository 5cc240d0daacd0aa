"""The parts of a running server: made in order, connected, and stopped in the reverse order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Request

from pneumoscope.jobs.batcher import Batcher, BatchHooks, BatchSettings
from pneumoscope.jobs.clock import SteadyClock
from pneumoscope.jobs.database_lock import DatabaseLock
from pneumoscope.jobs.decoders import DecoderPool
from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.jobs.keys import Keys, open_keys
from pneumoscope.jobs.progress_events import ProgressEvents
from pneumoscope.jobs.queue import FilmQueue, QueueLimits
from pneumoscope.jobs.readers import Readers
from pneumoscope.jobs.recovery import recover
from pneumoscope.jobs.service import JobService
from pneumoscope.jobs.store import Store
from pneumoscope.serve.admin.privacy import RetentionCleanup
from pneumoscope.serve.bundles import load_bundles
from pneumoscope.serve.capabilities import model_facts, reader_choices
from pneumoscope.serve.event_streams import EventStreams
from pneumoscope.serve.metrics import Metrics
from pneumoscope.serve.pictures import Renderer
from pneumoscope.serve.problems import Unavailable
from pneumoscope.serve.security.accounts import LOCAL
from pneumoscope.serve.security.audit_log import SERIOUS, AuditLog, Event
from pneumoscope.serve.security.audit_setup import open_audit_log
from pneumoscope.serve.security.audit_trail import record
from pneumoscope.serve.settings import ServeSettings
from pneumoscope.serve.uploads import UploadBudget

OWNER_SHARE = 0.75
"""Of the queue and of the memory for films that one user may take; the rest is left to others."""
TAMPERED = "film on the disk was changed"
"""Text of the line about a film that does not decrypt with this key in this place."""


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running server.

    Attributes:
        settings: The settings it was started with.
        store: The database.
        keys: Encrypt films and names.
        decoders: Child processes.
        queue: Films that wait.
        readers: What reads films, by bundle and settings.
        batcher: Reads films from the queue.
        jobs: Accepts films and stores results.
        events: Progress of jobs.
        streams: Counts the clients that follow jobs.
        renderer: Makes renderings.
        metrics: For Prometheus.
        upload_budget: Limits the bytes of concurrent requests.
        models: Answers of ``GET /model`` by name of the bundle.
        choices: Answers of ``GET /settings`` by name of the bundle.
        cleanup: Deletes results that are too old.
        audit: The audit log.
        lock: Keeps other servers away from the database.
    """

    settings: ServeSettings
    store: Store
    keys: Keys
    decoders: DecoderPool
    queue: FilmQueue
    readers: Readers
    batcher: Batcher
    jobs: JobService
    events: ProgressEvents
    streams: EventStreams
    renderer: Renderer
    metrics: Metrics
    upload_budget: UploadBudget
    models: dict[str, dict[str, Any]]
    choices: dict[str, dict[str, Any]]
    cleanup: RetentionCleanup
    audit: AuditLog
    lock: DatabaseLock

    def close(self) -> None:
        """Finishes the films that were accepted, then stops everything."""
        self.queue.drain()
        self.batcher.stop()
        self.jobs.retry_unsaved()
        self.decoders.stop()
        self.lock.release()
        self.store.close()


def open_services(settings: ServeSettings, metrics: Metrics | None = None) -> Services:
    """Makes the parts, and resumes the jobs of an earlier run.

    Raises:
        PneumoscopeError: A bundle, the profile, the key or the database cannot be used.
    """
    metrics = metrics or Metrics()
    bundles = load_bundles(settings)
    cores = next(iter(bundles.values())).threads
    limits = settings.limits
    settings.make_folder()
    keys = open_keys(settings.folder, settings.key)
    store = Store(settings.database_url)
    lock = DatabaseLock(store.engine)
    films_folder = settings.folder / "films" if settings.keep_films else None
    audit = open_audit_log(settings, store.engine, keys)
    audit.check()  # otherwise every request would be refused
    film_store = FilmStore(limits.held_bytes, keys, films_folder, partial(_report_tampering, audit))
    # While one batch waits for its decoder or for the database, another is computed.
    threads = settings.threads or cores + 1
    # One batch more than one user's films occupy, so that slow ones leave a thread to others.
    batches = threads + 1
    # One decoder more than batches, so that pictures do not wait for films.
    decoders = DecoderPool(batches + 1, limits.decode_s, limits.decode_bytes)
    decoders.start(cores)
    events = ProgressEvents()
    queue = FilmQueue(_queue_limits(settings, threads), batches)
    metrics.watch(queue)
    jobs = JobService(store, film_store, keys, events, queue, metrics.film)
    readers = Readers(bundles, limits.max_pixels)
    batch_settings = BatchSettings(batches, settings.max_batch_size, settings.max_wait_ms)
    hooks = BatchHooks(jobs.begin, jobs.finish, metrics.batch)
    batcher = Batcher(queue, readers, decoders, batch_settings, hooks)
    recover(jobs, store, film_store)
    clock = SteadyClock(store.engine, audit.last_time())
    cleanup = RetentionCleanup(store, film_store, settings.retention_days, audit, clock)
    cleanup.run()
    return Services(
        settings=settings,
        store=store,
        keys=keys,
        decoders=decoders,
        queue=queue,
        readers=readers,
        batcher=batcher,
        jobs=jobs,
        events=events,
        streams=EventStreams(sole_owner=LOCAL.id),
        renderer=Renderer(decoders, film_store, keys, limits.max_pixels),
        metrics=metrics,
        upload_budget=UploadBudget(limits.held_bytes, OWNER_SHARE),
        models={name: model_facts(reader) for name, reader in readers.named.items()},
        choices=reader_choices(readers.named, settings),
        cleanup=cleanup,
        audit=audit,
        lock=lock,
    )


def _report_tampering(audit: AuditLog, film: str) -> None:
    event = Event(what=TAMPERED, outcome=SERIOUS, where="server", objects=(film,))
    record(audit, event)


def _queue_limits(settings: ServeSettings, threads: int) -> QueueLimits:
    return QueueLimits(
        films=settings.queue,
        size_bytes=settings.limits.held_bytes,
        owner_share=OWNER_SHARE,
        owner_batches=threads,
        sole_owner=LOCAL.id,
    )


async def current_services(request: Request) -> Services:
    """FastAPI dependency: the running server's parts; async, so that it needs no thread.

    Raises:
        Unavailable: The server has not started, or has ended.
    """
    services = request.app.state.services
    if not isinstance(services, Services):
        raise Unavailable("not ready", "The server is starting or shutting down.")
    return services
