"""The application: parts are made on start, connected, and taken down in the other order."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from pneumoscope import __version__, runtime
from pneumoscope.errors import PneumoscopeError
from pneumoscope.records import Settings
from pneumoscope.serialise import NOTICE
from pneumoscope.serve import about, api, guard, health, problems
from pneumoscope.serve.batcher import Batcher, Hooks, Pace
from pneumoscope.serve.decoding import Decoders, Order
from pneumoscope.serve.feeds import Feeds
from pneumoscope.serve.films import Shelf
from pneumoscope.serve.jobs import Desk
from pneumoscope.serve.keys import Keys, open_keys
from pneumoscope.serve.metrics import Metrics, Timed
from pneumoscope.serve.privacy import Sweeper
from pneumoscope.serve.renderings import Studio
from pneumoscope.serve.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pneumoscope.serve.settings import ServeSettings

_log = logging.getLogger(__name__)

STATIC = Path(__file__).with_name("static")


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
        model: Answer of ``GET /model``.
        choices: Answer of ``GET /settings``.
        sweeper: Deletes what is too old.
    """

    settings: ServeSettings
    store: Store
    keys: Keys
    decoders: Decoders
    desk: Desk
    feeds: Feeds
    studio: Studio
    metrics: Metrics
    model: dict[str, Any]
    choices: dict[str, Any]
    sweeper: Sweeper

    def close(self) -> None:
        """Finishes what was accepted, then takes everything down."""
        self.desk.batcher.drain()
        self.desk.batcher.stop()
        self.decoders.stop()
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
    settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = open_keys(settings)
    store = Store(settings.database_url)
    shelf = Shelf(
        limits.held_bytes, keys, settings.folder / "films" if settings.keep_films else None
    )
    feeds = Feeds()
    # One decoder more than threads, so that pictures do not wait for films.
    decoders = Decoders(classifier.threads + 1, limits.decode_s, limits.decode_bytes)
    desk = Desk(store, shelf, keys, feeds, metrics.film)
    order = Order(meta.size, meta.source_size, classifier.draft_px, max_pixels=limits.max_pixels)
    pace = Pace(classifier.threads, settings.max_batch_size, settings.max_wait_ms, settings.queue)
    hooks = Hooks(desk.begin, desk.finish, metrics.batch)
    desk.batcher = Batcher(classifier, decoders, order, pace, hooks)
    metrics.watch(desk.batcher)
    desk.recover()
    sweeper = Sweeper(store, shelf, settings.retention_days)
    sweeper.sweep()
    decoders.warm(classifier.threads)
    return Room(
        settings,
        store,
        keys,
        decoders,
        desk,
        feeds,
        Studio(decoders, shelf, keys, limits.max_pixels),
        metrics,
        about.model(classifier),
        about.choices(classifier, settings),
        sweeper,
    )


async def _sweep_hourly(sweeper: Sweeper) -> None:
    while True:
        await asyncio.sleep(3600)
        try:
            await run_in_threadpool(sweeper.sweep)
        except (PneumoscopeError, OSError, SQLAlchemyError):
            _log.exception("old results were not deleted; once more in an hour")


def create_app(settings: ServeSettings) -> FastAPI:
    """The page and the API over one bundle."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        room = await run_in_threadpool(open_room, settings, metrics)
        app.state.security = await run_in_threadpool(
            guard.make_security, settings, room.store.engine, room.keys
        )
        app.state.room = room
        sweeping = asyncio.create_task(_sweep_hourly(room.sweeper))
        try:
            yield
        finally:
            app.state.room = None
            sweeping.cancel()
            await run_in_threadpool(room.close)

    app = FastAPI(
        title="pneumoscope",
        version=__version__,
        description=f"Reads chest X-rays. {NOTICE}",
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.room = None
    app.state.settings = settings
    app.add_middleware(Timed, metrics=metrics)
    problems.install(app)
    app.include_router(api.router)
    app.include_router(health.router)
    if STATIC.is_dir():

        @app.get("/", include_in_schema=False)
        def page() -> FileResponse:
            return FileResponse(STATIC / "index.html")

        app.mount("/static", StaticFiles(directory=STATIC), name="static")
    guard.install(app, settings)
    return app
