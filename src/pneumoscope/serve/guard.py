"""Who asks: the user behind a request, and what a role may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request

from pneumoscope.serve.problems import NotAllowed

VIEWER, OPERATOR, ADMIN = "viewer", "operator", "admin"
_RANKS = {VIEWER: 0, OPERATOR: 1, ADMIN: 2}


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is known to the server.

    Attributes:
        id: Owner of rows in the database.
        name: For people.
        role: ``"viewer"``, ``"operator"`` or ``"admin"``.
    """

    id: str
    name: str
    role: str


LOCAL = User("local", "local", ADMIN)
"""The one user of a server that only this machine can reach."""


async def current_user(request: Request) -> User:
    """The user of a request, as FastAPI dependency."""
    return LOCAL


def require(role: str) -> Callable[[User], User]:
    """A dependency: the current user, if the role suffices.

    Args:
        role: The least role.
    """
    from fastapi import Depends

    def check(user: User = Depends(current_user)) -> User:  # noqa: B008 (FastAPI's way)
        if _RANKS[user.role] < _RANKS[role]:
            raise NotAllowed(f"the role {user.role} may not do this", f"Ask for the role {role}.")
        return user

    return check
