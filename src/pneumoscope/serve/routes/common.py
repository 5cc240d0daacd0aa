"""What the routes under ``/api/v1`` have in common."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from pneumoscope.serve.routes import schemas
from pneumoscope.serve.security.accounts import OPERATOR, User
from pneumoscope.serve.security.dependencies import current_user, require
from pneumoscope.serve.serializers import ROOT
from pneumoscope.serve.services import Services, current_services

SignedIn = Annotated[User, Depends(current_user)]
Operator = Annotated[User, Depends(require(OPERATOR))]
RunningServices = Annotated[Services, Depends(current_services)]


def api_router() -> APIRouter:
    """A router for routes that need a user, even where a route does not ask for one."""
    return APIRouter(
        prefix=ROOT,
        dependencies=[Depends(current_user)],
        responses=schemas.READING,
        generate_unique_id_function=lambda route: route.name,
    )
