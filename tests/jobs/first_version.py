"""A database of the first version, and what that version showed of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, create_engine, insert, select

from pneumoscope.jobs.keys import Keys

DATA = Path(__file__).with_name("data")
KEYS = Keys(bytes(range(32)))
SHOWN: Mapping[str, Any] = json.loads((DATA / "first_version.json").read_text())
"""``films`` by id: the record that the API gave, and further columns; ids of accounts and jobs."""


def write_sqlite(path: Path) -> str:
    """Writes the database to a file; returns its URL."""
    with sqlite3.connect(path) as connection:
        connection.executescript((DATA / "first_version.sql").read_text())
    connection.close()
    return f"sqlite:///{path}"


def copy_rows(source: str, target: Engine) -> None:
    """Copies every row into a database that has the tables of the first version."""
    origin = create_engine(source)
    tables, copies = MetaData(), MetaData()
    tables.reflect(origin)
    copies.reflect(target)
    with origin.connect() as reading, target.begin() as writing:
        for table in tables.sorted_tables:
            for row in reading.execute(select(table)).mappings():
                values = {
                    name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
                    for name, value in row.items()
                    if value is not None  # a column of JSON would get the JSON null
                }
                writing.execute(insert(copies.tables[table.name]).values(values))
    origin.dispose()
