"""A line in the audit log about each request that concerns somebody."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from fastapi import FastAPI

from pneumoscope.errors import PneumoscopeError
from pneumoscope.serve.problems import response
from pneumoscope.serve.security import audit_log
from pneumoscope.serve.security.audit_log import AuditLog, Event
from pneumoscope.serve.security.refusals import NoAuditLog

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.types import Message, Send

_log = logging.getLogger(__name__)

API = "/api/v1"
SESSION = f"{API}/session"
QUIET = frozenset({f"{API}/me", f"{API}/model", f"{API}/settings", f"{API}/openapi.json", SESSION})
"""These concern no patient; signing in and out writes its own lines."""
_ID = re.compile("[0-9a-f]{32}")
_RENDERING = re.compile(r"(film|overlay|thumbnail|heatmap)\.png|report\.pdf|result\.json")


class Trail:
    """Writes the line of a request before its answer leaves: no line, no answer."""

    def __init__(self, audit: AuditLog, request: Request, send: Send) -> None:
        self.audit = audit
        self.request = request
        self._send = send
        self._mute = False

    async def send(self, message: Message) -> None:
        """Passes the answer on."""
        if message["type"] == "http.response.start" and self._concerns_somebody():
            try:
                write_request(self.audit, self.request, message["status"])
            except NoAuditLog as refusal:
                self._mute = True
                answer = response(refusal, self.request.url.path)
                await answer(self.request.scope, self.request.receive, self._send)
        if not self._mute:
            await self._send(message)

    def _concerns_somebody(self) -> bool:
        path = self.request.url.path
        return path.startswith(f"{API}/") and path not in QUIET


def template(request: Request) -> str:
    """The path with everything left out that the server did not make up itself.

    Whoever calls a server can write anything into a path, a name too.
    """
    app = request.scope.get("app")
    words = _words(app if isinstance(app, FastAPI) else None)
    segments = (
        segment
        if segment in words or _RENDERING.fullmatch(segment)
        else ("{id}" if _ID.fullmatch(segment) else "{...}")
        for segment in request.url.path.split("/")
    )
    return "/".join(segments)[:200]


@lru_cache(maxsize=8)
def _words(app: FastAPI | None) -> frozenset[str]:
    paths = app.openapi()["paths"] if app else ()
    return frozenset({"", "metrics", "static"} | {w for path in paths for w in path.split("/")})


def write_request(audit: AuditLog, request: Request, status: int) -> None:
    """One line about a request: method, template and ids, never the query or a name.

    Raises:
        NoAuditLog: It cannot be written.
    """
    state = request.state
    ids = [part for part in request.url.path.split("/") if _ID.fullmatch(part)]
    event = Event(
        what=f"{request.method} {template(request)}",
        outcome=outcome_of(status),
        who=getattr(state, "user", None),
        where=address_of(request),
        objects=tuple(dict.fromkeys([*ids, *getattr(state, "objects", ())])),
        patient=getattr(state, "patient", None),
        status=status,
    )
    # Here, not in a thread: handing it over takes longer than the line, some 50 microseconds.
    record(audit, event)


def record(audit: AuditLog, event: Event) -> None:
    """Writes a line.

    Raises:
        NoAuditLog: It cannot be written.
    """
    try:
        audit.append(event)
    except (PneumoscopeError, OSError) as error:
        _log.error("the audit log cannot be written", exc_info=error)
        raise NoAuditLog from error


def outcome_of(status: int) -> int:
    """HTTP status as event outcome indicator."""
    if status < 400:
        return audit_log.SUCCESS
    return audit_log.MINOR if status < 500 else audit_log.SERIOUS


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else "unknown"
