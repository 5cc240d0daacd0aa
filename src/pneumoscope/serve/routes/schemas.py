"""What the OpenAPI document says about requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from pneumoscope.decision.reader_settings import UPLOAD_FIELDS
from pneumoscope.serve.problems import MEDIA_TYPE

_ID = "4beba2a17d074c798ba548b195213df1"
_RESULT = f"/api/v1/predictions/{_ID}"
_PICTURES = ("film", "overlay", "heatmap", "lungs", "thumbnail")
EXAMPLE: dict[str, Any] = {
    "id": _ID,
    "created": "2026-11-21T15:05:21.652635+00:00",
    "job": None,
    "film": {"name": "film.dcm", "sha256": "0111ec18df279165" * 4},
    "state": "done",
    "result": {
        "label": "PNEUMONIA",
        "called": "PNEUMONIA",
        "positive": "PNEUMONIA",
        "p_positive": 0.9871,
        "classes": ["PNEUMONIA"],
        "operating_point": {"name": "balanced", "threshold": 0.8425},
        "notice": "Research use, not a medical device.",
    },
    "error": None,
    "links": {"self": _RESULT, "pdf": f"{_RESULT}/report.pdf"}
    | {name: f"{_RESULT}/{name}.png" for name in _PICTURES},
}


class Film(BaseModel):
    """What was sent."""

    name: str = Field(description="Given back to its owner only.")
    sha256: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable name of the error, such as UnknownFormat.")
    hint: str = Field(description="What to do next, or empty.")
    instance: str | None = None


class Sent(BaseModel):
    """A result was sent."""

    destination: str = Field(description="Name of the system that has taken it.")


class Record(BaseModel):
    """One film: its state, and its result once there is one."""

    id: str
    created: datetime
    job: str | None
    film: Film
    state: Literal["queued", "running", "done", "failed"]
    result: dict[str, Any] | None = Field(
        description="As `pneumoscope predict --json`, see docs/reference/output.md."
    )
    error: Problem | None
    links: dict[str, str]

    model_config = {"json_schema_extra": {"example": EXAMPLE}}


class Records(BaseModel):
    """Several films."""

    predictions: list[Record]


class Job(BaseModel):
    """Films that were accepted together and are read later."""

    id: str
    created: datetime
    state: Literal["queued", "running", "done"]
    total: int
    done: int
    failed: int
    links: dict[str, str]


class JobWithFilms(Job):
    """A job with its films in their order."""

    predictions: list[Record]


class Accepted(BaseModel):
    """A job was accepted."""

    job: Job


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {MEDIA_TYPE: {"schema": schema}}
    return {status: {"description": "Problem details", "content": content} for status in statuses}


READING = _problems(400, 401, 403, 404, 422, 429, 503)
"""Errors of routes that only read."""
HEALTH = _problems(400, 429, 503)
"""Errors of the routes that say whether the server runs."""
NODE = _problems(400, 401, 403, 429, 502, 503)
"""Errors of the route that asks the DICOM node."""
EXPORTING = _problems(413)
"""Errors of the export, besides those of reading."""
SENDING = _problems(502)
"""Errors of sending a result, besides those of reading."""
SIGNING = _problems(400, 401, 403, 409, 413, 422, 429, 503)
"""Errors of the routes of a session."""


def _links(at: str, *operations: str) -> dict[str, Any]:
    """What can be asked next, with the id at this place of the answer."""
    parameters = {"id": f"$response.body#/{at}/id"}
    return {name: {"operationId": name, "parameters": parameters} for name in operations}


CREATING: dict[int | str, dict[str, Any]] = {
    200: {
        "links": _links("predictions/0", "show_prediction", "show_rendering", "delete_prediction")
    },
    202: {
        "model": Accepted,
        "description": "A job; its address is in Location",
        "links": _links("job", "show_job", "job_events", "cancel_job"),
    },
    **_problems(400, 401, 403, 408, 413, 415, 422, 429, 503, 507),
}

UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "additionalProperties": False,
                    "properties": {
                        "files": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "Films, or ZIP archives of films.",
                        },
                        **{setting.name: setting.schema for setting in UPLOAD_FIELDS},
                        "patient": {
                            "type": "string",
                            "description": "Any key of the patient; kept as a keyed hash only.",
                        },
                    },
                },
                "example": {"files": ["film.dcm"], "operating_point": "balanced"},
            }
        },
    },
    "parameters": [
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "respond-async makes a job of any upload (RFC 7240).",
        }
    ],
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events", "content": {"text/event-stream": {}}}
}
"""Of ``GET /jobs/{id}/events``."""


_FILE = {"type": "string", "format": "binary"}


def of_media(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """A file of one of these media types."""
    schemas: dict[str, Any] = {
        kind: {"type": "object"} if kind == "application/json" else _FILE for kind in kinds
    }
    content = {kind: {"schema": schemas[kind]} for kind in sorted(schemas)}
    return {200: {"description": "The file", "content": content}}
