"""Rows of the database from requests and outcomes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.errors import DecoderFailed, PneumoscopeError, ServerFault
from pneumoscope.field_values import field_values
from pneumoscope.images.decoders import FILM_NAME
from pneumoscope.jobs.tables import DONE, FAILED, QUEUED, FilmRow, new_id, now
from pneumoscope.records import Settings
from pneumoscope.render import wording
from pneumoscope.render.serialise import prediction_from_json, prediction_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.requests import JobRequest, UploadedFile
    from pneumoscope.records import Outcome, Prediction


def new_rows(
    request: JobRequest, files: Sequence[UploadedFile], job: str | None, keys: Keys
) -> list[FilmRow]:
    """Rows of films that were accepted just now.

    Args:
        request: Who sends them.
        files: The films.
        job: Id of their job, or None.
        keys: Seal the names.
    """
    created = now()
    patient = None if request.patient is None else keys.fingerprint(request.patient)
    study = None if request.study is None else keys.fingerprint(request.study)
    settings = settings_to_json(request.settings)
    rows = []
    for position, file in enumerate(files):
        id_ = new_id()
        row = FilmRow(
            id=id_,
            owner=request.owner,
            created=created,
            job=job,
            position=position,
            state=QUEUED if file.error is None else FAILED,
            name=keys.seal(file.name.encode(), id_),
            sha256=hashlib.sha256(file.data).hexdigest(),
            patient=patient,
            study=study,
            # Only films of jobs: others are stored when they are done, too late to refuse them.
            idempotency_key=None if job is None or file.error else file.idempotency_key,
            priority=request.priority,
            bundle=request.bundle,
            settings=settings,
            label=None,
            result=None,
            error=None if file.error is None else file.error.as_dict(),
            heatmap=None,
            heatmap_rows=None,
            lungs=None,
            lungs_rows=None,
        )
        rows.append(row)
    return rows


def enter_outcome(row: FilmRow, outcome: Outcome) -> FilmRow:
    """Enters into a row how its film ended, and returns it.

    A film that failed loses its idempotency key, so that it can be sent again.
    """
    prediction = outcome.prediction
    if prediction is None:
        row.state, row.idempotency_key = FAILED, None
        row.error = (outcome.error or PneumoscopeError("no outcome")).as_dict()
        return row
    row.state, row.label = DONE, prediction.label
    row.result = prediction_to_json(prediction) | {"words": wording.sentences(prediction)}
    if prediction.heatmap is not None and row.result["heatmap_class"] is not None:
        row.heatmap = np.ascontiguousarray(prediction.heatmap, np.float32).tobytes()
        row.heatmap_rows = prediction.heatmap.shape[0]
        if prediction.lungs is not None:
            row.lungs = np.ascontiguousarray(prediction.lungs, np.float32).tobytes()
            row.lungs_rows = prediction.lungs.shape[0]
    row.result["lung_outline"] = row.lungs is not None
    return row


RETRYABLE = frozenset({DecoderFailed.__name__, ServerFault.__name__})
"""Codes of errors for which the machine may have been the reason, not the film."""
READ_AGAIN = {"code": "ReadAgain", "message": "is read again", "hint": ""}
"""In place of the error of a film that somebody wants to be read again."""


def may_be_read_later(error: Mapping[str, Any] | None) -> bool:
    """Whether a film that failed with this error may be read in another attempt."""
    return error is not None and error["code"] in RETRYABLE


_COLUMNS = tuple(column.key for column in FilmRow.__table__.columns)
_ENDING = (
    *("state", "label", "result", "error", "idempotency_key"),
    *("heatmap", "heatmap_rows", "lungs", "lungs_rows"),
)


def values(row: FilmRow) -> dict[str, Any]:
    """Every column of a row."""
    return {key: getattr(row, key) for key in _COLUMNS}


def ending(row: FilmRow) -> dict[str, Any]:
    """The columns that change when a film ends."""
    return {key: getattr(row, key) for key in _ENDING}


def failure(error: PneumoscopeError) -> dict[str, Any]:
    """The columns that change when a film fails without an outcome."""
    return {"state": FAILED, "error": error.as_dict(), "idempotency_key": None}


def settings_to_json(settings: Settings) -> dict[str, Any]:
    """The settings of a request, for a row."""
    profile = None if settings.profile is None else str(settings.profile)
    return field_values(settings) | {"profile": profile}


def settings_from_json(stored: Mapping[str, Any]) -> Settings:
    """The settings in a row."""
    profile = stored["profile"]
    return Settings(**{**stored, "profile": None if profile is None else Path(profile)})


def prediction_of(row: FilmRow) -> Prediction:
    """The stored prediction of a film that is done, with its heatmap and lung field.

    Raises:
        ValueError: It has no result.
    """
    if row.result is None:
        raise ValueError("the film has no result")
    return replace(
        prediction_from_json(row.result),
        heatmap=cells(row.heatmap, row.heatmap_rows),
        lungs=cells(row.lungs, row.lungs_rows),
    )


def cells(stored: bytes | None, rows: int | None) -> NDArray[np.float32] | None:
    """A heatmap or lung field as its row stores it: float32 (rows, columns), or None."""
    if stored is None or not rows:
        return None
    return np.frombuffer(stored, np.float32).reshape(rows, -1)


def name_of(row: FilmRow, keys: Keys) -> str:
    """The film's display name; ``"film"`` if it was encrypted with another key."""
    try:
        return keys.open(row.name, row.id).decode()
    except ValueError:
        return FILM_NAME
