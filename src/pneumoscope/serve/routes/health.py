"""Whether the server runs, whether it is ready, and its metrics for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Response

from pneumoscope.errors import ShuttingDown
from pneumoscope.serve.problems import Unavailable
from pneumoscope.serve.routes import schemas
from pneumoscope.serve.routes.common import RunningServices

router = APIRouter(responses=schemas.HEALTH)


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(services: RunningServices) -> dict[str, str]:
    """Films can be read: the model is loaded, the database answers, the server is not shutting down."""
    if not services.queue.accepting:
        raise ShuttingDown
    if not services.store.answers():
        raise Unavailable("the database does not answer", "Is its server up?")
    return {"status": "ready"}


@router.get("/metrics", include_in_schema=False)
def metrics(services: RunningServices) -> Response:
    """Metrics in the Prometheus text format."""
    text, media_type = services.metrics.text()
    return Response(text, headers={"Content-Type": media_type})
