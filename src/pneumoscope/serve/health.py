"""Whether the server lives, whether it is ready, and its figures for Prometheus."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from pneumoscope.serve.problems import Unavailable

router = APIRouter()


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(request: Request) -> dict[str, str]:
    """Films would be read: the model is loaded, the database answers, nothing shuts down."""
    room: Any = request.app.state.room
    if room is None or not room.desk.batcher.accepting:
        raise Unavailable("not ready", "It starts, or it shuts down.")
    if not room.store.answers():
        raise Unavailable("the database does not answer", "Is its server up?")
    return {"status": "ready"}


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request) -> Response:
    """Figures in the Prometheus text format."""
    room: Any = request.app.state.room
    if room is None:
        raise Unavailable("not ready", "It starts, or it shuts down.")
    text, media_type = room.metrics.text()
    return Response(text, headers={"Content-Type": media_type})
