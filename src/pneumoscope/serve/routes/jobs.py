"""The routes under ``/api/v1/jobs``."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from pneumoscope.jobs.tables import DONE, FAILED
from pneumoscope.serve.event_streams import EventStream
from pneumoscope.serve.problems import NotFound
from pneumoscope.serve.routes import schemas
from pneumoscope.serve.routes.common import Operator, RunningServices, SignedIn, api_router
from pneumoscope.serve.security.accounts import User
from pneumoscope.serve.security.admission import still_admitted
from pneumoscope.serve.security.audit_trail import action_recorder
from pneumoscope.serve.serializers import job_json, record_json
from pneumoscope.serve.services import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

router = api_router()

_HEARTBEAT_S = 15.0


def job_of(services: Services, user: User, id_: str) -> dict[str, Any]:
    """A job of a user as JSON.

    Raises:
        NotFound: The user has no such job.
    """
    job = services.store.job(user.id, id_)
    if job is None:
        raise NotFound
    return job_json(*job)


@router.get("/jobs/{id}", responses={200: {"model": schemas.JobWithFilms}})
def show_job(id: str, user: SignedIn, services: RunningServices) -> dict[str, Any]:  # noqa: A002 (the path's)
    """A job with its films."""
    # The job first: a job that is shown as done must not come with films that were not.
    job = job_of(services, user, id)
    rows = services.store.of_job(user.id, id)
    return job | {"predictions": [record_json(row, services.keys) for row in rows]}


@router.delete("/jobs/{id}", responses={200: {"model": schemas.Job}})
def cancel_job(
    request: Request,
    id: str,  # noqa: A002
    user: Operator,
    services: RunningServices,
) -> dict[str, Any]:
    """Cancels the films of a job that are not being read yet."""
    job_of(services, user, id)
    action_recorder(request, HTTPStatus.OK)([id])
    services.jobs.cancel(user.id, id)
    return job_of(services, user, id)


@router.get("/jobs/{id}/events", response_class=StreamingResponse, responses=schemas.EVENTS)
async def job_events(
    request: Request,
    id: str,  # noqa: A002
    user: SignedIn,
    services: RunningServices,
) -> EventStream:
    """Server-sent events: ``progress`` for every film that has ended, at the end ``end``."""
    job = await run_in_threadpool(job_of, services, user, id)
    return EventStream(_events(job, request, services), services.streams, user.id)


async def _events(job: dict[str, Any], request: Request, services: Services) -> AsyncIterator[str]:
    id_, reported = job["id"], set[str]()
    user: User = request.state.user
    # Subscribed before the first look at the films, so that none is missed in between.
    with services.events.subscribed(id_) as finished:
        ids: list[str] | None = None
        while await run_in_threadpool(still_admitted, request):
            try:
                job = await run_in_threadpool(job_of, services, user, id_)
            except NotFound:  # deleted meanwhile, which counts as done
                job |= {"state": DONE, "done": job["total"]}
            if ids is None or job["state"] == DONE:
                # At the end all films: some may have ended since the last event.
                rows = await run_in_threadpool(services.store.of_job, user.id, id_)
            else:
                rows = await run_in_threadpool(services.store.rows, user.id, ids)
            for row in rows:
                if row.state in (DONE, FAILED) and row.id not in reported:
                    reported.add(row.id)
                    record = record_json(row, services.keys)
                    progress = {"done": len(reported), "total": job["total"], "record": record}
                    yield _event("progress", progress)
            if job["state"] == DONE:
                yield _event("end", {"job": job})
                return
            try:
                ids = [await asyncio.wait_for(finished.get(), _HEARTBEAT_S)]
            except TimeoutError:
                yield ": still here\n\n"
                ids = []
            while not finished.empty():
                ids.append(finished.get_nowait())


def _event(name: str, content: Mapping[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(content)}\n\n"
