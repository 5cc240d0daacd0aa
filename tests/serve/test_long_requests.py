"""Requests that last longer than the session, token or openness that they came with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from answers import assert_problem
from grey_films import BRIGHT, DARK
from in_process import CHEAP, PASSWORD, Served, running, small
from live import serving
from pneumoscope.bundle import Bundle
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import FilmRow
from pneumoscope.serve import app as app_module
from pneumoscope.serve.admin.administration import Administration, open_administration
from pneumoscope.serve.app import create_app
from pneumoscope.serve.settings import ServeSettings

NEW = "another walk by the river"
ENDINGS: dict[str, Callable[[Administration], object]] = {
    "a new password": lambda administration: administration.set_password("anna", NEW),
    "a closed account": lambda administration: administration.disable("anna"),
    "a deleted account": lambda administration: administration.delete_user("anna"),
    "the first account": lambda administration: administration.add_user(
        "anna", PASSWORD, "operator"
    ),
    "a lower role": lambda administration: administration.set_role("anna", "viewer"),
}


def administration_of(settings: ServeSettings) -> Administration:
    administration = open_administration(settings)
    administration.accounts.hasher = CHEAP
    return administration


def halves(administration: Administration, ending: str, body: bytes) -> AsyncIterator[bytes]:
    """A body; what ends the session comes when the server has asked for its second half."""

    async def sent() -> AsyncIterator[bytes]:
        yield body[: len(body) // 2]
        ENDINGS[ending](administration)
        yield body[len(body) // 2 :]

    return sent()


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_upload_that_was_half_way_stores_nothing(
    ending: str, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    settings = ServeSettings(folder=tmp_path, bundle=(str(tiny_bundle.path),), threads=1)
    administration = administration_of(settings)
    if ending != "the first account":
        for name in ("anna", "bert"):
            administration.add_user(name, PASSWORD, "operator")
    form = httpx.Request("POST", "http://x", files=[("files", BRIGHT)])
    with running(create_app(settings)) as server:
        cookie = None
        if ending != "the first account":
            server.security.accounts.hasher = CHEAP
            cookie = server.cookie("anna")
        answer = server(
            "POST", "/api/v1/predictions", cookie=cookie, headers={"Content-Type": form.headers["content-type"]},
            content=halves(administration, ending, form.read()),
        )  # fmt: skip
        if ending == "a lower role":
            assert_problem(answer, 403, "NotThisRole")
        else:
            assert_problem(answer, 401, "NotSignedIn")
        assert films_in(server) == 0
    administration.store.close()


def films_in(server: Served) -> int:
    with Session(server.security.accounts.engine) as db:
        return db.scalar(select(func.count()).select_from(FilmRow)) or 0


def test_the_first_account_ends_events_that_are_followed(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    settings = ServeSettings(folder=tmp_path, bundle=(str(tiny_bundle.path),), threads=1)
    with serving(settings) as live, ExitStack() as held:
        decoders = live.services.decoders
        for _ in decoders._decoders:  # so that no film is read before the account is there
            held.enter_context(decoders.borrowed())
        job = live.send(DARK, headers={"Prefer": "respond-async"}).json()["job"]["id"]
        with live.client.stream("GET", f"/api/v1/jobs/{job}/events") as stream:
            administration = administration_of(live.services.settings)
            administration.add_user("anna", PASSWORD, "operator")
            administration.store.close()
            held.close()
            events = "".join(stream.iter_text())
    assert "event:" not in events


def test_results_that_come_after_the_first_account_get_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transferred: list[tuple[str, str]] = []

    class Transfers:
        def transfer(self, owner: str, new_owner: str) -> None:
            transferred.append((owner, new_owner))

    async def no_wait(_seconds: float) -> None:
        assert transferred  # the account was noticed without any request

    with small(tmp_path) as server:
        administration = administration_of(ServeSettings(folder=tmp_path))
        user = administration.add_user("anna", PASSWORD, "operator")
        administration.store.close()
        monkeypatch.setattr(app_module, "_LATE_ROUNDS", 1)
        monkeypatch.setattr(app_module, "asyncio", SimpleNamespace(sleep=no_wait))
        give = app_module._give_late_results_an_owner(server.security, cast("Store", Transfers()))
        asyncio.run(give)
    assert transferred == [("local", user.id)]
