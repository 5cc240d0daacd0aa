"""The routes of a running application."""

from __future__ import annotations

from fastapi import FastAPI


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """Every method and path template of an application."""
    served: set[tuple[str, str]] = set()
    for route in app.routes:
        contexts = getattr(route, "effective_route_contexts", None)
        for context in contexts() if contexts else [route]:
            methods = set(getattr(context, "methods", None) or {"GET"}) - {"HEAD"}
            served |= {(method, context.path) for method in methods}
    return served
