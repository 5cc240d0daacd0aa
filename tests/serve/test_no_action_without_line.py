"""Nothing changes on a server whose audit log cannot be written; `test_lines_of_routes` has the routes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import OperationalError

from audited_site import Site, audited_site
from grey_films import BRIGHT, DARK
from in_process import PASSWORD
from pneumoscope.bundle import Bundle
from pneumoscope.errors import AuditLogDamaged, PneumoscopeError
from pneumoscope.jobs.clock import system_s
from pneumoscope.jobs.tables import FilmRow
from pneumoscope.serve.admin import administration as administration_module
from pneumoscope.serve.security.throttle import Rate
from pneumoscope.serve.services import TAMPERED


@pytest.fixture(scope="module")
def site(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with audited_site(tiny_bundle, tmp_path_factory.mktemp("site")) as here:
        for film in (BRIGHT, DARK):
            here.send(here.cookie, film)
        yield here


@pytest.mark.slow
def test_no_command_changes_anything_without_its_line(site: Site, tmp_path: Path) -> None:
    administration = site.administration
    _, token = administration.add_token("anna", "tests", ["read"], 1)
    session = administration.sessions.list()[0].id
    before = site.state()
    site.break_log()
    try:
        for action in (
            lambda: administration.add_user("bert", PASSWORD, "viewer"),
            lambda: administration.set_password("anna", "another walk by the river"),
            lambda: administration.set_role("anna", "viewer"),
            lambda: administration.disable("anna"),
            lambda: administration.enable("anna"),
            lambda: administration.add_second_factor("anna"),
            lambda: administration.remove_second_factor("anna"),
            lambda: administration.end_session(session),
            lambda: administration.end_sessions("anna"),
            lambda: administration.add_token("anna", "more", ["read"], 1),
            lambda: administration.revoke_token(token.id),
            lambda: administration.purge(0),
            lambda: administration.export_patient("PAT-1", tmp_path / "held.zip"),
            lambda: administration.erase_patient("PAT-1"),
        ):
            with pytest.raises((OSError, PneumoscopeError)):
                action()
            assert site.state() == before
            assert not (tmp_path / "held.zip").exists()
    finally:
        site.mend_log()


def test_a_command_that_fails_after_its_line_leaves_another_one(site: Site) -> None:
    """As on a full disk: otherwise the log would say that something was done which was not."""
    administration = site.administration
    before = len([*administration.audit.entries()])
    failed = (
        "user add", "user role viewer", "user totp on", "token add", "session end", "purge",
        "patient erase",
    )  # fmt: skip

    def fail(*_: object) -> NoReturn:
        raise OperationalError("COMMIT", {}, Exception("database or disk is full"))

    engine = administration.store.engine
    event.listen(engine, "commit", fail)
    try:
        for action in (
            lambda: administration.add_user("dora", PASSWORD, "viewer"),
            lambda: administration.set_role("anna", "viewer"),
            lambda: administration.add_second_factor("anna"),
            lambda: administration.add_token("anna", "more", ["read"], 1),
            lambda: administration.end_sessions("anna"),
            lambda: administration.purge(0),
            lambda: administration.erase_patient("PAT-1"),
        ):
            with pytest.raises(OperationalError):
                action()
    finally:
        event.remove(engine, "commit", fail)
    lines = [(entry["what"], entry["outcome"]) for entry in administration.audit.entries()]
    assert lines[before:] == [each for what in failed for each in ((what, 0), (what, 12))]


def test_a_line_that_names_what_is_deleted_is_written_before(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = site.server("POST", "/api/v1/predictions", cookie=site.cookie, files=[("files", DARK)])
    film = answer.json()["predictions"][0]["id"]
    audit, seen = site.server.security.audit, []
    append = audit.append

    def watched(event: Any) -> object:
        engine = site.administration.store.engine
        with engine.connect() as db:  # another connection: it sees what is committed
            is_stored = db.scalar(select(FilmRow.id).where(FilmRow.id == film)) is not None
        seen.append((event.what, event.objects, is_stored))
        return append(event)

    monkeypatch.setattr(audit, "append", watched)
    path = f"/api/v1/predictions/{film}"
    assert site.server("DELETE", path, cookie=site.cookie).status_code == 204
    assert seen == [("DELETE /api/v1/predictions/{id}", (film,), True)]


def test_retention_leaves_lines_and_does_nothing_without(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = site.server("POST", "/api/v1/predictions", cookie=site.cookie, files=[("files", DARK)])
    old = answer.json()["predictions"][0]["id"]
    services = site.server.app.state.services
    with services.store.writing() as db:
        db.execute(
            update(FilmRow).where(FilmRow.id == old).values(created=text("'2020-01-01 00:00:00'"))
        )
    cleanup = services.cleanup
    monkeypatch.setattr(cleanup, "days", 30)
    orphan = site.folder / "films" / ("e" * 32)
    orphan.write_bytes(b"left by a crash")
    site.break_log()
    before = site.state()
    with pytest.raises((OSError, PneumoscopeError)):
        cleanup.run()
    assert site.state() == before
    site.mend_log()
    assert cleanup.run() == [old]
    assert orphan.exists()  # it could belong to a film that is being stored
    cleanup.run()
    assert not orphan.exists()
    lines = [e for e in site.administration.audit.entries() if e["what"].startswith("retention")]
    assert [(e["what"], e["objects"]) for e in lines] == [
        ("retention", [old]),
        ("retention: films without a result", ["e" * 32]),
    ]


def test_retention_does_not_delete_by_a_clock_that_jumped(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleanup = site.server.app.state.services.cleanup
    films = site.server("GET", "/api/v1/predictions", cookie=site.cookie).json()["predictions"]
    assert films
    monkeypatch.setattr(cleanup, "days", 30)
    monkeypatch.setattr(cleanup.clock, "_system", lambda: system_s() + 400 * 86400)
    assert cleanup.run() == []
    assert cleanup.run() == []
    lines = [e["what"] for e in site.administration.audit.entries()]
    assert lines.count("clock: +400.0 days from the last known time") == 1
    monkeypatch.setattr(administration_module, "SteadyClock", lambda *_: cleanup.clock)
    with pytest.raises(PneumoscopeError, match=r"400\.0 days") as error:
        site.administration.purge(30)
    assert "--trust-clock" in error.value.hint
    kept = site.server("GET", "/api/v1/predictions", cookie=site.cookie).json()["predictions"]
    assert kept == films


def test_one_readers_exports_do_not_fill_the_log(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = Rate(60, 12, clock=lambda: 0.0)
    object.__setattr__(site.server.security, "exported", rate)
    ids = [
        row["id"]
        for row in site.server("GET", "/api/v1/predictions", cookie=site.cookie).json()[
            "predictions"
        ]
    ][:2]
    path = f"/api/v1/predictions/export?ids={','.join(ids)}"
    statuses = [site.server("GET", path, cookie=site.cookie).status_code for _ in range(20)]
    assert statuses[0] == 200
    assert 6 <= statuses.count(200) <= 12
    assert statuses[-1] == 429


def test_a_film_that_was_changed_on_the_disk_leaves_a_line(site: Site) -> None:
    answer = site.server(
        "POST", "/api/v1/predictions", cookie=site.cookie, files=[("files", BRIGHT)]
    )
    film = answer.json()["predictions"][0]["id"]
    path = site.folder / "films" / film
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    films = site.server.app.state.services.renderer.film_store
    with films._lock:
        films._films.clear()  # only in memory would it still be as sent
    answer = site.server("GET", f"/api/v1/predictions/{film}/film.png", cookie=site.cookie)
    assert answer.status_code == 404
    (line,) = [e for e in site.administration.audit.entries() if e["what"] == TAMPERED]
    assert line["objects"] == [film]
    assert line["outcome"] == 8


def test_the_log_of_all_this_verifies(site: Site) -> None:
    try:
        site.administration.audit.verify()
    except AuditLogDamaged as error:  # it was away, and came back
        pytest.fail(error.message)
