"""The route to the status of the DICOM node, for administrators; only a server that names a node has it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from pneumoscope.serve.node_status import NodeStatus
from pneumoscope.serve.routes import schemas
from pneumoscope.serve.security.accounts import ADMIN
from pneumoscope.serve.security.audit_trail import NODE
from pneumoscope.serve.security.dependencies import require


def router_of(node: NodeStatus) -> APIRouter:
    """The route of a server that names a node."""
    router = APIRouter(tags=["node"], generate_unique_id_function=lambda route: route.name)

    @router.get(
        NODE,
        response_model=None,
        dependencies=[Depends(require(ADMIN))],
        responses=schemas.NODE,
    )
    def node_status() -> dict[str, Any]:
        """The status of the DICOM node: what came in, what waits, what is wrong. For administrators."""
        return node.read()

    return router
