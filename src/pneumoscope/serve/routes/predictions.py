"""The routes under ``/api/v1/predictions``: films are sent, results listed, shown, exported, deleted."""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.decision.reader_settings import from_form
from pneumoscope.errors import UsageError
from pneumoscope.images import is_archive
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.languages.current import ENGLISH, speaking
from pneumoscope.records import Settings
from pneumoscope.serve import exports
from pneumoscope.serve.archives import unpack
from pneumoscope.serve.dicom_objects import MEDIA_TYPES
from pneumoscope.serve.problems import Busy, NotFound, TooMuch, Unprocessable
from pneumoscope.serve.renderings import RENDERINGS
from pneumoscope.serve.routes import schemas
from pneumoscope.serve.routes.common import Operator, RunningServices, SignedIn, api_router
from pneumoscope.serve.routes.jobs import job_of
from pneumoscope.serve.security.accounts import User
from pneumoscope.serve.security.admission import admit_again
from pneumoscope.serve.security.audit_trail import action_recorder
from pneumoscope.serve.serializers import record_json
from pneumoscope.serve.services import Services
from pneumoscope.serve.uploads import read_upload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from pneumoscope.jobs.tables import FilmRow
    from pneumoscope.serve.security.state import Security
    from pneumoscope.serve.uploads import Upload

router = api_router()

_EXPORTS = schemas.EXPORTING | schemas.of_media(
    *(kind.partition(";")[0] for kind, _ in exports.EXPORTS.values())
)
_RENDERINGS = schemas.of_media(*(kind for kind, _ in RENDERINGS.values()))
_OBJECTS = schemas.of_media(*dict.fromkeys(MEDIA_TYPES.values()))
_LARGE_BYTES = 2**20

ObjectKind = Annotated[str, Path(json_schema_extra={"enum": list(KINDS)})]
Rendering = Annotated[str, Path(json_schema_extra={"enum": list(RENDERINGS)})]


@router.post(
    "/predictions",
    response_model=schemas.Records,
    responses=schemas.CREATING,
    openapi_extra=schemas.UPLOAD,
)
async def create_predictions(
    request: Request, user: Operator, services: RunningServices
) -> Response:
    """Reads films: at once if they are few, else as a job."""
    with services.upload_budget.lease(user.id) as take:  # until the queue counts the films
        accepted = await _accept(request, user, services, take)
    if isinstance(accepted, str):
        job = await run_in_threadpool(job_of, services, user, accepted)
        return JSONResponse({"job": job}, 202, {"Location": job["links"]["self"]})
    rows = await asyncio.gather(*map(asyncio.wrap_future, accepted))
    return JSONResponse({"predictions": [record_json(row, services.keys) for row in rows]})


async def _accept(
    request: Request, user: User, services: Services, take: Callable[[int], None]
) -> str | list[Future[FilmRow]]:
    """Receives films and queues them; returns the id of a job, or futures of the results."""
    upload = await read_upload(request, services.settings.limits, take)
    await run_in_threadpool(admit_again, request)
    patient = upload.fields.get("patient")
    bundle = services.readers.name(upload.fields.get("bundle"))
    job_request = JobRequest(
        owner=user.id,
        settings=_settings(upload.fields, services, bundle),
        bundle=bundle,
        patient=patient,
    )
    # For the line in the audit log.
    request.state.patient = None if patient is None else services.keys.fingerprint(patient)
    services.readers.reader(job_request.settings, bundle)  # refuses wrong settings before reading
    films, has_archive = await _films(upload, services, take)
    few = len(films) <= services.settings.sync_limit and not has_archive
    if not few or "respond-async" in request.headers.get("prefer", "").lower():
        record = action_recorder(request, HTTPStatus.ACCEPTED)
        return await run_in_threadpool(services.jobs.accept, job_request, films, record)
    read_now = partial(
        services.jobs.read_now, job_request, films, services.settings.deadline_s,
        action_recorder(request, HTTPStatus.OK),
    )  # fmt: skip
    # Hashing large films would block other requests.
    large = sum(len(film.data) for film in films) > _LARGE_BYTES
    return await run_in_threadpool(read_now) if large else read_now()


async def _films(
    upload: Upload, services: Services, take: Callable[[int], None]
) -> tuple[list[UploadedFile], bool]:
    """The films of an upload, and whether its files included an archive."""
    if not any(is_archive(data) for _, data in upload.files):
        return [UploadedFile(name, data) for name, data in upload.files], False
    limits = services.settings.limits
    return await run_in_threadpool(unpack, upload.files, limits, take), True


def _settings(fields: Mapping[str, str], services: Services, bundle: str) -> Settings:
    try:
        return from_form(fields, services.readers.profile(bundle))
    except UsageError as error:
        raise Unprocessable(error.message, error.hint) from None


