"""A server of this version continues with the folder of the first version."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from first_version import KEYS, SHOWN, write_sqlite
from grey_films import BRIGHT, DARK
from in_process import CHEAP, Served, running
from pneumoscope.bundle import Bundle
from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.serve.app import create_app
from pneumoscope.serve.settings import ServeSettings

CREATED_S = 1795865922.0
"""When its session and token were made, seconds since 1970."""


@pytest.fixture
def settings(tiny_bundle: Bundle, tmp_path: Path) -> ServeSettings:
    """Settings of a server in the folder."""
    write_sqlite(tmp_path / "reading-room.sqlite")
    (tmp_path / "key").write_text(base64.b64encode(bytes(range(32))).decode())
    (tmp_path / "key").chmod(0o600)
    return ServeSettings(folder=tmp_path, bundle=(str(tiny_bundle.path),), threads=1)


@contextmanager
def serving(settings: ServeSettings) -> Iterator[Served]:
    """A server for which the session and the token have not expired."""
    with running(create_app(settings)) as server:
        security = server.security
        security.accounts.hasher = CHEAP
        security.sessions.clock = security.tokens.clock = lambda: CREATED_S + 60
        yield server


def test_users_see_what_they_saw_before(settings: ServeSettings) -> None:
    films = SHOWN["films"].values()
    records = {
        film["record"]["id"]: film["record"]
        for film in films
        if film["columns"]["owner"] == SHOWN["anna"]
    }
    assert len(records) == 5
    with serving(settings) as server:
        cookie = f"pneumoscope={SHOWN['cookie']}"
        for signed_in in ({"cookie": cookie}, {"token": SHOWN["token"]}):
            shown = server("GET", "/api/v1/predictions", **signed_in).json()["predictions"]
            assert {record["id"]: record for record in shown} == records
        done = next(
            record for record in records.values() if (record["result"] or {}).get("explanation")
        )
        path = done["links"]["self"]
        for rendering, status in (("heatmap.png", 200), ("report.pdf", 200), ("film.png", 404)):
            assert server("GET", f"{path}/{rendering}", cookie=cookie).status_code == status
        table = server("GET", "/api/v1/predictions/export", cookie=cookie).text
        assert "NestedArchive,an archive within the archive,Put the films" in table
        assert server("DELETE", path, cookie=cookie).status_code == 204
        assert server("GET", path, cookie=cookie).status_code == 404
        job = server("GET", f"/api/v1/jobs/{SHOWN['job']}", cookie=cookie).json()
        assert (job["total"], job["done"], job["failed"]) == (3, 3, 2)


def test_new_films_are_read(settings: ServeSettings) -> None:
    with serving(settings) as server:
        answer = server(
            "POST", "/api/v1/predictions", cookie=server.cookie("anna"), files=[("files", BRIGHT)]
        )
        assert answer.json()["predictions"][0]["result"]["label"] == "PNEUMONIA"


@pytest.mark.parametrize("keep_films", [False, True])
def test_films_that_were_open_are_read_or_reported(
    settings: ServeSettings, keep_films: bool
) -> None:
    films = [film["record"] for film in SHOWN["films"].values()]
    running_, queued = sorted(
        (film for film in films if film["job"] == SHOWN["open"]), key=lambda film: film["state"]
    )[::-1]
    assert (running_["state"], queued["state"]) == ("running", "queued")
    if keep_films:
        kept = FilmStore(0, KEYS, settings.folder / "films")
        for record, (_, data) in ((running_, DARK), (queued, BRIGHT)):
            kept.keep(record["id"], data)
    with serving(replace(settings, keep_films=keep_films)) as server:
        services = server.app.state.services
        assert services.queue.drain(60)
        rows = services.store.of_job("local", SHOWN["open"])
        assert [row.id for row in rows] == [running_["id"], queued["id"]]
        if keep_films:
            assert [row.label for row in rows] == ["NORMAL", "PNEUMONIA"]
        else:
            assert [row.error["code"] for row in rows] == ["Interrupted", "Interrupted"]
