"""Apps in this process, and requests to them from any address, as any user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from argon2 import PasswordHasher
from fastapi import FastAPI, Request

from pneumoscope.jobs.keys import open_keys
from pneumoscope.jobs.store import Store
from pneumoscope.serve import problems
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.app import create_app
from pneumoscope.serve.routes import account, session
from pneumoscope.serve.security import guard
from pneumoscope.serve.security.accounts import Accounts
from pneumoscope.serve.security.state import Security, make_security
from pneumoscope.serve.settings import ServeSettings

PASSWORD = "four quiet herons waiting"
HERE = "http://127.0.0.1:8000"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""For tests only: the real one takes a second on a busy machine."""


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class Served:
    """A running app. Requests come from its own page unless ``origin`` says otherwise."""

    app: FastAPI
    portal: BlockingPortal
    base: str = HERE

    @property
    def security(self) -> Security:
        security: Security = self.app.state.security
        return security

    def __call__(
        self,
        method: str,
        path: str,
        *,
        cookie: str | None = None,
        token: str | None = None,
        origin: str | None = "own",
        address: str = "127.0.0.1",
        headers: dict[str, str] | list[tuple[str, str]] | None = None,
        **rest: Any,
    ) -> httpx.Response:
        sent = httpx.Headers(headers)
        if cookie is not None:
            sent["Cookie"] = cookie
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        elif origin is not None and method not in ("GET", "HEAD"):
            sent["Origin"] = self.base if origin == "own" else origin

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(
                self.app, raise_app_exceptions=False, client=(address, 50000)
            )
            async with httpx.AsyncClient(transport=transport, base_url=self.base) as client:
                return await client.request(method, path, headers=sent, **rest)

        return self.portal.call(ask)

    def sign_in(self, name: str, password: str = PASSWORD, **rest: Any) -> httpx.Response:
        """Asks for a session."""
        return self("POST", "/api/v1/session", json={"name": name, "password": password}, **rest)

    def cookie(self, name: str) -> str:
        """A session's cookie, as a browser sends it back."""
        answer = self.sign_in(name)
        assert answer.status_code == 200, answer.text
        return answer.headers["set-cookie"].partition(";")[0]


@contextmanager
def running(app: FastAPI, base: str = HERE) -> Iterator[Served]:
    """The app between start and end."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
    ):
        yield Served(app, portal, base)


@contextmanager
def running_for(users: dict[str, str], settings: ServeSettings) -> Iterator[Served]:
    """A reading room with users by name with their roles, between start and end."""
    administration = open_administration(settings)
    administration.accounts.hasher = CHEAP
    for name, role in users.items():
        administration.add_user(name, PASSWORD, role)
    administration.store.close()
    with running(create_app(settings)) as served:
        served.security.accounts.hasher = CHEAP
        yield served


@contextmanager
def small(
    folder: Path,
    users: dict[str, str] | None = None,
    clock: Callable[[], float] | None = None,
    **more: Any,
) -> Iterator[Served]:
    """An app with a few small routes behind the security middleware, and users by name with their roles."""
    settings = ServeSettings(folder=folder, **more)
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(settings.database_url)
    security = secured(settings, store, users or {}, clock)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    problems.install(app, [])

    @app.get("/api/v1/things/{id}")
    def thing(id: str) -> dict[str, str]:  # noqa: A002
        return {"id": id}

    @app.post("/api/v1/predictions")
    async def upload(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.post("/api/v1/things")
    async def small_body(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.delete("/api/v1/predictions")
    def remove() -> dict[str, int]:
        return {"deleted": 0}

    @app.get("/api/v1/broken")
    def broken() -> None:
        raise RuntimeError("on purpose")

    @app.get("/metrics")
    def metrics() -> str:
        return "0"

    @app.get("/healthz")
    def healthz() -> str:
        return "ok"

    app.include_router(session.router)
    app.include_router(account.router)
    guard.install(app, settings)
    app.state.security = security
    with running(app, "https://127.0.0.1:8000" if settings.tls else HERE) as served:
        yield served
    store.close()


def secured(
    settings: ServeSettings,
    store: Store,
    users: dict[str, str],
    clock: Callable[[], float] | None = None,
) -> Security:
    """What the security middleware works with, and some users."""
    keys = open_keys(settings.folder, settings.key)
    timing = {} if clock is None else {"clock": clock}
    accounts = Accounts(store.engine, **timing)
    accounts.hasher = CHEAP
    for name, role in users.items():
        accounts.add(name, PASSWORD, role)
    security = make_security(settings, store.engine, keys, **timing)
    security.accounts.hasher = CHEAP
    return security
