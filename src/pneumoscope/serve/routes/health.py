"""Whether the server lives, whether it is ready, and its figures for Prometheus."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from pneumoscope.serve.problems import ShuttingDown, Unavailable
from pneumoscope.serve.services import Room, current_room

router = APIRouter()


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(room: Annotated[Room, Depends(current_room)]) -> dict[str, str]:
    """Films would be read: the model is loaded, the database answers, nothing shuts down."""
    if not room.desk.batcher.accepting:
        raise ShuttingDown
    if not room.store.answers():
        raise Unavailable("the database does not answer", "Is its server up?")
    return {"status": "ready"}


@router.get("/metrics", include_in_schema=False)
def metrics(room: Annotated[Room, Depends(current_room)]) -> Response:
    """Figures in the Prometheus text format."""
    text, media_type = room.metrics.text()
    return Response(text, headers={"Content-Type": media_type})
