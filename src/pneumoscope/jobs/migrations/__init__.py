"""Changes of the database's tables, from every earlier version to this one.

One history covers all tables of a server, also those of `pneumoscope.serve.security`: they are in one
database. A revision describes tables as they were at its time, so it imports no table classes.

To change a table, change its class and add a revision to ``versions/``; a test compares the two.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, inspect, select, text

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection, Engine, Table

HEAD = "0008"
"""The newest revision in ``versions/``."""
_LOCK_NUMBER = 0x706E6576  # of PostgreSQL's advisory lock; `DatabaseLock` has another one


def migrate(engine: Engine, target: str = HEAD) -> None:
    """Brings the tables of a database to a revision; creates them in an empty database.

    Several processes may do so at once: one of them works, the others wait for it. If it fails, the
    database is as before.

    Args:
        engine: The database.
        target: The revision.

    Raises:
        UsageError: A newer version of pneumoscope has changed the database.
    """
    if revision(engine) == target:  # without Alembic, whose import takes a noticeable time
        return
    with _exclusive(engine) as connection:
        _upgrade(connection, target)


def check_tables(engine: Engine, tables: Iterable[Table]) -> None:
    """Refuses a database whose revision is right and whose tables are not.

    Versions between two releases may have used the number of a revision for other tables.

    Raises:
        UsageError: A table or a column is missing.
    """
    stored = inspect(engine)
    for table in tables:
        columns = (
            {column["name"] for column in stored.get_columns(table.name)}
            if stored.has_table(table.name)
            else set[str]()
        )
        for column in table.columns:
            if column.name not in columns:
                raise UsageError(
                    f"the database has no {table.name}.{column.name}",
                    "A version between two releases made it, or it is damaged: restore a backup, or name "
                    "another --folder or --database.",
                )


def revision(engine: Engine) -> str | None:
    """The revision of a database; None for one without tables."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def _upgrade(connection: Connection, target: str) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(Path(__file__).parent))
    known = {script.revision for script in scripts.walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise UsageError(
            "the database was changed by a newer version of pneumoscope",
            "Update pneumoscope here, or name another --folder or --database.",
        )
    environment = EnvironmentContext(
        Config(), scripts, fn=lambda revision, _context: scripts._upgrade_revs(target, revision)
    )
    with environment:
        environment.configure(connection)
        environment.run_migrations()


@contextmanager
def _exclusive(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other process can enter at the same time."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            driver: Any = connection.connection.driver_connection
            before = driver.isolation_level
            driver.isolation_level = None  # or sqlite3 would commit before each change of a table
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                connection.commit()
            finally:
                connection.rollback()  # does nothing after the commit
                driver.isolation_level = before
        else:
            with connection.begin():
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK_NUMBER)))
                yield connection
