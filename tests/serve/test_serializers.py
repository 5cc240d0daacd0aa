"""Rows of the database as the JSON of the API, by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pneumoscope.errors import Interrupted
from pneumoscope.jobs.keys import Keys
from pneumoscope.jobs.tables import DONE, FAILED, QUEUED, RUNNING, FilmRow, Job
from pneumoscope.serve.serializers import job_json, name_of, record_json

KEYS = Keys(bytes(range(32)))
CREATED = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
ID = "0" * 32


def row(**columns: object) -> FilmRow:
    known = {
        "id": ID, "owner": "ann", "created": CREATED, "job": None, "position": 0, "state": DONE,
        "name": KEYS.seal(b"Doe.png", ID), "sha256": "ab" * 32, "result": {"label": "NORMAL"},
        "error": None, "patient": "hash", "study": "hash", "idempotency_key": "hash", "priority": 1,
    }  # fmt: skip
    return FilmRow(**(known | columns))


def test_a_record_shows_these_fields_and_no_others() -> None:
    path = f"/api/v1/predictions/{ID}"
    assert record_json(row(), KEYS) == {
        "id": ID,
        "created": "2026-11-28T12:00:00+00:00",
        "job": None,
        "film": {"name": "Doe.png", "sha256": "ab" * 32},
        "state": "done",
        "result": {"label": "NORMAL"},
        "error": None,
        "links": {
            "self": path,
            "film": f"{path}/film.png",
            "overlay": f"{path}/overlay.png",
            "heatmap": f"{path}/heatmap.png",
            "thumbnail": f"{path}/thumbnail.png",
            "pdf": f"{path}/report.pdf",
            "json": f"{path}/result.json",
        },
    }


def test_a_film_with_a_lung_field_links_to_its_picture() -> None:
    links = record_json(row(lungs=bytes(16), lungs_rows=2), KEYS)["links"]
    assert links["lungs"] == f"/api/v1/predictions/{ID}/lungs.png"


def test_a_failed_film_shows_problem_details() -> None:
    shown = record_json(row(state=FAILED, result=None, error=Interrupted().as_dict()), KEYS)
    assert shown["error"]["code"] == "Interrupted"
    assert shown["error"]["status"] == 503
    assert shown["error"]["detail"] == "the server stopped before this film was read"
    assert shown["error"]["instance"] == shown["links"]["self"]


def test_a_name_that_another_key_sealed_is_not_shown() -> None:
    assert name_of(row(), Keys(bytes(32))) == "film"


@pytest.mark.parametrize(
    ("counts", "state", "done", "failed"),
    [
        ({QUEUED: 4}, "queued", 0, 0),
        ({QUEUED: 3, RUNNING: 1}, "running", 0, 0),
        ({QUEUED: 3, DONE: 1}, "running", 1, 0),
        ({QUEUED: 3}, "running", 1, 0),  # one was deleted
        ({DONE: 2, FAILED: 2}, "done", 4, 2),
        ({FAILED: 1}, "done", 4, 1),
        ({}, "done", 4, 0),
    ],
)
def test_the_state_of_a_job(counts: dict[str, int], state: str, done: int, failed: int) -> None:
    job = Job(id=ID, owner="ann", created=CREATED, total=4)
    shown = job_json(job, counts)
    assert (shown["state"], shown["done"], shown["failed"]) == (state, done, failed)
    assert shown["total"] == 4
    assert shown["links"] == {
        "self": f"/api/v1/jobs/{ID}",
        "events": f"/api/v1/jobs/{ID}/events",
    }
