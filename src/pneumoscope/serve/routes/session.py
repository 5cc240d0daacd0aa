"""To sign in and out, and who one is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field, SecretStr

from pneumoscope.serve.problems import Busy, Conflict, NotSignedIn
from pneumoscope.serve.routes import schemas
from pneumoscope.serve.security import audit_log
from pneumoscope.serve.security.accounts import MAX_PASSWORD, User
from pneumoscope.serve.security.audit_log import Event
from pneumoscope.serve.security.audit_trail import API, SESSION, address_of, record
from pneumoscope.serve.security.guard import Security, current_user
from pneumoscope.serve.security.sessions import cookie_name, set_cookie
from pneumoscope.serve.security.throttle import network_of

FREE_PAIR, FREE_NAME, FREE_ADDRESS = 5, 50, 30
"""Wrong passwords before a wait: for a name from one address, for a name, from an address.

The second is generous, so that nobody locks others out by failing in their name.
"""

router = APIRouter(tags=["session"], responses=schemas.SIGNING)


class Credentials(BaseModel):
    """What signing in takes."""

    name: str = Field(min_length=1, max_length=64, examples=["radiologist.one"])
    password: SecretStr = Field(min_length=1, max_length=MAX_PASSWORD)


class WrongCredentials(NotSignedIn):
    def __init__(self) -> None:
        super().__init__()
        self.message = "name and password do not fit"
        self.hint = "Both count; an administrator can set a new password."


@router.post(SESSION, summary="Sign in", response_model=None)
def sign_in(request: Request, given: Credentials, response: Response) -> dict[str, Any]:
    """Checks name and password, and opens a session, whose cookie only the browser reads."""
    security: Security = request.app.state.security
    if security.open:
        raise Conflict("there are no accounts to sign in to", "Everything is open on this machine.")
    where, name = address_of(request), given.name.strip().lower()
    network = network_of(where)
    pair, ward = f"login {network} {name}", f"login {network}"
    if not security.signing_in.acquire(blocking=False):
        raise Busy("many people sign in at this moment", 1)
    try:
        wait = security.throttle.attempt(
            (pair, FREE_PAIR), (f"login {name}", FREE_NAME), (ward, FREE_ADDRESS)
        )
        if wait:
            raise Busy("too many wrong passwords", wait)
        user = security.accounts.check(name, given.password.get_secret_value())
    finally:
        security.signing_in.release()
    if user is None:
        # The name stays out of the log: people type their passwords there.
        record(security.audit, Event("sign in", audit_log.MINOR, None, where, status=401))
        raise WrongCredentials
    security.throttle.forget(pair)
    security.throttle.succeeded(f"login {name}", ward)
    old = request.cookies.get(cookie_name(security.tls))
    if old:
        security.sessions.close(old)
    record(security.audit, Event("sign in", audit_log.SUCCESS, user, where, status=200))
    set_cookie(response, security.sessions.open(user), tls=security.tls)
    return _shown(user, security)


@router.delete(SESSION, status_code=204, summary="Sign out")
def sign_out(request: Request, user: Annotated[User, Depends(current_user)]) -> Response:
    """Ends the session of this cookie."""
    security: Security = request.app.state.security
    cookie = request.cookies.get(cookie_name(security.tls))
    if cookie and user.via == "session":
        security.sessions.close(cookie)
    record(
        security.audit, Event("sign out", audit_log.SUCCESS, user, address_of(request), status=204)
    )
    answer = Response(status_code=204)
    set_cookie(answer, "", tls=security.tls)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@router.get(f"{API}/me", summary="Who am I?", response_model=None)
def me(request: Request, user: Annotated[User, Depends(current_user)]) -> dict[str, Any]:
    """The user, and whether there are accounts."""
    return _shown(user, request.app.state.security)


def _shown(user: User, security: Security) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "scopes": None if user.scopes is None else sorted(user.scopes),
        "accounts": not security.open,
    }
