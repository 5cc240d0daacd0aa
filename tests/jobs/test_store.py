"""The database: owners see their own rows only, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from sqlite3 import SQLITE_LIMIT_VARIABLE_NUMBER
from typing import Any

import pytest
from sqlalchemy import event

from databases import postgresql
from pneumoscope.errors import DuplicateFilm, UsageError
from pneumoscope.jobs.database_lock import DatabaseLock
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import DONE, FAILED, QUEUED, RUNNING, new_id, now


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]
)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('db') / 'x.sqlite'}"
    else:
        with postgresql() as url:
            yield url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url)
    for owner in ("ann", "bob"):
        opened.delete(owner)
    yield opened
    opened.close()


def row(owner: str = "ann", **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": new_id(), "owner": owner, "created": now(), "job": None, "position": 0,
        "state": DONE, "name": b"sealed", "sha256": "0" * 64, "patient": None, "study": None,
        "idempotency_key": None, "priority": 0, "settings": {},
        "label": "NORMAL", "result": {"p": 0.25}, "error": None, "heatmap": b"\0\1",
        "heatmap_rows": 1,
    }  # fmt: skip
    return values | changes


def accepted(store: Store, *rows: dict[str, Any], owner: str = "ann") -> str:
    job = new_id()
    told = {"id": job, "owner": owner, "created": now(), "total": len(rows)}
    store.accept(told, [one | {"job": job} for one in rows])
    return job


def test_what_is_written_is_read_back(store: Store) -> None:
    one = row()
    store.add([one])
    found = store.row("ann", one["id"])
    assert found is not None
    assert found.created == one["created"]
    assert found.result == {"p": 0.25}
    assert found.error is None
    assert found.heatmap == b"\0\1"


def test_nobody_sees_or_deletes_what_is_anothers(store: Store) -> None:
    mine, other = row(), row("bob")
    store.add([mine, other])
    job = accepted(store, row("bob", state=QUEUED), owner="bob")
    assert store.row("ann", other["id"]) is None
    assert store.rows("ann", [other["id"], mine["id"]])[0].id == mine["id"]
    assert [one.id for one in store.history("ann", 10)] == [mine["id"]]
    assert store.history("ann", 10, before=other["id"]) == []
    assert store.job("ann", job) is None
    assert store.of_job("ann", job) == []
    waiting = store.of_job("bob", job)[0].id
    assert store.delete("ann", [other["id"]]) == []
    assert store.delete("ann") == [mine["id"]]
    assert {one.id for one in store.history("bob", 10)} == {other["id"], waiting}


def test_history_pages_without_gap_or_overlap(store: Store) -> None:
    at = now()
    store.add([row(created=at - timedelta(seconds=i // 2)) for i in range(7)])  # pairs of one time
    pages, last = [], None
    while page := store.history("ann", 3, before=last):
        pages += [one.id for one in page]
        last = page[-1].id
    assert pages == [one.id for one in store.history("ann", 10)]
    assert len(set(pages)) == 7


def test_the_states_of_a_job(store: Store) -> None:
    rows = [row(state=QUEUED, result=None, label=None, position=i) for i in range(3)]
    job = accepted(store, *rows)
    store.change([{"id": rows[0]["id"], "state": RUNNING}])
    found = store.job("ann", job)
    assert found is not None
    assert found[0].total == 3
    assert found[1] == {QUEUED: 2, RUNNING: 1}
    begun, *waiting = (one["id"] for one in rows)
    assert store.change([{"id": waiting[0], "state": FAILED}]) == {waiting[0]}
    assert [one.state for one in store.of_job("ann", job)] == [RUNNING, FAILED, QUEUED]
    assert [one.id for one in store.left_open()] == [begun, waiting[1]]
    store.change([{"id": waiting[1], "priority": 1}])
    assert [one.id for one in store.left_open()] == [waiting[1], begun]
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
    gone, fresh = row(created=old), row()
    store.add([gone, fresh])
    accepted(store, row(created=old, state=QUEUED))
    assert store.delete_older(30) == [gone["id"]]
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
    assert [one.id for one in store.rows("ann", ids)] == ids
    assert set(store.delete("ann", ids[:1000])) == set(ids[:1000])
    assert set(store.delete_older(30)) == set(ids[1000:])
    many = [row(id=id_, state=QUEUED) for id_ in ids]
    accepted(store, *many)
    assert store.close_open({"code": "lost"}, []) == 1200
    assert len(store.delete("ann")) == 1200


def test_one_server_at_a_time(store: Store) -> None:
    first = DatabaseLock(store.engine)
    with pytest.raises(UsageError, match="another server") as told:
        DatabaseLock(store.engine)
    assert "--folder" in told.value.hint
    first.release()
    DatabaseLock(store.engine).release()


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path / 'x.sqlite'}").close()
    assert (tmp_path / "x.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_database_that_cannot_be_used() -> None:
    for url in ("nonsense", "sqlite:////nowhere/at/all/x.sqlite", "oracle+missing://x"):
        with pytest.raises(UsageError, match="database") as told:
            Store(url)
        assert told.value.hint
