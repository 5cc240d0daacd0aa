"""RFC 9457 problem details of every error: the only place that turns errors into HTTP statuses.

Title, detail and hint are in the language of the request; type, status and code are the same in all.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from pneumoscope.decision.sentences import translated
from pneumoscope.errors import DiskFull, NotStored, PneumoscopeError, QueueFull

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI, Request
    from starlette.routing import BaseRoute

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
PAGE = "https://github.com/pneumoscope/pneumoscope/blob/main/docs/reference/api.md"
RETRY_AFTER_S = 5
"""Seconds after which a request that met an unavailable service is worth repeating."""


class Refusal(PneumoscopeError):
    """The server does not do what a request asks for; ``status`` is the HTTP status."""

    status = HTTPStatus.BAD_REQUEST
    retry_after_s: int | None = None


class BadRequest(Refusal):
    """The request cannot be understood."""


class NotSignedIn(Refusal):
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__("not signed in", "Sign in, or send an API token as bearer.")


class NotAllowed(Refusal):
    status = HTTPStatus.FORBIDDEN


class NotFound(Refusal):
    status = HTTPStatus.NOT_FOUND

    def __init__(self, what: str = "nothing is here", hint: str = "") -> None:
        super().__init__(what, hint or "It may be deleted, or belong to somebody else.")


class FilmNotHeld(NotFound):
    def __init__(self) -> None:
        super().__init__(
            "the film of this result is no longer kept",
            "Send the film again; a server started with --keep-films keeps them.",
        )


class NoHeatmap(NotFound):
    def __init__(self, why: str) -> None:
        super().__init__(f"no heatmap: {why}", "The verdict is valid without it.")


class NoLungField(NotFound):
    def __init__(self) -> None:
        super().__init__(
            "no lung field: the bundle does not look for lungs, or no heatmap was requested",
            "The verdict is valid without it.",
        )


class MethodNotAllowed(Refusal):
    status = HTTPStatus.METHOD_NOT_ALLOWED


class Conflict(Refusal):
    status = HTTPStatus.CONFLICT


class TooMuch(Refusal):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMedia(Refusal):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Unprocessable(Refusal):
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class Busy(Refusal):
    """Too many requests; the hint and ``Retry-After`` say when to try again."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message, f"Send them again in {retry_after_s} s, or fewer at once.")
        self.retry_after_s = retry_after_s


class Unavailable(Refusal):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after_s = RETRY_AFTER_S


class NoRoom(Refusal):
    status = HTTPStatus.INSUFFICIENT_STORAGE

    def __init__(self) -> None:
        super().__init__("the server's disk is full", "Tell its administrator.")


def slow_body() -> Refusal:
    """The refusal of a request whose body does not come in time."""
    slow = BadRequest("the body took too long", "Send less at once.")
    slow.status = HTTPStatus.REQUEST_TIMEOUT
    return slow


