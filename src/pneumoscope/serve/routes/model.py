"""``GET /api/v1/model`` and ``GET /api/v1/settings``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from pneumoscope.decision.reader_settings import SERVED_BUNDLE
from pneumoscope.render.localised import localised
from pneumoscope.serve.routes.common import RunningServices, api_router

router = api_router()

Bundle = Annotated[str | None, Query(description=SERVED_BUNDLE.help)]


@router.get("/model")
def show_model(services: RunningServices, bundle: Bundle = None) -> dict[str, Any]:
    """A bundle: figures, limits, population, hash, and its card as Markdown."""
    return dict(localised(services.models[services.readers.name(bundle)]))


@router.get("/settings")
def show_settings(services: RunningServices, bundle: Bundle = None) -> dict[str, Any]:
    """The bundles, what a reader can choose with one of them, limits, and the sentences of its gate."""
    return dict(localised(services.choices[services.readers.name(bundle)]))
