"""``GET /api/v1/model`` and ``GET /api/v1/settings``."""

from __future__ import annotations

from typing import Any

from pneumoscope.serve.routes.common import RunningServices, api_router

router = api_router()


@router.get("/model")
def show_model(services: RunningServices) -> dict[str, Any]:
    """The bundle: figures, limits, population, hash, and its card as Markdown."""
    return services.model


@router.get("/settings")
def show_settings(services: RunningServices) -> dict[str, Any]:
    """What a reader can choose, the limits, and the sentences of the gate."""
    return services.choices
