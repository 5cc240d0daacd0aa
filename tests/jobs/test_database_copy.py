"""Copies of a database of either kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text

from pneumoscope.errors import UsageError
from pneumoscope.jobs.database_copy import check_revision, check_unused, load_copy, write_copy
from pneumoscope.jobs.deliveries import new_deliveries
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import PENDING, Base, now
from queue_parts import KEYS

TABLES = Base.metadata.sorted_tables


def film(id_: str) -> dict[str, object]:
    name = KEYS.seal("ä.png".encode(), id_)
    return {
        "id": id_, "owner": "anna", "created": now(), "job": "j" * 32, "position": 0, "state": "done",
        "name": name, "sha256": "0" * 64, "settings": {"a": [1, None]}, "label": "NORMAL",
        "result": {"p": 0.25, "text": "é"}, "heatmap": bytes(range(256)), "heatmap_rows": 8,
    }  # fmt: skip


def rows(url: str) -> dict[str, list[object]]:
    """All rows of all tables, through the tables' own types."""
    engine = create_engine(url)
    with engine.connect() as connection:
        stored = {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for table in TABLES
        }
    engine.dispose()
    return stored


def test_a_copy_has_every_row_and_can_be_loaded_into_either_kind(
    empty_url: str, tmp_path: Path
) -> None:
    store = Store(empty_url)
    job = {"id": "j" * 32, "owner": "anna", "created": now(), "total": 1}
    store.accept(job, [film("f" * 32)], new_deliveries(["f" * 32], ("archive",)))
    before = rows(empty_url)
    assert [row[2] for row in before["deliveries"]] == [PENDING]  # type: ignore[index]
    copy, again = tmp_path / "copy.sqlite", tmp_path / "again.sqlite"
    write_copy(store.engine, copy, TABLES)
    assert rows(f"sqlite:///{copy}") == before
    assert not copy.with_name("copy.sqlite-wal").exists()

    target = Store(f"sqlite:///{again}")
    check_unused(target.engine, TABLES, ("audit_anchor",))
    load_copy(copy, target.engine, TABLES)
    target.close()
    assert rows(f"sqlite:///{again}") == before
    with pytest.raises(UsageError, match="in use: "):
        check_unused(store.engine, TABLES, ())
    store.delete("anna")
    load_copy(again, store.engine, TABLES)
    store.close()
    assert rows(empty_url) == before


def test_another_revision_is_not_copied(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with pytest.raises(UsageError, match="tables none"):
        check_revision(engine)
    Store(empty_url).close()
    check_revision(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UsageError, match="tables 9999"):
        check_revision(engine)
    engine.dispose()
