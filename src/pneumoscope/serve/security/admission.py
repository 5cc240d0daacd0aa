"""Which requests are admitted: host, rate, size, origin, user, role and scope.

Everything is closed except `PUBLIC`. The routes themselves need no checks: a request that is admitted
has a user whose role fits the method, and comes from this server's own page or with a token. Which
results belong to which user, the store checks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from pneumoscope.serve.problems import BadRequest, Busy, NotSignedIn, Refusal, TooMuch
from pneumoscope.serve.security.accounts import LOCAL, OPERATOR, User
from pneumoscope.serve.security.audit_trail import API, SESSION, address_of
from pneumoscope.serve.security.refusals import (
    NoScope,
    NotForTokens,
    NotThisRole,
    WrongHost,
    WrongOrigin,
)
from pneumoscope.serve.security.sessions import cookie_name
from pneumoscope.serve.security.throttle import network_of

if TYPE_CHECKING:
    from fastapi import Request

    from pneumoscope.serve.security.state import Security
    from pneumoscope.serve.security.throttle import Rate

PUBLIC = frozenset({"/", "/login", "/favicon.ico", "/healthz", "/readyz"})
"""Pages and answers without anybody's data; /static/ and signing in are public too."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SCOPE_OF_METHOD = {
    "GET": "read",
    "HEAD": "read",
    "OPTIONS": "read",
    "POST": "predict",
    "DELETE": "delete",
}
"""No other method is open to tokens."""
OWN_ACCOUNT = f"{API}/account"
"""Password and sessions of the user: every role may change its own, but only in a session."""
FREE_TOKENS = 20
"""Wrong tokens from an address before it has to wait."""
_LENGTH_DIGITS = 19
"""Of a length; Python refuses to convert very long numbers."""
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")


def is_public(method: str, path: str) -> bool:
    """Whether a request needs no user."""
    if method in ("GET", "HEAD"):
        return path in PUBLIC or path.startswith("/static/")
    return method == "POST" and path == SESSION


class Admission:
    """Checks one request."""

    def __init__(self, security: Security, request: Request) -> None:
        self.security = security
        self.request = request
        self.bearer = request.headers.get("authorization")

    async def user(self) -> User | None:
        """The user of the request; None if the request is public and needs none.

        Raises:
            Refusal: The request is not admitted.
        """
        security, method, path = self.security, self.request.method, self.request.url.path
        self._check_host()
        self._check_address()
        # An account may have been added a moment ago, by a command.
        if not security.open or not await run_in_threadpool(security.openness.check):
            self._slow_address_down()
        self._check_length()
        if method not in SAFE_METHODS:
            self._check_origin()
        elif not is_public(method, path):
            self._check_site()
        if security.open:
            return LOCAL
        if is_public(method, path):
            return None
        user = await run_in_threadpool(self._signed_in)
        self.request.state.user = user  # for the audit line, if a later check refuses
        _slow_down(security.by_user, user.id)
        _check_may(user, method, path)
        return user

    def _slow_address_down(self) -> None:
        """Once the rate of an address is used up, requests with credentials have as much again: strangers
        cannot use up the rate of the users at their address."""
        rate, network = self.security.by_address, network_of(address_of(self.request))
        if wait_s := rate.wait_s(network):
            names_user = self.bearer is not None or _cookie(self.security, self.request)
            if not names_user or rate.wait_s(f"{network} with credentials"):
                raise Busy("too many requests", wait_s)

    def _check_host(self) -> None:
        hosts = self.request.headers.getlist("host")
        match = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
        if match is None or match[1].strip("[]") not in self.security.hosts:
            raise WrongHost

    def _check_address(self) -> None:
        scope = self.request.scope
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            raise BadRequest("the address contains NUL", "No id and no value has one.")

    def _check_length(self) -> None:
        length = self.request.headers.get("content-length", "0")
        limit = self.security.body_limit(self.request)
        if not (length.isascii() and length.isdecimal() and len(length) <= _LENGTH_DIGITS):
            raise BadRequest("Content-Length is not a number", "")
        # Proxies and servers disagree about the end of a body that is coded in another way (RFC 9112 6.1).
        codings = self.request.headers.getlist("transfer-encoding")
        old = self.request.scope["http_version"] == "1.0"
        if codings and (old or [coding.strip().lower() for coding in codings] != ["chunked"]):
            raise BadRequest("the body has a coding other than chunked", "Send its length.")
        if int(length) > limit:
            raise TooMuch(
                f"{int(length):,} bytes are too many, the limit is {limit:,}",
                "Send fewer films at once.",
            )

    def _check_origin(self) -> None:
        """Allows unsafe methods only from this server's own page, or from no page at all.

        Browsers name the origin of every such request, and pages cannot forge it. A request without
        an origin comes from a program: it needs a token, unless there are no accounts.
        """
        request = self.request
        origins = {origin.lower() for origin in request.headers.getlist("origin")}
        server = f"{request.url.scheme}://{request.headers.get('host', '').lower()}"
        if origins:
            if origins != {server}:
                raise WrongOrigin
        elif request.headers.get("sec-fetch-site", "same-origin") != "same-origin" or not (
            self.bearer is not None or self.security.open
        ):
            raise WrongOrigin

    def _check_site(self) -> None:
        """Refuses requests from pages of other sites, except for public addresses.

        Such a page could not read the answer, but each request would cost a rendering and a line in
        the audit log.
        """
        if self.request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise WrongOrigin

    def _signed_in(self) -> User:
        security, request = self.security, self.request
        user = _user_of(security, request)
        if user is None and self.bearer is None:
            raise NotSignedIn
        if user is None:
            # Only wrong tokens count: an outdated token must not lock out others at the same
            # address, and a token has too many bits to be guessed anyway.
            key = f"token {network_of(address_of(request))}"
            wait_s = security.throttle.attempt((key, FREE_TOKENS))
            if wait_s:
                raise Busy("too many wrong tokens from this address", wait_s)
            raise NotSignedIn
        return user


