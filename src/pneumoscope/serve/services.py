"""The parts of a running server: made in order, connected, and taken down in the other order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request

from pneumoscope import runtime
from pneumoscope.jobs.batcher import Batcher, Hooks, Pace
from pneumoscope.jobs.database_lock import Claim
from pneumoscope.jobs.decoders import Decoders, Order
from pneumoscope.jobs.film_store import Shelf
from pneumoscope.jobs.keys import Keys, open_keys
from pneumoscope.jobs.progress_events import Feeds
from pneumoscope.jobs.service import Desk
from pneumoscope.jobs.store import Store
from pneumoscope.records import Settings
from pneumoscope.serve import about
from pneumoscope.serve.admin.privacy import Sweeper
from pneumoscope.serve.metrics import Metrics
from pneumoscope.serve.problems import Unavailable
from pneumoscope.serve.renderings import Studio
from pneumoscope.serve.settings import ServeSettings
from pneumoscope.serve.uploads import Intake


@dataclass(frozen=True, slots=True)
class Room:
    """The parts of a running server.

    Attributes:
        settings: What it was told.
        store: The database.
        keys: Seal films and names.
        decoders: Child processes.
        desk: Takes films in; its batcher reads them.
        feeds: News of jobs.
        studio: Makes renderings.
        metrics: For Prometheus.
        intake: Bounds what requests send at the same time.
        model: Answer of ``GET /model``.
        choices: Answer of ``GET /settings``.
        sweeper: Deletes what is too old.
        claim: Keeps other servers from the database.
    """

    settings: ServeSettings
    store: Store
    keys: Keys
    decoders: Decoders
    desk: Desk
    feeds: Feeds
    studio: Studio
    metrics: Metrics
    intake: Intake
    model: dict[str, Any]
    choices: dict[str, Any]
    sweeper: Sweeper
    claim: Claim

    def close(self) -> None:
        """Finishes what was accepted, then takes everything down."""
        self.desk.batcher.drain()
        self.desk.batcher.stop()
        self.desk.settle()
        self.decoders.stop()
        self.claim.release()
        self.store.close()


def open_room(settings: ServeSettings, metrics: Metrics | None = None) -> Room:
    """Makes the parts, and takes up what an earlier run left.

    Raises:
        PneumoscopeError: The bundle, the profile, the key or the database cannot be used.
    """
    metrics = metrics or Metrics()
    classifier = runtime.load(
        settings.bundle, threads=settings.threads, settings=Settings(profile=settings.profile)
    )
    meta, limits = classifier.bundle.meta, settings.limits
    settings.make_folder()
    keys = open_keys(settings)
    store = Store(settings.database_url)
    claim = Claim(store.engine)
    shelf = Shelf(
        limits.held_bytes, keys, settings.folder / "films" if settings.keep_films else None
    )
    feeds = Feeds()
    # While one waits for its decoder or for the database, another computes.
    threads = settings.threads or classifier.threads + 1
    # One decoder more than threads, so that pictures do not wait for films.
    decoders = Decoders(threads + 1, limits.decode_s, limits.decode_bytes)
    decoders.warm(classifier.threads)
    desk = Desk(store, shelf, keys, feeds, metrics.film)
    order = Order(meta.size, meta.source_size, classifier.draft_px, max_pixels=limits.max_pixels)
    pace = Pace(
        threads,
        settings.max_batch_size,
        settings.max_wait_ms,
        settings.queue,
        limits.held_bytes,
    )
    hooks = Hooks(desk.begin, desk.finish, metrics.batch)
    desk.batcher = Batcher(classifier, decoders, order, pace, hooks)
    metrics.watch(desk.batcher)
    desk.recover()
    sweeper = Sweeper(store, shelf, settings.retention_days)
    sweeper.sweep()
    return Room(
        settings,
        store,
        keys,
        decoders,
        desk,
        feeds,
        Studio(decoders, shelf, keys, limits.max_pixels),
        metrics,
        Intake(limits.held_bytes),
        about.model(classifier),
        about.choices(classifier, settings),
        sweeper,
        claim,
    )


async def current_room(request: Request) -> Room:
    """The running server's parts, as FastAPI dependency; async, so that no thread is started for it.

    Raises:
        Unavailable: It has not started, or has ended.
    """
    found = request.app.state.room
    if not isinstance(found, Room):
        raise Unavailable("not ready", "It starts, or it shuts down.")
    return found
