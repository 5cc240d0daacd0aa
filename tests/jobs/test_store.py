"""The database: owners see their own rows only, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from sqlite3 import SQLITE_LIMIT_VARIABLE_NUMBER
from typing import Any

import pytest
from sqlalchemy import event

from pneumoscope.errors import DuplicateFilm
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import DONE, FAILED, QUEUED, RUNNING, new_id, now
from pneumoscope.records import Settings
from queue_parts import Parts


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    for owner in ("ann", "bob"):
        store.delete(owner)
    yield store
    store.close()


def row(owner: str = "ann", **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": new_id(), "owner": owner, "created": now(), "job": None, "position": 0,
        "state": DONE, "name": b"sealed", "sha256": "0" * 64, "patient": None, "study": None,
        "idempotency_key": None, "priority": 0, "bundle": None, "settings": {},
        "label": "NORMAL", "result": {"p": 0.25}, "error": None, "heatmap": b"\0\1",
        "heatmap_rows": 1,
    }  # fmt: skip
    return values | changes


def accepted(store: Store, *rows: dict[str, Any], owner: str = "ann") -> str:
    job = new_id()
    record = {"id": job, "owner": owner, "created": now(), "total": len(rows)}
    store.accept(record, [film | {"job": job} for film in rows])
    return job


def test_what_is_written_is_read_back(store: Store) -> None:
    written = row()
    store.add([written])
    film = store.row("ann", written["id"])
    assert film is not None
    assert film.created == written["created"]
    assert film.result == {"p": 0.25}
    assert film.error is None
    assert film.heatmap == b"\0\1"


def test_nobody_sees_or_deletes_what_is_anothers(store: Store) -> None:
    mine, other = row(), row("bob")
    store.add([mine, other])
    job = accepted(store, row("bob", state=QUEUED), owner="bob")
    assert store.row("ann", other["id"]) is None
    assert store.rows("ann", [other["id"], mine["id"]])[0].id == mine["id"]
    assert [film.id for film in store.history("ann", 10)] == [mine["id"]]
    assert store.history("ann", 10, before=other["id"]) == []
    assert store.job("ann", job) is None
    assert store.of_job("ann", job) == []
    waiting = store.of_job("bob", job)[0].id
    assert store.delete("ann", [other["id"]]) == []
    assert store.delete("ann") == [mine["id"]]
    assert {film.id for film in store.history("bob", 10)} == {other["id"], waiting}


def test_history_pages_without_gap_or_overlap(store: Store) -> None:
    at = now()
    store.add(
        [row(created=at - timedelta(seconds=i // 2)) for i in range(7)]
    )  # pairs of the same time
    pages, last = [], None
    while page := store.history("ann", 3, before=last):
        pages += [film.id for film in page]
        last = page[-1].id
    assert pages == [film.id for film in store.history("ann", 10)]
    assert len(set(pages)) == 7


def test_the_states_of_a_job(store: Store) -> None:
    rows = [row(state=QUEUED, result=None, label=None, position=i) for i in range(3)]
    job = accepted(store, *rows)
    store.change([{"id": rows[0]["id"], "state": RUNNING}])
    counted = store.job("ann", job)
    assert counted is not None
    assert counted[0].total == 3
    assert counted[1] == {QUEUED: 2, RUNNING: 1}
    begun, *waiting = (film["id"] for film in rows)
    assert store.change([{"id": waiting[0], "state": FAILED}]) == {waiting[0]}
    assert [film.state for film in store.of_job("ann", job)] == [RUNNING, FAILED, QUEUED]
    assert [film.id for film in store.left_open()] == [begun, waiting[1]]
    store.change([{"id": waiting[1], "priority": 1}])
    assert [film.id for film in store.left_open()] == [waiting[1], begun]
    assert store.close_open({"code": "lost"}, [begun]) == 1
    assert store.of_job("ann", job)[2].error == {"code": "lost"}
    store.delete("ann", [begun])
    assert store.change([{"id": begun, "state": DONE}]) == set()  # too late: it stays deleted
    assert store.row("ann", begun) is None
    store.delete("ann")
    assert store.job("ann", job) is None


def test_a_key_names_one_film_of_an_owner(store: Store) -> None:
    job = accepted(store, row(idempotency_key="k"))
    for duplicate in (row(idempotency_key="k"), row(idempotency_key="k", state=QUEUED)):
        with pytest.raises(DuplicateFilm):
            accepted(store, row(), duplicate)
    assert len(store.history("ann", 10)) == 1
    accepted(store, row("bob", idempotency_key="k"), owner="bob")
    accepted(store, row(), row())  # films without a key are not compared
    film = store.row_of_key("ann", "k")
    assert film is not None
    assert film.job == job
    assert store.row_of_key("ann", "another") is None
    store.delete("ann", [film.id])
    accepted(store, row(idempotency_key="k"))


def test_old_results_go_and_open_ones_stay(store: Store) -> None:
    old = now() - timedelta(days=31)
    old_film, fresh = row(created=old), row()
    store.add([old_film, fresh])
    accepted(store, row(created=old, state=QUEUED))
    assert store.delete_before(now() - timedelta(days=30)) == [old_film["id"]]
    assert len(store.history("ann", 10)) == 2


def test_more_films_than_a_statement_takes(store: Store) -> None:
    ids = [new_id() for _ in range(1200)]
    store.add([row(id=id_, created=now() - timedelta(days=31)) for id_ in ids])
    if store.engine.dialect.name == "sqlite":
        # As SQLite was built for years.
        event.listen(
            store.engine,
            "checkout",
            lambda connection, *_: connection.setlimit(SQLITE_LIMIT_VARIABLE_NUMBER, 999),
        )
    assert [film.id for film in store.rows("ann", ids)] == ids
    assert set(store.delete("ann", ids[:1000])) == set(ids[:1000])
    assert set(store.delete_before(now() - timedelta(days=30))) == set(ids[1000:])
    many = [row(id=id_, state=QUEUED) for id_ in ids]
    accepted(store, *many)
    assert store.close_open({"code": "lost"}, []) == 1200
    assert len(store.delete("ann")) == 1200


def test_films_and_jobs_get_another_owner(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    film = UploadedFile("a.png", b"x", idempotency_key="k" * 64)
    job = parts.jobs.accept(JobRequest(owner="local", settings=Settings()), [film])
    assert parts.store.transfer("local", "ann") == 1
    assert parts.store.history("local", 10) == []
    [row] = parts.store.history("ann", 10)
    assert (row.job, row.idempotency_key) == (job, None)
    assert parts.store.job("ann", job) is not None
    assert parts.store.transfer("local", "ann") == 0
    parts.store.close()
