"""RFC 9457 problem details for every error, from the codes and hints of `pneumoscope.errors`."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from pneumoscope.errors import DiskFull, PneumoscopeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI, Request
    from starlette.routing import BaseRoute

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
PAGE = "https://github.com/pneumoscope/pneumoscope/blob/main/docs/reference/api.md"


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
            "the film of this result is no longer held",
            "Send the film again; a server started with --keep-films keeps them.",
        )


class NoHeatmap(NotFound):
    def __init__(self, why: str) -> None:
        super().__init__(f"no heatmap: {why}", "The verdict stands without it.")


class Conflict(Refusal):
    status = HTTPStatus.CONFLICT


class TooMuch(Refusal):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMedia(Refusal):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Unprocessable(Refusal):
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class Busy(Refusal):
    """The queue is full."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str = "", retry_after_s: int = 1) -> None:
        super().__init__(
            message or "more films wait than the server takes",
            f"Send them again in {retry_after_s} s, or fewer at once.",
        )
        self.retry_after_s = retry_after_s


class Unavailable(Refusal):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after_s = 5


class ShuttingDown(Unavailable):
    def __init__(self) -> None:
        super().__init__("the server is shutting down", "Try again when it is back.")


class DeadlinePassed(Unavailable):
    def __init__(self) -> None:
        super().__init__("the film was not begun in time", "Send it again later, or ask for a job.")


class NotStored(Unavailable):
    def __init__(self) -> None:
        super().__init__("the database cannot be used now", "Try again; the server's log says why.")


class NoRoom(Refusal):
    status = HTTPStatus.INSUFFICIENT_STORAGE

    def __init__(self) -> None:
        super().__init__("the server's disk is full", "Tell whoever runs it.")


class Interrupted(Unavailable):
    def __init__(self) -> None:
        super().__init__("the server stopped before this film was read", "Send the film again.")


class Cancelled(Refusal):
    status = HTTPStatus.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "cancelled before the film was read", "Send the film again if you want it."
        )


def problem(error: PneumoscopeError, instance: str | None = None) -> dict[str, Any]:
    """An error as problem details.

    Args:
        error: Any of the tree; what is no `Refusal` is about the content that was sent, 422.
        instance: Path of the request, or of the record that failed.
    """
    status = error.status if isinstance(error, Refusal) else HTTPStatus.UNPROCESSABLE_ENTITY
    found: dict[str, Any] = {
        "type": f"{PAGE}#{error.code.lower()}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": error.message,
        "code": error.code,
        "hint": error.hint,
    }
    return found if instance is None else found | {"instance": instance}


def response(error: PneumoscopeError, instance: str) -> JSONResponse:
    """The answer to a request that an error ended."""
    content = problem(error, instance)
    headers = {}
    if isinstance(error, Refusal) and error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if content["status"] == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(content, content["status"], headers, MEDIA_TYPE)


def install(app: FastAPI, routes: Sequence[BaseRoute] = ()) -> None:
    """Translates every exception of an app's routes.

    Args:
        app: The application.
        routes: Those whose methods a wrong one is answered with.
    """

    async def known(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, PneumoscopeError):
            raise TypeError(type(error).__name__)
        if isinstance(error, DiskFull):  # it names a path of the server
            _log.error("the disk is full")
            error = NoRoom()
        return response(error, request.url.path)

    async def database(request: Request, error: Exception) -> JSONResponse:
        _log.error("the database cannot be used", exc_info=error)
        return response(NotStored(), request.url.path)

    async def http(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            raise TypeError(type(error).__name__)
        answer = response(_of_status(error), request.url.path)
        answer.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and routes:
            # Starlette names the methods of the first route of this path only.
            here = [r for r in routes if r.matches(request.scope)[0] is not Match.NONE]
            exact = [r for r in here if getattr(r, "path", "") == request.url.path]
            known = {method for r in exact or here for method in getattr(r, "methods", None) or ()}
            answer.headers["Allow"] = ", ".join(sorted(known))
        return answer

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, RequestValidationError):
            raise TypeError(type(error).__name__)
        # The value itself stays out of the answer: it may be anything, of anybody.
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return response(
            Unprocessable(f"{where}: {first['msg']}", "See /api/v1/openapi.json."), request.url.path
        )

    async def unknown(request: Request, error: Exception) -> JSONResponse:
        _log.error("a request failed", exc_info=error)
        return response(ServerFault(), request.url.path)

    app.add_exception_handler(PneumoscopeError, known)
    app.add_exception_handler(SQLAlchemyError, database)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unknown)


class ServerFault(Refusal):
    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self) -> None:
        super().__init__("the server failed", "Its log says why; please report it.")


class MethodNotAllowed(Refusal):
    status = HTTPStatus.METHOD_NOT_ALLOWED


def _of_status(error: HTTPException) -> Refusal:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("no such address", "See /api/v1/openapi.json for those there are.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed("this address does not know that method")
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooMuch(str(error.detail), "Send less at once.")
    made = BadRequest(str(error.detail))
    made.status = HTTPStatus(error.status_code)
    return made
