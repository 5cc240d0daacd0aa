"""The routes under ``/api/v1``."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from pneumoscope.images import is_archive
from pneumoscope.jobs.service import Arrived, Asked
from pneumoscope.records import Settings
from pneumoscope.serve import documents, present
from pneumoscope.serve.archives import unpack
from pneumoscope.serve.problems import NotFound, TooMuch, Unprocessable
from pneumoscope.serve.renderings import RENDERINGS
from pneumoscope.serve.routes import schemas
from pneumoscope.serve.security.accounts import User
from pneumoscope.serve.security.guard import OPERATOR, current_user, require
from pneumoscope.serve.services import Room, current_room
from pneumoscope.serve.uploads import read_upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from concurrent.futures import Future

    from pneumoscope.jobs.store import Row
    from pneumoscope.serve.uploads import Upload

# Here, so that a route that forgets to ask for its user is guarded all the same.
router = APIRouter(
    prefix=present.ROOT,
    dependencies=[Depends(current_user)],
    responses=schemas.READING,
    generate_unique_id_function=lambda route: route.name,
)

Anyone = Annotated[User, Depends(current_user)]
Operator = Annotated[User, Depends(require(OPERATOR))]

_HEARTBEAT_S = 15.0
_EXPORTS = schemas.of_media(*(kind.partition(";")[0] for kind, _ in documents.EXPORTS.values()))
_PICTURES = schemas.of_media(*(kind for kind, _ in RENDERINGS.values()))
_LARGE = 2**20  # bytes


Parts = Annotated[Room, Depends(current_room)]
Rendering = Annotated[str, Path(json_schema_extra={"enum": list(RENDERINGS)})]


@router.post(
    "/predictions",
    response_model=schemas.Records,
    responses=schemas.CREATING,
    openapi_extra=schemas.UPLOAD,
)
async def create_predictions(request: Request, user: Operator, parts: Parts) -> Response:
    """Reads films: at once if they are few, else as a job."""
    with parts.intake.lease() as take:  # until the queue counts the films
        taken = await _taken_in(request, user, parts, take)
    if isinstance(taken, str):
        request.state.objects = [taken]
        told = await run_in_threadpool(_job, parts, user, taken)
        return JSONResponse({"job": told}, 202, {"Location": told["links"]["self"]})
    rows = await asyncio.gather(*map(asyncio.wrap_future, taken))
    request.state.objects = [row.id for row in rows]
    return JSONResponse({"predictions": [present.record(row, parts.keys) for row in rows]})


async def _taken_in(
    request: Request, user: User, parts: Room, take: Callable[[int], None]
) -> str | list[Future[Row]]:
    """Receives films and queues them; gives the id of a job, or what a short request waits for."""
    upload = await read_upload(request, parts.settings.limits, take)
    patient = upload.fields.get("patient")
    asked = Asked(user.id, _asked(upload.fields, parts), patient)
    # For the line in the audit log.
    request.state.patient = None if patient is None else parts.keys.fingerprint(patient)
    parts.desk.batcher.reader(asked.settings)  # refuses settings before anything is read
    films, archive = await _unpacked(upload, parts, take)
    few = len(films) <= parts.settings.sync_limit and not archive
    if not few or "respond-async" in request.headers.get("prefer", "").lower():
        return await run_in_threadpool(parts.desk.accept, asked, films)
    read_now = partial(parts.desk.read_now, asked, films, parts.settings.deadline_s)
    # Hashing large films would hold up everybody else.
    large = sum(len(film.data) for film in films) > _LARGE
    return await run_in_threadpool(read_now) if large else read_now()


async def _unpacked(
    upload: Upload, parts: Room, take: Callable[[int], None]
) -> tuple[list[Arrived], bool]:
    """The films of an upload, and whether there was an archive among its files."""
    if not any(is_archive(data) for _, data in upload.files):
        return [Arrived(name, data) for name, data in upload.files], False
    return await run_in_threadpool(unpack, upload.files, parts.settings.limits, take), True


def _asked(fields: Mapping[str, str], parts: Room) -> Settings:
    return Settings(
        operating_point=fields.get("operating_point"),
        error=_number(fields, "error"),
        prevalence=_number(fields, "prevalence"),
        force=_flag(fields, "force"),
        explain=fields.get("explain", "fast"),
        profile=parts.settings.profile,
    )


def _number(fields: Mapping[str, str], name: str) -> float | None:
    if name not in fields:
        return None
    try:
        return float(fields[name])
    except ValueError:
        raise Unprocessable(f"{name} is no number", "Such as 0.05.") from None


def _flag(fields: Mapping[str, str], name: str) -> bool:
    given = fields.get(name, "false")
    if given not in ("true", "false"):
        raise Unprocessable(f"{name} is neither true nor false", "Leave it out for false.")
    return given == "true"


@router.get("/predictions", responses={200: {"model": schemas.Records}})
def list_predictions(
    user: Anyone,
    parts: Parts,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: str | None = None,
    label: str | None = None,
) -> dict[str, Any]:
    """One's own history, newest first. Names are searched by whoever holds the list, never by address."""
    rows = parts.store.history(user.id, limit, before, label)
    return {"predictions": [present.record(row, parts.keys) for row in rows]}


