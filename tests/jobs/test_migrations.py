"""A database of the first version becomes one of this version, and loses nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from first_version import KEYS, SHOWN, copy_rows, write_sqlite
from new_tables import UPGRADE
from pneumoscope.errors import UsageError
from pneumoscope.jobs import migrations
from pneumoscope.jobs.migrations import HEAD, migrate
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import Base
from simultaneous import open_at_once


@pytest.fixture(autouse=True)
def _real_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "_upgrade", UPGRADE)


@pytest.fixture
def first_url(empty_url: str, tmp_path: Path) -> str:
    """A database of the first version, of each kind."""
    if empty_url.startswith("sqlite"):
        return write_sqlite(tmp_path / "first.sqlite")
    engine = create_engine(empty_url)
    migrate(engine, "0001")
    copy_rows(write_sqlite(tmp_path / "first.sqlite"), engine)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    engine.dispose()
    return empty_url


def schema(engine: Engine) -> dict[str, Any]:
    """Tables with their columns, primary keys, unique constraints and indices."""
    looked = inspect(engine)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"])
                for column in looked.get_columns(table)
            ],
            "key": looked.get_pk_constraint(table)["constrained_columns"],
            "unique": [c["column_names"] for c in looked.get_unique_constraints(table)],
            "indices": sorted(
                (str(index["name"]), index["column_names"]) for index in looked.get_indexes(table)
            ),
        }
        for table in looked.get_table_names()
        if table != "alembic_version"
    }


def test_the_first_revision_makes_the_tables_of_the_first_version(tmp_path: Path) -> None:
    fresh = create_engine(f"sqlite:///{tmp_path / 'fresh.sqlite'}")
    migrate(fresh, "0001")
    old = create_engine(write_sqlite(tmp_path / "first.sqlite"))
    assert schema(fresh) == schema(old)
    assert set(schema(old)) == {"accounts", "jobs", "predictions", "sessions", "tokens"}
    fresh.dispose()
    old.dispose()


def test_the_newest_revision_makes_the_tables_of_the_classes(
    empty_url: str, first_url: str
) -> None:
    pytest.importorskip("argon2", reason="needs the [serve] extra")
    from pneumoscope.audit_log import anchor
    from pneumoscope.serve.security import accounts, sessions, tokens

    assert anchor
    assert {k.__tablename__ for k in (accounts.Account, sessions.Login, tokens.Token)} == {
        "accounts", "sessions", "tokens"
    }  # fmt: skip
    for name in {empty_url, first_url}:
        store = Store(name)
        with store.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": True})
            assert compare_metadata(context, Base.metadata) == []
        store.close()


def test_the_newest_revision_is_named() -> None:
    folder = Path(migrations.__file__).parent
    assert ScriptDirectory(str(folder)).get_heads() == [HEAD]


def test_every_row_is_kept(first_url: str) -> None:
    pytest.importorskip("fastapi", reason="needs the [serve] extra")
    from pneumoscope.serve.serializers import record_json

    store = Store(first_url)
    owners = {film["columns"]["owner"] for film in SHOWN["films"].values()}
    rows = {row.id: row for owner in owners for row in store.history(owner, 100)}
    assert set(rows) == set(SHOWN["films"])
    for id_, film in SHOWN["films"].items():
        row, columns = rows[id_], film["columns"]
        assert record_json(row, KEYS) == film["record"]
        assert (row.owner, row.patient) == (columns["owner"], columns["patient"])
        assert (row.position, row.settings) == (columns["position"], columns["settings"])
        assert (row.heatmap or b"").hex() == (columns["heatmap"] or "")
        assert row.heatmap_rows == columns["heatmap_rows"]
        assert (row.study, row.idempotency_key, row.priority) == (None, None, 0)
        assert row.bundle is None
    # Two films at once, a job of one film and two files that are none, a job that ended badly.
    codes = [row.error["code"] for row in rows.values() if row.error]
    assert sorted(codes) == [
        "Cancelled",
        "Interrupted",
        "NestedArchive",
        "ServerFault",
        "UnknownFormat",
    ]
    assert all(set(row.error) == {"code", "message", "hint"} for row in rows.values() if row.error)
    job = store.job(SHOWN["anna"], SHOWN["job"])
    assert job is not None
    assert (job[0].total, job[1]) == (3, {"done": 1, "failed": 2})
    store.close()


def test_accounts_tokens_and_sessions_are_kept(first_url: str) -> None:
    pytest.importorskip("argon2", reason="needs the [serve] extra")
    from pneumoscope.serve.security.accounts import Accounts
    from pneumoscope.serve.security.sessions import Sessions
    from pneumoscope.serve.security.tokens import Tokens

    store = Store(first_url)
    anna, bert = Accounts(store.engine).list()
    assert (anna.id, anna.role, anna.disabled) == (SHOWN["anna"], "operator", False)
    assert (bert.id, bert.role, bert.disabled) == (SHOWN["bert"], "viewer", True)
    assert Accounts(store.engine).check("anna", "four quiet herons waiting")
    soon = anna.created + 60  # the session of then has long ended by the clock of now
    user = Sessions(store.engine, lambda: soon).find(SHOWN["cookie"])
    assert user is not None
    assert user.name == "anna"
    user = Tokens(store.engine, lambda: soon).find(SHOWN["token"])
    assert user is not None
    assert user.scopes == {"predict", "read"}
    store.close()


def test_opening_again_changes_nothing(first_url: str) -> None:
    Store(first_url).close()
    engine = create_engine(first_url)
    before = schema(engine)
    Store(first_url).close()
    assert schema(engine) == before
    engine.dispose()


@pytest.mark.slow
def test_several_processes_may_make_a_database_at_once(empty_url: str) -> None:
    assert open_at_once(empty_url) == [0] * 4
    store = Store(empty_url)
    assert store.history("local", 100) == []
    store.close()


@pytest.mark.slow
def test_several_processes_may_change_a_database_at_once(first_url: str) -> None:
    assert open_at_once(first_url) == [0] * 4
    store = Store(first_url)
    assert len(store.history("local", 100)) == 5
    store.close()


def test_a_newer_database_is_refused(empty_url: str) -> None:
    store = Store(empty_url)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(UsageError, match="newer version") as error:
        Store(empty_url)
    assert "Update pneumoscope" in error.value.hint


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    url = write_sqlite(tmp_path / "first.sqlite")
    with sqlite3.connect(tmp_path / "first.sqlite") as connection:
        connection.execute("UPDATE predictions SET error = '{' WHERE state = 'failed'")
    connection.close()
    engine = create_engine(url)
    before = schema(engine)
    with pytest.raises(ValueError, match="Expecting"):
        migrate(engine)
    assert schema(engine) == before
    assert "alembic_version" not in inspect(engine).get_table_names()
    engine.dispose()


@pytest.mark.parametrize(
    "change", ["ALTER TABLE predictions DROP COLUMN bundle", "DROP TABLE deliveries"]
)
def test_a_database_with_the_right_number_and_other_tables_is_refused(
    tmp_path: Path, change: str
) -> None:
    url = f"sqlite:///{tmp_path / 'x.sqlite'}"
    store = Store(url)
    with store.engine.begin() as connection:
        connection.execute(text(change))
    store.close()
    with pytest.raises(UsageError, match=r"has no (predictions\.bundle|deliveries\.film)") as error:
        Store(url)
    assert "backup" in error.value.hint
