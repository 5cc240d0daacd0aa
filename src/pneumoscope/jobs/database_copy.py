"""A copy of a server's database: one SQLite file, whatever the database is.

SQLite copies itself at one moment, also while a server writes. PostgreSQL's rows are copied in one
transaction that sees them at one moment. So a copy can be restored to either of them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, cast

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from pneumoscope.errors import UsageError
from pneumoscope.files import room_for
from pneumoscope.jobs.database import open_engine
from pneumoscope.jobs.migrations import HEAD, migrate, revision
from pneumoscope.jobs.store import portions
from pneumoscope.jobs.tables import DELIVERED, DONE, OPEN, Delivery, FilmRow

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Engine, Table

_ROWS = 200
"""Rows that are in memory at once."""


def write_copy(engine: Engine, path: Path, tables: Sequence[Table]) -> None:
    """Writes a copy of the database as it is at one moment.

    Args:
        engine: The database; a server may use it.
        path: The new SQLite file.
        tables: All tables, each after those that it refers to.

    Raises:
        DiskFull: There is not enough space.
        SQLAlchemyError: The database does not answer.
    """
    with room_for(path):
        if engine.dialect.name == "sqlite":
            _copy_file(engine, path)
            return
        target = open_engine(f"sqlite:///{path}")
        try:
            migrate(target)
            snapshot = engine.connect().execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            with snapshot as source, target.begin() as copy:
                _copy_rows(source, copy, tables)
        finally:
            target.dispose()
        _as_one_file(path)


def _copy_file(engine: Engine, path: Path) -> None:
    with engine.connect() as connection, closing(sqlite3.connect(path)) as copy:
        source = connection.connection.driver_connection
        if not isinstance(source, sqlite3.Connection):
            raise TypeError("the driver of SQLite is not Python's")
        source.backup(copy)  # in one step, so that it is of one moment
    _as_one_file(path)


def _as_one_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as copy:
        copy.execute("PRAGMA journal_mode=DELETE")


def update_films(engine: Engine, path: Path, kept: Collection[str]) -> None:
    """Makes a copy say of films that are needed, but were not kept with it, what the database says now.

    Their results were delivered after the copy was made, or they were deleted: without them the copy
    would have results to deliver that it cannot deliver.

    Args:
        engine: The database.
        path: Its copy.
        kept: Ids of the films that were kept after the copy was made.
    """
    films, deliveries = (cast("Table", each.__table__) for each in (FilmRow, Delivery))
    tables = ((films, films.c.id), (deliveries, deliveries.c.film))
    to_deliver = select(Delivery.film).where(Delivery.state != DELIVERED)
    needed = FilmRow.state.in_(OPEN) | ((FilmRow.state == DONE) & FilmRow.id.in_(to_deliver))
    target = open_engine(f"sqlite:///{path}")
    try:
        with Session(target) as session:
            gone = [
                id_ for id_ in session.scalars(select(FilmRow.id).where(needed)) if id_ not in kept
            ]
        with engine.connect() as source, target.begin() as copy, room_for(path):
            for ids in portions(gone):
                for table, column in tables:
                    rows = source.execute(select(table).where(column.in_(ids))).mappings()
                    copy.execute(delete(table).where(column.in_(ids)))
                    if values := [dict(row) for row in rows]:
                        copy.execute(insert(table), values)
    finally:
        target.dispose()
    _as_one_file(path)


def check_unused(engine: Engine, tables: Sequence[Table], made_with_rows: Collection[str]) -> None:
    """Refuses a database that already has rows.

    Args:
        engine: The database; its tables exist.
        tables: All tables.
        made_with_rows: Names of tables in which a new database has rows.

    Raises:
        UsageError: Another table has rows.
    """
    with engine.connect() as connection:
        for table in tables:
            row = select(*table.primary_key).limit(1)
            if table.name not in made_with_rows and connection.execute(row).first() is not None:
                raise UsageError(
                    f"the database is in use: {table.name} has rows",
                    "Name an empty one; nothing was changed.",
                )


def load_copy(path: Path, engine: Engine, tables: Sequence[Table]) -> None:
    """Puts the rows of a copy into a database, in one transaction.

    Args:
        path: The copy; its tables are as those of `engine`.
        engine: The database; `check_unused` accepts it.
        tables: As for `write_copy`.
    """
    source_engine = open_engine(f"sqlite:///{path}")
    try:
        with source_engine.connect() as source, engine.begin() as target:
            _copy_rows(source, target, tables)
    finally:
        source_engine.dispose()


def check_revision(engine: Engine) -> None:
    """Refuses a database of an older version: copying it would need to change it first.

    Raises:
        UsageError: Its tables are not those of this version.
    """
    stored = revision(engine)
    if stored != HEAD:
        raise UsageError(
            f"the database is of another version (tables {stored or 'none'}, here {HEAD})",
            "Use the version of pneumoscope that the server runs with; update after the backup.",
        )


def _copy_rows(source: Connection, target: Connection, tables: Sequence[Table]) -> None:
    for table in tables:
        target.execute(delete(table))  # what the migrations have put there
        rows = source.execution_options(yield_per=_ROWS).execute(select(table))
        for portion in rows.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in portion])