@router.get("/predictions/export", response_class=Response, responses=_EXPORTS)
def export_predictions(
    request: Request,
    user: Anyone,
    parts: Parts,
    format: Literal["csv", "json", "pdf", "zip"] = "csv",  # noqa: A002 (the query's)
    ids: Annotated[
        str | None, Query(description="Ids with commas between; all by default.")
    ] = None,
) -> Response:
    """One's own results as one file."""
    most = documents.MOST_DRAWN if format in documents.DRAWN else documents.MOST
    if ids is None:
        rows = parts.store.history(user.id, most + 1)
    else:
        rows = parts.store.rows(user.id, [id_ for id_ in ids.split(",") if id_][: most + 1])
    if len(rows) > most:
        raise TooMuch(f"more than {most:,} films for one file", "Name fewer by their ids.")
    if not rows:
        raise NotFound("nothing to export", "Read some films first.")
    request.state.objects = [row.id for row in rows]
    media_type, make = documents.EXPORTS[format]
    with parts.studio.turns:
        content = make(rows, parts.studio, parts.model["labels"])
    return Response(
        content,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="pneumoscope.{format}"'},
    )


@router.delete("/predictions", status_code=200)
def delete_predictions(request: Request, user: Operator, parts: Parts) -> dict[str, int]:
    """Deletes all of one's own results and films."""
    request.state.objects = gone = parts.desk.delete(user.id)
    return {"deleted": len(gone)}


@router.get("/predictions/{id}", responses={200: {"model": schemas.Record}})
def show_prediction(id: str, user: Anyone, parts: Parts) -> dict[str, Any]:  # noqa: A002 (the path's)
    """One result."""
    return present.record(_row(parts, user, id), parts.keys)


@router.delete("/predictions/{id}", status_code=204)
def delete_prediction(id: str, user: Operator, parts: Parts) -> None:  # noqa: A002
    """Deletes one result with its film."""
    if not parts.desk.delete(user.id, [id]):
        raise NotFound


@router.get("/predictions/{id}/{rendering}", response_class=Response, responses=_PICTURES)
def show_rendering(id: str, rendering: Rendering, user: Anyone, parts: Parts) -> Response:  # noqa: A002
    """A picture or a document of one result."""
    if rendering not in RENDERINGS:
        raise NotFound("no such rendering", f"There are: {', '.join(RENDERINGS)}.")
    row = _row(parts, user, id)
    media_type, make = RENDERINGS[rendering]
    with parts.studio.turns:
        content = make(row, parts.studio)
    return Response(content, media_type=media_type)


def _row(parts: Room, user: User, id_: str) -> Any:
    row = parts.store.row(user.id, id_)
    if row is None:
        raise NotFound
    return row


@router.get("/jobs/{id}", responses={200: {"model": schemas.JobWithFilms}})
def show_job(id: str, user: Anyone, parts: Parts) -> dict[str, Any]:  # noqa: A002
    """A job with its films."""
    # In this order: a job that is said to be done must not come with films that were not yet.
    told = _job(parts, user, id)
    rows = parts.store.of_job(user.id, id)
    return told | {"predictions": [present.record(r, parts.keys) for r in rows]}


@router.delete("/jobs/{id}", responses={200: {"model": schemas.Job}})
def cancel_job(id: str, user: Operator, parts: Parts) -> dict[str, Any]:  # noqa: A002
    """Cancels what of a job has not begun."""
    _job(parts, user, id)
    parts.desk.cancel(user.id, id)
    return _job(parts, user, id)


def _job(parts: Room, user: User, id_: str) -> dict[str, Any]:
    found = parts.store.job(user.id, id_)
    if found is None:
        raise NotFound
    return present.job(*found)


@router.get("/jobs/{id}/events", response_class=StreamingResponse, responses=schemas.EVENTS)
async def job_events(id: str, user: Anyone, parts: Parts) -> StreamingResponse:  # noqa: A002
    """Server-sent events: ``progress`` for every film that ended, at last ``end``."""
    state = await run_in_threadpool(_job, parts, user, id)
    return StreamingResponse(
        _events(state, user, parts),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(state: dict[str, Any], user: User, parts: Room) -> AsyncIterator[str]:
    job, told = state["id"], set[str]()
    with parts.feeds.listening(job) as news:  # before looking, so that nothing falls between
        ids: list[str] | None = None
        while True:
            try:
                state = await run_in_threadpool(_job, parts, user, job)
            except NotFound:  # deleted meanwhile, which counts as done
                state |= {"state": "done", "done": state["total"]}
            if ids is None or state["state"] == "done":
                # At the end all once more: some may have ended since the last news.
                rows = await run_in_threadpool(parts.store.of_job, user.id, job)
            else:
                rows = await run_in_threadpool(parts.store.rows, user.id, ids)
            for row in rows:
                if row.state in ("done", "failed") and row.id not in told:
                    told.add(row.id)
                    content = {"done": len(told), "total": state["total"]}
                    yield _event("progress", content | {"record": present.record(row, parts.keys)})
            if state["state"] == "done":
                yield _event("end", {"job": state})
                return
            try:
                ids = [await asyncio.wait_for(news.get(), _HEARTBEAT_S)]
            except TimeoutError:
                yield ": still here\n\n"
                ids = []
            while not news.empty():
                ids.append(news.get_nowait())


def _event(name: str, content: Mapping[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(content)}\n\n"


@router.get("/model")
def show_model(parts: Parts) -> dict[str, Any]:
    """The bundle: figures, limits, population, hash, and its card as Markdown."""
    return parts.model


@router.get("/settings")
def show_settings(parts: Parts) -> dict[str, Any]:
    """What a reader may choose, limits, and the words of the gate."""
    return parts.choices
