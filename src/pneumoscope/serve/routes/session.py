"""The routes to sign in and out, and to ask who is signed in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field, SecretStr

from pneumoscope.audit_log.lines import MINOR, SUCCESS, Event
from pneumoscope.serve.problems import Busy, Conflict, NotAllowed, NotSignedIn
from pneumoscope.serve.routes import schemas
from pneumoscope.serve.security.accounts import Account, User, user_of
from pneumoscope.serve.security.audit_trail import API, SESSION, address_of, record
from pneumoscope.serve.security.dependencies import current_user
from pneumoscope.serve.security.passwords import MAX_PASSWORD
from pneumoscope.serve.security.sessions import cookie_name, set_cookie
from pneumoscope.serve.security.state import Security
from pneumoscope.serve.security.throttle import network_of

FREE_PAIR, FREE_NAME, FREE_ADDRESS = 5, 50, 30
"""Wrong passwords before a wait: for a name from one address, for a name, from an address.

The limit for a name is generous, so that nobody can lock out others by failing with their names.
"""

router = APIRouter(tags=["session"], responses=schemas.SIGNING)


class Credentials(BaseModel):
    """What signing in takes."""

    name: str = Field(min_length=1, max_length=64, examples=["radiologist.one"])
    password: SecretStr = Field(min_length=1, max_length=MAX_PASSWORD)
    code: str | None = Field(
        None, max_length=16, description="Of the authenticator app, if the account has one."
    )


class SecondFactorNeeded(NotSignedIn):
    def __init__(self, account: Account, *, wrong: bool) -> None:
        super().__init__()
        self.account = account
        self.message = "the code is wrong" if wrong else "this account also needs a code"
        self.hint = "Type the six digits that your authenticator app shows now."


class FirstPasswordExpired(NotAllowed):
    def __init__(self) -> None:
        super().__init__(
            "the first password has expired: it was not replaced in time",
            "An administrator can set another one: pneumoscope user password NAME",
        )


class SecondFactorLocked(NotAllowed):
    def __init__(self, account: Account) -> None:
        super().__init__(
            "too many wrong codes came with the right password",
            "An administrator can set a new password and a new second factor: pneumoscope user "
            "password NAME, pneumoscope user totp NAME",
        )
        self.account = account


class NoSecondFactor(NotAllowed):
    def __init__(self) -> None:
        super().__init__(
            "this server requires a second factor, and the account has none",
            "An administrator can add one: pneumoscope user totp NAME",
        )


class WrongCredentials(NotSignedIn):
    def __init__(self) -> None:
        super().__init__()
        self.message = "name or password is wrong"
        self.hint = "Check both; an administrator can set a new password."


@router.post(SESSION, summary="Sign in", response_model=None)
def sign_in(request: Request, credentials: Credentials, response: Response) -> dict[str, Any]:
    """Checks name and password, and opens a session; its cookie is hidden from scripts."""
    security: Security = request.app.state.security
    if security.open:
        raise Conflict("there are no accounts to sign in to", "Everything is open on this machine.")
    network, name = network_of(address_of(request)), credentials.name.strip().lower()
    try:
        account = check_password(
            security, network, name, credentials.password.get_secret_value(), credentials.code
        )
        if account is None:
            raise WrongCredentials
    except (SecondFactorNeeded, SecondFactorLocked) as refusal:
        # Somebody knows the password, who may be another person than the user.
        _record(request, "sign in", MINOR, user_of(refusal.account), int(refusal.status))
        raise
    except NotSignedIn:
        # The name stays out of the log: people type their passwords there.
        _record(request, "sign in", MINOR, None, 401)
        raise
    user = user_of(account)
    if security.accounts.expired(account):
        _record(request, "sign in", MINOR, user, 403)
        raise FirstPasswordExpired
    if not security.sessions.admits(account):
        _record(request, "sign in", MINOR, user, 403)
        raise NoSecondFactor
    _record(request, "sign in", SUCCESS, user, 200)
    previous = request.cookies.get(cookie_name(security.tls))
    if previous:
        security.sessions.close(previous)
    set_cookie(response, security.sessions.open(account), tls=security.tls)
    return _user_json(user, security)


def check_password(
    security: Security, network: str, name: str, password: str, code: str | None = None
) -> Account | None:
    """The account, if name and password fit, and the code of its second factor.

    Args:
        security: The server's.
        network: Where the request comes from, see `network_of`.
        name: In lower case.
        password: As it was typed.
        code: Of the second factor; None if the request has none.

    Raises:
        SecondFactorNeeded: The account has a second factor, and the code is missing or wrong.
        SecondFactorLocked: There were too many wrong codes.
        Busy: Many people sign in at this moment, or there were too many wrong passwords.
    """
    pair, by_name, by_network = f"login {network} {name}", f"login {name}", f"login {network}"
    if not security.signing_in.acquire(blocking=False):
        raise Busy("many people sign in at this moment", 1)
    try:
        wait_s = security.throttle.attempt(
            (pair, FREE_PAIR), (by_name, FREE_NAME), (by_network, FREE_ADDRESS)
        )
        if wait_s:
            raise Busy("too many wrong passwords", wait_s)
        account = security.accounts.check(name, password)
    finally:
        security.signing_in.release()
    if account is None:
        return None
    if security.second_factor.is_locked(account):
        raise SecondFactorLocked(account)
    if not security.second_factor.check(account, code or ""):
        if code is None:  # the page asks for the code only then
            security.throttle.succeeded(by_name, by_network)
        raise SecondFactorNeeded(account, wrong=code is not None)
    security.throttle.forget(pair)
    security.throttle.succeeded(by_name, by_network)
    return account


@router.delete(SESSION, status_code=204, summary="Sign out")
def sign_out(request: Request, user: Annotated[User, Depends(current_user)]) -> Response:
    """Ends the session of this cookie."""
    security: Security = request.app.state.security
    _record(request, "sign out", SUCCESS, user, 204)
    cookie = request.cookies.get(cookie_name(security.tls))
    if cookie and user.via == "session":
        security.sessions.close(cookie)
    answer = Response(status_code=204)
    set_cookie(answer, "", tls=security.tls)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@router.get(f"{API}/me", summary="Who am I?", response_model=None)
def me(request: Request, user: Annotated[User, Depends(current_user)]) -> dict[str, Any]:
    """The user, and whether there are accounts."""
    return _user_json(user, request.app.state.security)


def _record(request: Request, action: str, outcome: int, user: User | None, status: int) -> None:
    event = Event(what=action, outcome=outcome, who=user, where=address_of(request), status=status)
    record(request.app.state.security.audit, event)


def _user_json(user: User, security: Security) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "scopes": None if user.scopes is None else sorted(user.scopes),
        "accounts": not security.open,
    }
