"""Errors as problem details: statuses, codes, times to wait, and what stays inside."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from pneumoscope import errors
from pneumoscope.errors import (
    BundleNotServed,
    DeadlinePassed,
    DiskFull,
    NotStored,
    PneumoscopeError,
    QueueError,
    QueueFull,
    ServerFault,
    UnknownFormat,
)
from pneumoscope.serve.problems import (
    MEDIA_TYPE,
    Busy,
    NotFound,
    NotSignedIn,
    problem,
    response,
    stored_problem,
)

PATH = "/api/v1/predictions"
STATUSES = {
    "QueueFull": 429, "ShuttingDown": 503, "DatabaseInUse": 503, "DeadlinePassed": 503, "Interrupted": 503,
    "Cancelled": 409, "DuplicateFilm": 409, "BundleNotServed": 422, "NotStored": 503, "ServerFault": 500,
}  # fmt: skip
QUEUE_ERRORS = [
    kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, QueueError) and kind is not QueueError
]


def answered(error: PneumoscopeError) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, content and headers of the answer to a request that failed."""
    answer = response(error, PATH)
    assert answer.media_type == MEDIA_TYPE
    return answer.status_code, json.loads(bytes(answer.body)), dict(answer.headers)


@pytest.mark.parametrize("kind", QUEUE_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_the_queue_has_a_status(kind: type[QueueError]) -> None:
    made = {QueueFull: QueueFull(3), BundleNotServed: BundleNotServed("x", ("a", "b"))}
    error = made.get(kind) or kind()  # type: ignore[call-arg, call-overload]
    status, content, headers = answered(error)
    assert status == content["status"] == STATUSES[kind.__name__]
    assert (content["detail"], content["hint"]) == (error.message, error.hint)
    assert headers.get("retry-after") == {429: "3", 503: "5"}.get(status)


def test_a_full_queue_is_what_clients_know_as_busy() -> None:
    _, content, _ = answered(QueueFull(7))
    assert content == problem(Busy(QueueFull(7).message, 7), PATH)
    assert content["code"] == "Busy"
    assert content["type"].endswith("#busy")
    assert "7 s" in content["hint"]


def test_a_full_disk_names_no_path() -> None:
    status, content, _ = answered(DiskFull("/srv/films/0123"))
    assert (status, content["code"]) == (507, "NoRoom")
    assert "/srv" not in json.dumps(content)


def test_errors_of_films_are_about_the_content() -> None:
    status, content, headers = answered(UnknownFormat("film"))
    assert (status, content["code"], content["title"]) == (
        422,
        "UnknownFormat",
        "Unprocessable Entity",
    )
    assert "retry-after" not in headers
    assert content["instance"] == PATH


def test_refusals_have_the_status_of_their_class() -> None:
    status, content, headers = answered(NotSignedIn())
    assert (status, content["status"]) == (401, 401)
    assert headers["www-authenticate"] == "Bearer"
    assert answered(NotFound())[0] == 404


@pytest.mark.parametrize(
    "error", [DeadlinePassed(), NotStored(), ServerFault(), UnknownFormat("film")]
)
def test_a_stored_error_is_shown_as_it_would_have_been_answered(error: PneumoscopeError) -> None:
    assert stored_problem(error.as_dict(), PATH) == problem(error, PATH)
    assert "instance" not in problem(error)
