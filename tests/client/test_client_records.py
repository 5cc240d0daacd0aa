"""What the client makes of the server's answers."""

from __future__ import annotations

from typing import Any

from pneumoscope.client.records import Job, job_from_json, record_from_json
from pneumoscope.errors import ServerError, TruncatedImage

ANSWER: dict[str, Any] = {
    "id": "4beb",
    "created": "2026-11-21T15:05:21+00:00",
    "film": {"name": "film.dcm", "sha256": "01" * 32},
    "state": "failed",
    "result": None,
    "error": {
        "code": "TruncatedImage",
        "detail": "film: cannot be decoded (its end is missing)",
        "hint": "Transfer the file again.",
        "status": 422,
    },
    "links": {"self": "/api/v1/predictions/4beb"},
}


def test_a_film_that_the_server_could_not_read_has_the_error_of_this_package() -> None:
    record = record_from_json(ANSWER, "ward/1.dcm")
    assert (record.id, record.name, record.state) == ("4beb", "ward/1.dcm", "failed")
    assert record.prediction is None
    assert isinstance(record.error, TruncatedImage)
    assert record.error.message == "ward/1.dcm: cannot be decoded (its end is missing)"
    assert record.error.hint == "Transfer the file again."


def test_any_other_problem_is_one_of_the_server() -> None:
    problem = ANSWER["error"] | {"code": "QueueFull", "detail": "busy", "status": 429}
    record = record_from_json(ANSWER | {"error": problem})
    assert record.name == "film.dcm"
    assert isinstance(record.error, ServerError)
    assert (record.error.message, record.error.status) == ("film.dcm: busy", 429)


def test_a_job() -> None:
    content = {"id": "j", "state": "running", "total": 3, "done": 2, "failed": 1, "links": {}}
    assert job_from_json(content) == Job(id="j", state="running", total=3, done=2, failed=1)