@router.get("/predictions", responses={200: {"model": schemas.Records}})
def list_predictions(
    user: SignedIn,
    services: RunningServices,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: str | None = None,
    label: str | None = None,
    patient_of: Annotated[
        str | None, Query(description="Id of a film: only films of its patient.")
    ] = None,
) -> dict[str, Any]:
    """Your results, newest first. There is no search by name: a name must not be in an address."""
    rows = services.store.history(user.id, limit, before, label, patient_of)
    return {"predictions": [record_json(row, services.keys) for row in rows]}


@router.get("/predictions/export", response_class=Response, responses=_EXPORTS)
def export_predictions(
    request: Request,
    user: SignedIn,
    services: RunningServices,
    format: Literal["csv", "json", "pdf", "zip"] = "csv",  # noqa: A002 (the query's)
    ids: Annotated[
        str | None, Query(description="Ids separated by commas; all by default.")
    ] = None,
) -> Response:
    """Your results as one file."""
    most = exports.MOST_DRAWN if format in exports.DRAWN else exports.MOST
    if ids is None:
        rows = services.store.history(user.id, most + 1)
    else:
        rows = services.store.rows(user.id, [id_ for id_ in ids.split(",") if id_][: most + 1])
    if len(rows) > most:
        raise TooMuch(f"more than {most:,} films for one file", "Select fewer by their ids.")
    security: Security | None = request.app.state.security
    wait_s = security.exported.wait_s(user.id, len(rows)) if security else 0
    if wait_s:
        raise Busy("you have exported very many results", wait_s)
    if not rows:
        raise NotFound("nothing to export", "Read some films first.")
    request.state.objects = [row.id for row in rows]
    media_type, make = exports.EXPORTS[format]
    with services.renderer.slots.of(user.id):
        content = make(rows, services.renderer, _labels(services))
    return Response(
        content,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="pneumoscope.{format}"'},
    )


def _labels(services: Services) -> list[str]:
    """Classes or findings of all bundles, each once."""
    return list(
        dict.fromkeys(label for model in services.models.values() for label in model["labels"])
    )


@router.delete("/predictions", status_code=200)
def delete_predictions(
    request: Request, user: Operator, services: RunningServices
) -> dict[str, int]:
    """Deletes all your results and films."""
    deleted = services.jobs.delete(user.id, None, action_recorder(request, HTTPStatus.OK))
    return {"deleted": len(deleted)}


@router.get("/predictions/{id}", responses={200: {"model": schemas.Record}})
def show_prediction(
    id: str,  # noqa: A002 (the path's)
    user: SignedIn,
    services: RunningServices,
) -> dict[str, Any]:
    """One result."""
    return record_json(_row(services, user, id), services.keys)


@router.delete("/predictions/{id}", status_code=204)
def delete_prediction(
    request: Request,
    id: str,  # noqa: A002
    user: Operator,
    services: RunningServices,
) -> None:
    """Deletes one result with its film."""
    record = action_recorder(request, HTTPStatus.NO_CONTENT)
    if not services.jobs.delete(user.id, [id], record):
        raise NotFound


@router.get("/predictions/{id}/{rendering}", response_class=Response, responses=_RENDERINGS)
def show_rendering(
    id: str,  # noqa: A002
    rendering: Rendering,
    user: SignedIn,
    services: RunningServices,
) -> Response:
    """A picture or a document of one result."""
    if rendering not in RENDERINGS:
        raise NotFound("no such rendering", f"There are: {', '.join(RENDERINGS)}.")
    row = _row(services, user, id)
    media_type, make = RENDERINGS[rendering]
    with services.renderer.slots.of(user.id):
        content = make(row, services.renderer)
    return Response(content, media_type=media_type)


@router.get("/predictions/{id}/objects/{kind}", response_class=Response, responses=_OBJECTS)
def show_object(
    id: str,  # noqa: A002
    kind: ObjectKind,
    user: SignedIn,
    services: RunningServices,
    fhir_version: Literal["R5", "R4"] = "R5",
) -> Response:
    """The result of a DICOM film as an object for its study, or as FHIR."""
    row = _row(services, user, id)
    with services.renderer.slots.of(user.id), speaking(ENGLISH):
        content = services.dicom_objects.content(row, kind, fhir_version)
    name = f"pneumoscope.{kind}.{KINDS[kind].ending}"
    return Response(
        content,
        media_type=MEDIA_TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.post(
    "/predictions/{id}/destinations/{destination}",
    responses={200: {"model": schemas.Sent}, **schemas.SENDING},
)
def send_result(
    request: Request,
    id: str,  # noqa: A002
    destination: str,
    user: Operator,
    services: RunningServices,
) -> dict[str, str]:
    """Sends the result of a DICOM film to one of the destinations that `GET /settings` names."""
    row = _row(services, user, id)
    if destination not in services.sending.names:
        services.sending.send(row, destination)  # says which there are
    action_recorder(request, HTTPStatus.OK)([id])
    with services.renderer.slots.of(user.id):
        services.sending.send(row, destination)
    return {"destination": destination}


def _row(services: Services, user: User, id_: str) -> FilmRow:
    row = services.store.row(user.id, id_)
    if row is None:
        raise NotFound
    return row
