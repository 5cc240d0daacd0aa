"""FastAPI dependencies: the user of a request, and a role that it must have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Depends, Request

from pneumoscope.serve.problems import NotSignedIn
from pneumoscope.serve.security.accounts import User
from pneumoscope.serve.security.refusals import NotThisRole


async def current_user(request: Request) -> User:
    """The user of a request.

    Raises:
        NotSignedIn: Nobody is signed in.
    """
    user = getattr(request.state, "user", None)
    if not isinstance(user, User):
        raise NotSignedIn
    return user


def require(role: str) -> Callable[[User], Awaitable[User]]:
    """A dependency that gives the user of a request if its role is at least this one."""

    async def check(user: User = Depends(current_user)) -> User:  # noqa: B008 (FastAPI's way)
        if not user.may(role):
            raise NotThisRole(user.role, role)
        return user

    return check