def _cookie(security: Security, request: Request) -> str | None:
    return request.cookies.get(cookie_name(security.tls))


def _user_of(security: Security, request: Request, *, use: bool = True) -> User | None:
    """The user of a request's token or cookie, if that is valid now."""
    bearer = request.headers.get("authorization")
    if bearer is None:
        cookie = _cookie(security, request)
        return security.sessions.find(cookie, use=use) if cookie else None
    scheme, _, token = bearer.partition(" ")
    return security.tokens.find(token.strip()) if scheme.lower() == "bearer" else None


def admit_again(request: Request) -> None:
    """Checks a request that took long once more: session, token or role may have ended meanwhile.

    Without accounts, it checks that there is still none.

    Raises:
        NotSignedIn: Nobody is signed in now.
        NotAllowed: The user's role no longer allows the request.
    """
    security: Security = request.app.state.security
    if security.openness.check():
        return
    user = _user_of(security, request, use=False)
    if user is None:
        raise NotSignedIn
    _check_may(user, request.method, request.url.path)


def still_admitted(request: Request) -> bool:
    """Whether `admit_again` raises nothing."""
    try:
        admit_again(request)
    except Refusal:
        return False
    return True


def _check_may(user: User, method: str, path: str) -> None:
    """Checks that role and scopes of a user allow a request.

    Raises:
        NotAllowed: They do not.
    """
    if user.scopes is not None:
        scope = "metrics" if path == "/metrics" else SCOPE_OF_METHOD.get(method, f"for {method}")
        if scope not in user.scopes:
            raise NoScope(scope)
    account = path == OWN_ACCOUNT or path.startswith(f"{OWN_ACCOUNT}/")
    if account and user.scopes is not None:
        raise NotForTokens
    of_user = account or path == SESSION
    if method not in SAFE_METHODS and not of_user and not user.may(OPERATOR):
        raise NotThisRole(user.role, OPERATOR)


def _slow_down(rate: Rate, key: str) -> None:
    wait_s = rate.wait_s(key)
    if wait_s:
        raise Busy("too many requests", wait_s)
