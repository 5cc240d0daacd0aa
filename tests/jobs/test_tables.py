"""The tables: times, ids, and what the database itself enforces."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import (
    DONE,
    FAILED,
    OPEN,
    PENDING,
    QUEUED,
    RUNNING,
    STATES,
    Delivery,
    FilmRow,
    Job,
    UtcDateTime,
    new_id,
    now,
)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    store = Store(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with Session(store.engine) as session:
        yield session
    store.close()


def film(**changes: Any) -> FilmRow:
    values: dict[str, Any] = {
        "id": new_id(), "owner": "ann", "created": now(), "job": None, "position": 0,
        "state": QUEUED, "name": b"", "sha256": "0" * 64, "settings": {},
    }  # fmt: skip
    return FilmRow(**(values | changes))


NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)


@pytest.mark.parametrize(
    "given",
    [NOON, NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))],
    ids=["utc", "india"],
)
def test_a_time_comes_back_in_utc(session: Session, given: datetime) -> None:
    session.add(Job(id="j", owner="ann", created=given, total=1))
    session.commit()
    stored = session.scalars(select(Job.created)).one()
    assert stored == NOON
    assert stored.tzinfo is UTC
    # In the file it is UTC, too: times are compared as text.
    assert (
        session.execute(text("SELECT created FROM jobs")).scalar_one().startswith("2026-03-01 12:")
    )


def test_no_time_is_no_time() -> None:
    column = UtcDateTime()
    assert column.process_bind_param(None, None) is None
    assert column.process_result_value(None, None) is None
    assert column.process_result_value(datetime(2026, 1, 2), None) == datetime(
        2026, 1, 2, tzinfo=UTC
    )
    # PostgreSQL gives the zone itself.
    assert column.process_result_value(NOON, None) is NOON


def test_ids_are_long_and_differ() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(id_) for id_ in ids} == {32}
    assert set("".join(ids)) <= set("0123456789abcdef")


def test_a_film_is_open_or_ended() -> None:
    assert set(STATES) - set(OPEN) == {DONE, FAILED}
    assert set(OPEN) == {QUEUED, RUNNING}
    assert max(map(len, STATES)) <= 8  # the length of the column


def test_rows_of_former_versions_have_the_priority_0(session: Session) -> None:
    session.add(film())
    session.commit()
    row = session.scalars(select(FilmRow)).one()
    assert row.priority == 0
    for name in (
        "job",
        "patient",
        "study",
        "idempotency_key",
        "bundle",
        "label",
        "result",
        "error",
    ):
        assert getattr(row, name) is None


def test_nothing_is_stored_as_the_json_null(session: Session) -> None:
    session.add(film(result=None, error=None))
    session.commit()
    empty = "SELECT count(*) FROM predictions WHERE result IS NULL AND error IS NULL"
    assert session.execute(text(empty)).scalar_one() == 1


def test_an_owner_has_a_key_once_and_no_key_often(session: Session) -> None:
    session.add_all([film(), film(), film(idempotency_key="k")])
    session.add(film(owner="bob", idempotency_key="k"))
    session.commit()
    session.add(film(idempotency_key="k"))
    with pytest.raises(IntegrityError):
        session.commit()


def test_deliveries_go_with_their_film_and_need_one(session: Session) -> None:
    row = film()
    session.add(row)
    session.commit()
    delivery = {"destination": "archive", "state": PENDING, "attempts": 0, "next_attempt": now()}
    session.execute(insert(Delivery).values(film=row.id, **delivery))
    session.commit()
    session.execute(text("DELETE FROM predictions"))
    session.commit()
    assert session.scalars(select(Delivery)).all() == []
    with pytest.raises(IntegrityError):
        session.execute(insert(Delivery).values(film="none", **delivery))
