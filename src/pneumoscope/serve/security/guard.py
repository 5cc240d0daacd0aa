"""The door: who asks, whether they may, and a line in the audit log about it.

Everything is closed that is not in `PUBLIC`. A route does not have to remember anything: whoever gets
through is signed in, has a role that fits the method, and comes from this server's own page or with a
token. Whose a result is, the store knows.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from pneumoscope.jobs.store import Base
from pneumoscope.serve.problems import (
    BadRequest,
    Busy,
    NotSignedIn,
    Refusal,
    TooMuch,
    Unavailable,
    response,
)
from pneumoscope.serve.security import tls
from pneumoscope.serve.security.accounts import LOCAL, ROLES, Accounts, User
from pneumoscope.serve.security.audit_log import AuditLog
from pneumoscope.serve.security.audit_trail import (
    API,
    QUIET,
    SESSION,
    Trail,
    address_of,
    write_request,
)
from pneumoscope.serve.security.headers import Headers
from pneumoscope.serve.security.refusals import (
    NoAuditLog,
    NoScope,
    NotThisRole,
    WrongHost,
    WrongOrigin,
)
from pneumoscope.serve.security.sessions import Sessions, cookie_name
from pneumoscope.serve.security.throttle import Rate, Throttle, network_of
from pneumoscope.serve.security.tokens import Tokens

if TYPE_CHECKING:
    from fastapi import FastAPI
    from sqlalchemy import Engine
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pneumoscope.jobs.keys import Keys
    from pneumoscope.serve.settings import ServeSettings

VIEWER, OPERATOR, ADMIN = ROLES
UPLOAD = f"{API}/predictions"
PUBLIC = frozenset({"/", "/login", "/favicon.ico", "/healthz", "/readyz"})
"""Pages and answers without anybody's data; beside them /static/ and the login itself."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SCOPE_OF = {
    "GET": "read",
    "HEAD": "read",
    "OPTIONS": "read",
    "POST": "predict",
    "DELETE": "delete",
}
"""No other method is open to tokens."""
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
SMALL_BODY = 65536
"""Bytes of a body that brings no films."""
BODY_IDLE_S = 30
"""A body that does not go on for so long is given up."""
FREE_TOKENS = 20
"""Wrong tokens from an address before it has to wait."""
WARD = 4
"""An address may ask so much more than a user: behind it may be a ward."""
SIGN_INS = 8
"""Sign-ins at once, of some 40 threads."""
LINES_A_MINUTE, LINES_AT_ONCE = 10, 20
"""Audit lines about those who are not signed in, by address: nobody fills the disk."""


@dataclass(frozen=True, slots=True)
class Security:
    """What the door needs to know.

    Attributes:
        accounts: Who there is.
        sessions: Open sessions.
        tokens: API tokens.
        audit: The audit log.
        open: No accounts: whoever reaches this loopback address is `LOCAL`.
        tls: Whether connections are encrypted.
        hosts: Names by which requests may address the server.
        body: Bytes of an upload.
        by_user: Requests by user.
        by_address: Requests by address.
        throttle: Wrong passwords and tokens.
        lines: Audit lines about strangers.
        signing_in: Passwords that are looked at: each takes a thread that others need too.
    """

    accounts: Accounts
    sessions: Sessions
    tokens: Tokens
    audit: AuditLog
    open: bool
    tls: bool
    hosts: frozenset[str]
    body: int
    by_user: Rate
    by_address: Rate
    throttle: Throttle = field(default_factory=Throttle)
    lines: Rate = field(default_factory=lambda: Rate(LINES_A_MINUTE, LINES_AT_ONCE))
    signing_in: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(SIGN_INS)
    )

    def body_limit(self, request: Request) -> int:
        """Bytes that the body of this request may have."""
        upload = request.method == "POST" and request.url.path.rstrip("/") == UPLOAD
        return self.body if upload else SMALL_BODY


