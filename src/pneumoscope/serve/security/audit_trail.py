"""Lines in the audit log about requests."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.audit_log.lines import MINOR, SERIOUS, SUCCESS, Event
from pneumoscope.audit_log.log import AuditLog
from pneumoscope.errors import PneumoscopeError
from pneumoscope.serve.problems import response
from pneumoscope.serve.renderings import RENDERINGS
from pneumoscope.serve.security.refusals import NoAuditLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastapi import Request
    from starlette.types import Message, Send

_log = logging.getLogger(__name__)

API = "/api/v1"
SESSION = f"{API}/session"
NODE = f"{API}/node"
QUIET = frozenset(
    {
        f"{API}/account",
        f"{API}/me",
        f"{API}/model",
        f"{API}/settings",
        f"{API}/openapi.json",
        NODE,
        SESSION,
    }
)
"""These concern no patient; the routes for signing in and out write lines themselves."""
_ID = re.compile("[0-9a-f]{32}")
_MOST_IDS = 2
"""Of an address; none of the server's has more, and a client could fill the log with them."""
_PARTS_OF_RESULT = frozenset({*RENDERINGS, *KINDS})
"""Last segments of paths: pictures, documents and objects of a result."""


class AuditedResponse:
    """Writes the line of a request before its answer is sent; without the line there is no answer."""

    def __init__(self, audit: AuditLog, request: Request, send: Send) -> None:
        self.audit = audit
        self.request = request
        self._send = send
        self._refused = False

    async def send(self, message: Message) -> None:
        """Sends the answer."""
        if message["type"] == "http.response.start" and self._needs_line(message["status"]):
            try:
                write_request(self.audit, self.request, message["status"])
            except NoAuditLog as refusal:
                self._refused = True
                answer = response(refusal, self.request.url.path)
                await answer(self.request.scope, self.request.receive, self._send)
        if not self._refused:
            await self._send(message)

    def _needs_line(self, status: int) -> bool:
        path = self.request.url.path
        written = getattr(self.request.state, "status_in_log", None)
        quiet = path in QUIET and not (path == NODE and status == HTTPStatus.FORBIDDEN)
        return path.startswith(f"{API}/") and not quiet and status != written


def action_recorder(request: Request, status: int) -> Callable[[Sequence[str]], None]:
    """A function for a route that changes something: it writes the line before the change is made.

    It takes the ids of the objects, and raises `NoAuditLog` if the line cannot be written: then the
    route must change nothing. The answer leaves another line only if its status is another one.

    Args:
        request: The request.
        status: The status of the answer, if nothing fails.
    """
    security = request.app.state.security

    def write(objects: Sequence[str]) -> None:
        request.state.objects = list(objects)
        if security is not None:
            write_request(security.audit, request, status)
            request.state.status_in_log = status

    return write


def template(request: Request) -> str:
    """The path without anything that the client chose: a client can write any name into a path."""
    app = request.scope.get("app")
    words = _words(app if isinstance(app, FastAPI) else None)
    segments = (
        segment
        if segment in words or segment in _PARTS_OF_RESULT
        else ("{id}" if _ID.fullmatch(segment) else "{...}")
        for segment in request.url.path.split("/")
    )
    return "/".join(segments)[:200]


@lru_cache(maxsize=8)
def _words(app: FastAPI | None) -> frozenset[str]:
    paths = app.openapi()["paths"] if app else ()
    return frozenset({"", "metrics", "static"} | {w for path in paths for w in path.split("/")})


def write_request(audit: AuditLog, request: Request, status: int) -> None:
    """Writes a line about a request: method, template and ids, never the query or a name.

    Raises:
        NoAuditLog: It cannot be written.
    """
    state = request.state
    ids = [part for part in request.url.path.split("/") if _ID.fullmatch(part)][:_MOST_IDS]
    event = Event(
        what=f"{request.method} {template(request)}",
        outcome=outcome_of(status),
        who=getattr(state, "user", None),
        where=address_of(request),
        objects=tuple(dict.fromkeys([*ids, *getattr(state, "objects", ())])),
        patient=getattr(state, "patient", None),
        status=status,
    )
    # Not in another thread: the switch would take longer than the line, some 50 microseconds.
    record(audit, event)


def record(audit: AuditLog, event: Event) -> None:
    """Writes a line.

    Raises:
        NoAuditLog: It cannot be written.
    """
    try:
        audit.append(event)
    except (PneumoscopeError, OSError, SQLAlchemyError) as error:  # the database has its anchor
        _log.error("the audit log cannot be written", exc_info=error)
        raise NoAuditLog from error


def outcome_of(status: int) -> int:
    """The event outcome indicator of an HTTP status."""
    if status < 400:
        return SUCCESS
    return MINOR if status < 500 else SERIOUS


def address_of(request: Request) -> str:
    """The network address that a request comes from."""
    return request.client.host if request.client else "unknown"
