"""New databases of tests: the migrations make the tables of the first one, and the others copy them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from sqlalchemy import Connection, inspect

from pneumoscope.jobs import migrations
from pneumoscope.jobs.migrations import HEAD

UPGRADE = migrations._upgrade
"""What the product does: eight revisions, 20 ms of processor time."""
_TRANSACTION = ("BEGIN TRANSACTION;", "COMMIT;")


@contextmanager
def copied_tables() -> Iterator[None]:
    """Gives a new SQLite database the tables and rows of the first one of this process."""
    statements: list[str] = []

    def upgrade(connection: Connection, target: str) -> None:
        is_new = connection.dialect.name == "sqlite" and not inspect(connection).get_table_names()
        if not is_new or target != HEAD:
            UPGRADE(connection, target)
        elif statements:
            for statement in statements:
                connection.exec_driver_sql(statement)
        else:
            UPGRADE(connection, target)
            driver: Any = connection.connection.driver_connection
            statements.extend(line for line in driver.iterdump() if line not in _TRANSACTION)

    with mock.patch.object(migrations, "_upgrade", upgrade):
        yield