def make_security(
    settings: ServeSettings,
    engine: Engine,
    keys: Keys,
    clock: Callable[[], float] = time.time,
) -> Security:
    """Puts the parts together, and refuses settings that would leave patients unprotected.

    Raises:
        UnsafeAddress: Others could reach the server without TLS or without accounts.
        UsageError: The certificate cannot be used.
        AuditLogDamaged: The key is not that of the log.
    """
    Base.metadata.create_all(engine)
    accounts = Accounts(engine, clock)
    there_are = accounts.any()
    tls.check_address(settings, accounts=there_are)
    audit = AuditLog(settings.folder, keys.audit, clock)
    audit.check()  # or every request would be refused
    return Security(
        accounts=accounts,
        sessions=Sessions(engine, clock),
        tokens=Tokens(engine, clock),
        audit=audit,
        open=not there_are,
        tls=settings.tls,
        hosts=tls.hosts(settings),
        body=settings.limits.max_body_bytes,
        by_user=_rate(settings.rate_limit),
        by_address=_rate(WARD * settings.rate_limit),
    )


def _rate(per_minute: int) -> Rate:
    """Of requests; those of 20 s may come at once, as a page with many pictures asks."""
    return Rate(per_minute, max(1, per_minute // 3))


def install(app: FastAPI, settings: ServeSettings) -> None:
    """Puts the door before an app, and adds the routes to sign in and out.

    Whoever starts the app sets ``app.state.security``; until then the door is shut.
    """
    from pneumoscope.serve.routes import session

    app.state.security = None
    app.include_router(session.router)
    app.add_middleware(Guard)
    # Browsers that insisted on a certificate which signs itself would be locked out for good.
    app.add_middleware(Headers, hsts=settings.tls_cert is not None)


async def current_user(request: Request) -> User:
    """FastAPI dependency: who asks.

    Raises:
        NotSignedIn: Nobody is signed in.
    """
    user = getattr(request.state, "user", None)
    if not isinstance(user, User):
        raise NotSignedIn
    return user


def require(role: str) -> Callable[[User], Awaitable[User]]:
    """A FastAPI dependency: who asks, if the role is at least this one."""

    async def check(user: User = Depends(current_user)) -> User:  # noqa: B008 (FastAPI's way)
        if not user.may(role):
            raise NotThisRole(user.role, role)
        return user

    return check


class Guard:
    """The middleware. It answers itself where a request may not pass."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no websockets
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope, receive)
        security: Security | None = scope["app"].state.security
        if security is None:
            await response(_Shut(), request.url.path)(scope, receive, send)
            return
        try:
            request.state.user = await _Door(security, request).admitted()
            trail = Trail(security.audit, request, send)
            limit = security.body_limit(request)
            await self.app(scope, _limited(receive, limit), trail.send)
        except Refusal as refusal:
            answer = refusal
            if _worth_a_line(security, request):
                try:
                    write_request(security.audit, request, int(refusal.status))
                except NoAuditLog as silent:
                    answer = silent
            await response(answer, request.url.path)(scope, receive, send)


class _Shut(Unavailable):
    def __init__(self) -> None:
        super().__init__("the server starts", "Try again in a moment.")


def _worth_a_line(security: Security, request: Request) -> bool:
    if getattr(request.state, "user", None) is not None:
        return True
    # The page itself asks for quiet things before anybody has signed in.
    quiet = request.method in SAFE and request.url.path in QUIET
    return not quiet and not security.lines.wait_s(network_of(address_of(request)))


class _Door:
    """Looks at one request."""

    def __init__(self, security: Security, request: Request) -> None:
        self.security = security
        self.request = request
        self.bearer = request.headers.get("authorization")

    async def admitted(self) -> User | None:
        """Who asks; None for a stranger at a public place.

        Raises:
            Refusal: The request may not pass.
        """
        security, method, path = self.security, self.request.method, self.request.url.path
        self._check_host()
        if not security.open:
            _slow_down(security.by_address, network_of(address_of(self.request)))
        self._check_length()
        if method not in SAFE:
            self._check_origin()
        elif not is_public(method, path):
            self._check_site()
        if security.open:
            return LOCAL
        if is_public(method, path):
            return None
        user = await run_in_threadpool(self._known)
        self.request.state.user = user  # for the audit line, should the rest refuse
        _slow_down(security.by_user, user.id)
        _check_may(user, method, path)
        return user

    def _check_host(self) -> None:
        hosts = self.request.headers.getlist("host")
        found = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
        if found is None or found[1].strip("[]") not in self.security.hosts:
            raise WrongHost

    def _check_length(self) -> None:
        length, limit = (
            self.request.headers.get("content-length", "0"),
            self.security.body_limit(self.request),
        )
        if not (length.isascii() and length.isdecimal()):
            raise BadRequest("Content-Length is no number", "")
        if int(length) > limit:
            raise TooMuch(
                f"{int(length):,} bytes are too many, the limit is {limit:,}",
                "Send fewer films at once.",
            )

    def _check_origin(self) -> None:
        """Unsafe methods only from this server's own page, or from no page at all.

        Browsers name the origin of every such request and pages cannot forge it. A request without
        one comes from a program: it needs a token, or, where there are no accounts, nothing.
        """
        request = self.request
        origins = {origin.lower() for origin in request.headers.getlist("origin")}
        own = f"{request.url.scheme}://{request.headers.get('host', '').lower()}"
        if origins:
            if origins != {own}:
                raise WrongOrigin
        elif request.headers.get("sec-fetch-site", "same-origin") != "same-origin" or not (
            self.bearer is not None or self.security.open
        ):
            raise WrongOrigin

    def _check_site(self) -> None:
        """What is not for strangers is not for pages of other sites, not even to make the server work.

        They could not read it, but each asking would cost a rendering and a line in the log.
        """
        if self.request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise WrongOrigin

    def _known(self) -> User:
        security, request = self.security, self.request
        if self.bearer is None:
            cookie = request.cookies.get(cookie_name(security.tls))
            user = security.sessions.find(cookie) if cookie else None
            if user is None:
                raise NotSignedIn
            return user
        kind, _, token = self.bearer.partition(" ")
        user = security.tokens.find(token.strip()) if kind.lower() == "bearer" else None
        if user is None:
            # Counted afterwards: a colleague's old token must not shut out a whole ward, and the
            # secret has too many bits to be guessed in any case.
            key = f"token {network_of(address_of(request))}"
            wait = security.throttle.attempt((key, FREE_TOKENS))
            if wait:
                raise Busy("too many wrong tokens from this address", wait)
            raise NotSignedIn
        return user


def is_public(method: str, path: str) -> bool:
    """Whether strangers may ask for this."""
    if method in ("GET", "HEAD"):
        return path in PUBLIC or path.startswith("/static/")
    return method == "POST" and path == SESSION


def _check_may(user: User, method: str, path: str) -> None:
    """Whether role and scopes fit; the method says what a request is about to do.

    Raises:
        NotAllowed: They do not.
    """
    if user.scopes is not None:
        wanted = "metrics" if path == "/metrics" else SCOPE_OF.get(method, f"for {method}")
        if wanted not in user.scopes:
            raise NoScope(wanted)
    if method not in SAFE and path != SESSION and not user.may(OPERATOR):
        raise NotThisRole(user.role, OPERATOR)


def _slow_down(rate: Rate, key: str) -> None:
    wait = rate.wait_s(key)
    if wait:
        raise Busy("too many requests", wait)


def _limited(receive: Receive, limit: int) -> Receive:
    """The body, as long as it comes and does not exceed the limit."""
    size, more = 0, True

    async def receiving() -> Message:
        nonlocal size, more
        if not more:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), BODY_IDLE_S)
        except TimeoutError:
            raise HTTPException(408, "the body did not go on") from None
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
        if size > limit:
            raise HTTPException(413, f"the body exceeds {limit:,} bytes")
        return message

    return receiving