STATUS_OF_CODE = {
    "ShuttingDown": HTTPStatus.SERVICE_UNAVAILABLE,
    "DatabaseInUse": HTTPStatus.SERVICE_UNAVAILABLE,
    "DeadlinePassed": HTTPStatus.SERVICE_UNAVAILABLE,
    "Interrupted": HTTPStatus.SERVICE_UNAVAILABLE,
    "NotStored": HTTPStatus.SERVICE_UNAVAILABLE,
    "Cancelled": HTTPStatus.CONFLICT,
    "DuplicateFilm": HTTPStatus.CONFLICT,
    "ServerFault": HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""HTTP statuses of errors that are no `Refusal`; all others concern the content of a request, 422."""


def problem(error: PneumoscopeError, instance: str | None = None) -> dict[str, Any]:
    """An error as problem details.

    Args:
        error: Any error of the tree.
        instance: Path of the request.
    """
    status = error.status if isinstance(error, Refusal) else _status_of(error.code)
    return _problem(status, error.as_dict(), instance)


def stored_problem(error: Mapping[str, str], instance: str) -> dict[str, Any]:
    """A stored error as problem details.

    Args:
        error: Code, message and hint.
        instance: Path of the record that failed.
    """
    return _problem(_status_of(error["code"]), error, instance)


def _status_of(code: str) -> HTTPStatus:
    return STATUS_OF_CODE.get(code, HTTPStatus.UNPROCESSABLE_ENTITY)


def _problem(
    status: HTTPStatus, error: Mapping[str, str], instance: str | None = None
) -> dict[str, Any]:
    details: dict[str, Any] = {
        "type": f"{PAGE}#{error['code'].lower()}",
        "title": translated(HTTPStatus(status).phrase),
        "status": int(status),
        "detail": translated(error["message"]),
        "code": error["code"],
        "hint": translated(error["hint"]),
    }
    return details if instance is None else details | {"instance": instance}


def as_refusal(error: PneumoscopeError) -> PneumoscopeError:
    """The error that clients see in place of one that has another name, or says too much, inside."""
    if isinstance(error, QueueFull):
        return Busy(error.message, error.retry_after_s)
    if isinstance(error, DiskFull):  # its message contains a path of the server
        _log.error("the disk is full")
        return NoRoom()
    return error


def response(error: PneumoscopeError, instance: str) -> JSONResponse:
    """The response to a request that failed.

    Args:
        error: Why it failed.
        instance: Path of the request.
    """
    error = as_refusal(error)
    content = problem(error, instance)
    headers = {}
    if isinstance(error, Refusal):
        retry_after_s = error.retry_after_s
    else:
        unavailable = content["status"] == HTTPStatus.SERVICE_UNAVAILABLE
        retry_after_s = RETRY_AFTER_S if unavailable else None
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    if content["status"] == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(content, content["status"], headers, MEDIA_TYPE)


def install(app: FastAPI, routes: Sequence[BaseRoute] = ()) -> None:
    """Translates the exceptions that an app's routes may raise; `SecurityHeaders` answers all others.

    Args:
        app: The application.
        routes: Routes whose methods are named where a request uses another one.
    """

    async def method_or_path(request: Request, error: Exception) -> JSONResponse:
        return _http_error(request, error, routes)

    app.add_exception_handler(PneumoscopeError, _known_error)
    app.add_exception_handler(SQLAlchemyError, _database_error)
    app.add_exception_handler(HTTPException, method_or_path)
    app.add_exception_handler(ClientDisconnect, _client_left)
    app.add_exception_handler(RequestValidationError, _validation_error)


async def _known_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, PneumoscopeError):
        raise TypeError(type(error).__name__)
    return response(error, request.url.path)


async def _client_left(request: Request, _error: Exception) -> JSONResponse:
    # Nobody reads it, and it is no failure of the server that would belong in its log.
    return response(BadRequest("the body is incomplete"), request.url.path)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, DataError):  # the request's fault: the server's own values fit
        refusal = Unprocessable("a value cannot be stored or looked up", "Is a number too large?")
        return response(refusal, request.url.path)
    _log.error("the database cannot be used", exc_info=error)
    return response(NotStored(), request.url.path)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise TypeError(type(error).__name__)
    # The value itself stays out of the answer: it may be anything, of anybody.
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    refusal = Unprocessable(f"{where}: {first['msg']}", "See /api/v1/openapi.json.")
    return response(refusal, request.url.path)


def _http_error(request: Request, error: Exception, routes: Sequence[BaseRoute]) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise TypeError(type(error).__name__)
    answer = response(_of_status(error), request.url.path)
    answer.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and routes:
        # Starlette names the methods of the first route of this path only.
        matching = [r for r in routes if r.matches(request.scope)[0] is not Match.NONE]
        exact = [r for r in matching if getattr(r, "path", "") == request.url.path]
        methods = {m for r in exact or matching for m in getattr(r, "methods", None) or ()}
        answer.headers["Allow"] = ", ".join(sorted(methods))
    return answer


def _of_status(error: HTTPException) -> Refusal:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("no such address", "See /api/v1/openapi.json for the addresses.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed("this address does not support that method")
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooMuch(str(error.detail), "Send less at once.")
    refusal = BadRequest(str(error.detail))
    refusal.status = HTTPStatus(error.status_code)
    return refusal
