"""The routes under ``/api/v1/account``: the user's own password and sessions."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field, SecretStr

from pneumoscope.serve.problems import Conflict, NotAllowed, NotFound
from pneumoscope.serve.routes import schemas
from pneumoscope.serve.routes.session import check_password
from pneumoscope.serve.security.accounts import Account, User
from pneumoscope.serve.security.admission import OWN_ACCOUNT
from pneumoscope.serve.security.audit_trail import action_recorder, address_of
from pneumoscope.serve.security.dependencies import current_user
from pneumoscope.serve.security.passwords import MAX_PASSWORD
from pneumoscope.serve.security.sessions import cookie_name, digest, session_id, set_cookie
from pneumoscope.serve.security.state import Security
from pneumoscope.serve.security.throttle import network_of

router = APIRouter(
    prefix=OWN_ACCOUNT,
    tags=["account"],
    responses=schemas.SIGNING,
    generate_unique_id_function=lambda route: route.name,
)


class Confirmation(BaseModel):
    """Shows that it is the user who acts, and not somebody at an open browser."""

    current: SecretStr = Field(min_length=1, max_length=MAX_PASSWORD)
    code: str | None = Field(
        None, max_length=16, description="Of the authenticator app, if the account has one."
    )


class NewPassword(Confirmation):
    """What a change of the password takes."""

    new: SecretStr = Field(min_length=1, max_length=MAX_PASSWORD)


class WrongPassword(NotAllowed):
    def __init__(self) -> None:
        super().__init__("the current password is wrong", "An administrator can set a new one.")


async def _own_account(request: Request, user: Annotated[User, Depends(current_user)]) -> User:
    if request.app.state.security.open:
        raise Conflict("there are no accounts", "Everything is open on this machine.")
    return user


OwnAccount = Annotated[User, Depends(_own_account)]


@router.get("", response_model=None)
def show_account(request: Request, user: OwnAccount) -> dict[str, Any]:
    """Your account: until when the first password is valid, and the open sessions."""
    security: Security = request.app.state.security
    account = security.accounts.get(user.name)
    until = account.first_password_until
    here = session_id(digest(_cookie(request)))
    sessions = [
        {
            "id": login.id,
            "created": _time(login.created),
            "seen": _time(login.seen),
            "current": login.id == here,
        }
        for login in security.sessions.list(user.id)
    ]
    return {
        "name": account.name,
        "role": account.role,
        "first_password_until": until and _time(until),
        "second_factor": account.totp is not None,
        "sessions": sessions,
    }


@router.post("/password", status_code=204)
def change_password(request: Request, user: OwnAccount, body: NewPassword) -> Response:
    """Changes your password: all your sessions and tokens end, and this one is replaced."""
    security: Security = request.app.state.security
    account = _confirmed(request, user, body)
    record = action_recorder(request, HTTPStatus.NO_CONTENT)
    changed = security.accounts.choose_password(
        account, body.new.get_secret_value(), lambda changing: record([changing.id])
    )
    secret = security.sessions.open(changed)
    security.sessions.close_all(user.id, besides=secret)
    security.tokens.revoke_all(user.id)
    answer = Response(status_code=HTTPStatus.NO_CONTENT)
    set_cookie(answer, secret, tls=security.tls)
    return answer


@router.post("/sessions/end", response_model=None)
def end_sessions(request: Request, user: OwnAccount, body: Confirmation) -> dict[str, int]:
    """Ends all your sessions but this one; takes your password."""
    _confirmed(request, user, body)
    action_recorder(request, HTTPStatus.OK)([user.id])
    security: Security = request.app.state.security
    return {"ended": security.sessions.close_all(user.id, besides=_cookie(request))}


@router.post("/sessions/{id}/end", status_code=204)
def end_session(
    request: Request,
    user: OwnAccount,
    id: str,  # noqa: A002 (the path's)
    body: Confirmation,
) -> Response:
    """Ends one of your sessions; takes your password."""
    security: Security = request.app.state.security
    _confirmed(request, user, body)
    if id not in {login.id for login in security.sessions.list(user.id)}:
        raise NotFound("there is no such session", "It may have ended.")
    action_recorder(request, HTTPStatus.NO_CONTENT)([id])
    security.sessions.close_id(id, user.id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _confirmed(request: Request, user: User, body: Confirmation) -> Account:
    """The account of a user who has given the password again."""
    account = check_password(
        request.app.state.security,
        network_of(address_of(request)),
        user.name,
        body.current.get_secret_value(),
        body.code,
    )
    if account is None:
        raise WrongPassword
    return account


def _cookie(request: Request) -> str:
    security: Security = request.app.state.security
    return request.cookies.get(cookie_name(security.tls), "")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
