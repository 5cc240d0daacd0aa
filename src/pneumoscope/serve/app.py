"""The application: the routes, the security middleware, and the page."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from pneumoscope import __version__
from pneumoscope.errors import PneumoscopeError
from pneumoscope.images.samples import sample_films
from pneumoscope.jobs.database import unusable
from pneumoscope.render.serialise import NOTICE
from pneumoscope.serve import problems
from pneumoscope.serve.metrics import Metrics, RequestMetrics
from pneumoscope.serve.node_status import NodeStatus
from pneumoscope.serve.reader_language import ReaderLanguage
from pneumoscope.serve.routes import account, health, jobs, model, node, predictions, session
from pneumoscope.serve.security import guard
from pneumoscope.serve.security.accounts import LOCAL
from pneumoscope.serve.security.state import make_security
from pneumoscope.serve.services import open_services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pneumoscope.jobs.service import JobService
    from pneumoscope.jobs.store import Store
    from pneumoscope.serve.admin.privacy import RetentionCleanup
    from pneumoscope.serve.security.state import Security
    from pneumoscope.serve.services import Services
    from pneumoscope.serve.settings import ServeSettings

_log = logging.getLogger(__name__)

_RETRY_S = 5.0
_CLEANUP_S = 3600.0
_LOCK_S = 2.0
_LATE_ROUNDS = 24
"""Films of two minutes; all that were accepted are read by then, or later at the next start."""
STATIC = Path(__file__).with_name("static")


def create_app(settings: ServeSettings) -> FastAPI:
    """The page and the API."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            services = await run_in_threadpool(open_services, settings, metrics)
            app.state.security = await run_in_threadpool(_open_security, settings, services)
        except SQLAlchemyError as error:
            raise unusable(error) from error
        app.state.services = services
        background = [
            asyncio.create_task(_clean_up(services.cleanup)),
            asyncio.create_task(_retry_unsaved(services.jobs)),
            asyncio.create_task(_watch_lock(services)),
            asyncio.create_task(_give_late_results_an_owner(app.state.security, services.store)),
        ]
        try:
            yield
        finally:
            app.state.services = None
            for task in background:
                task.cancel()
            await run_in_threadpool(services.close)

    app = FastAPI(
        title="pneumoscope",
        version=__version__,
        description=f"Reads chest X-rays. {NOTICE}",
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = None
    app.state.settings = settings
    app.add_middleware(RequestMetrics, metrics=metrics)
    routers = (predictions.router, jobs.router, model.router, health.router)
    problems.install(app, [route for router in routers for route in router.routes])
    for router in (*routers, session.router, account.router):
        app.include_router(router)
    if settings.node is not None:
        app.include_router(node.router_of(NodeStatus(settings.node)))
    if STATIC.is_dir():
        _add_page(app)
    guard.install(app, settings)
    app.add_middleware(ReaderLanguage)
    return app


def _open_security(settings: ServeSettings, services: Services) -> Security:
    """`make_security`; stops the services if the server cannot start."""
    try:
        return make_security(settings, services.store.engine, services.keys, audit=services.audit)
    except BaseException:
        services.pipeline.close(0)
        raise


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/login", include_in_schema=False)
    def login() -> FileResponse:
        return FileResponse(STATIC / "login.html")

    if films := sample_films():
        app.mount("/static/samples", StaticFiles(directory=films[0].parent), name="samples")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")


async def _clean_up(cleanup: RetentionCleanup) -> None:
    while True:
        await asyncio.sleep(_CLEANUP_S)
        try:
            await run_in_threadpool(cleanup.run)
        except (PneumoscopeError, OSError, SQLAlchemyError):
            _log.exception("old results were not deleted; the next try is in an hour")


async def _watch_lock(services: Services) -> None:
    while True:
        await asyncio.sleep(_LOCK_S)
        held = await run_in_threadpool(services.lock.held)
        services.queue.pause(paused=not held)


async def _give_late_results_an_owner(security: Security, store: Store) -> None:
    """Results of films that were accepted before the first account, and read after it."""
    if not security.open:
        return
    while await run_in_threadpool(security.openness.check):
        await asyncio.sleep(_RETRY_S)
    for _ in range(_LATE_ROUNDS):
        try:
            first = min(await run_in_threadpool(security.accounts.list), key=lambda a: a.created)
            await run_in_threadpool(store.transfer, LOCAL.id, first.id)
        except SQLAlchemyError:
            _log.exception("earlier results have no owner yet; the next try is in a moment")
        await asyncio.sleep(_RETRY_S)


async def _retry_unsaved(jobs: JobService) -> None:
    while True:
        await asyncio.sleep(_RETRY_S)
        await run_in_threadpool(jobs.retry_unsaved)
