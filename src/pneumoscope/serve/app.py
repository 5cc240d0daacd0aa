"""The application: the routes, what stands before them, and the page."""

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
from pneumoscope.render.serialise import NOTICE
from pneumoscope.serve import problems
from pneumoscope.serve.metrics import Metrics, Timed
from pneumoscope.serve.routes import health, predictions
from pneumoscope.serve.security import guard
from pneumoscope.serve.services import open_room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pneumoscope.jobs.service import Desk
    from pneumoscope.serve.admin.privacy import Sweeper
    from pneumoscope.serve.settings import ServeSettings

_log = logging.getLogger(__name__)

_SETTLE_S = 5.0
STATIC = Path(__file__).with_name("static")


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
        chores = [
            asyncio.create_task(_sweep_hourly(room.sweeper)),
            asyncio.create_task(_settle(room.desk)),
        ]
        try:
            yield
        finally:
            app.state.room = None
            for chore in chores:
                chore.cancel()
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
    problems.install(app, [*predictions.router.routes, *health.router.routes])
    app.include_router(predictions.router)
    app.include_router(health.router)
    if STATIC.is_dir():

        @app.get("/", include_in_schema=False)
        def page() -> FileResponse:
            return FileResponse(STATIC / "index.html")

        @app.get("/login", include_in_schema=False)
        def login() -> FileResponse:
            return FileResponse(STATIC / "login.html")

        app.mount("/static", StaticFiles(directory=STATIC), name="static")
    guard.install(app, settings)
    return app


async def _sweep_hourly(sweeper: Sweeper) -> None:
    while True:
        await asyncio.sleep(3600)
        try:
            await run_in_threadpool(sweeper.sweep)
        except (PneumoscopeError, OSError, SQLAlchemyError):
            _log.exception("old results were not deleted; once more in an hour")


async def _settle(desk: Desk) -> None:
    while True:
        await asyncio.sleep(_SETTLE_S)
        await run_in_threadpool(desk.settle)
