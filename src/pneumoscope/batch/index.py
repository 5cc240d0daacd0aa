"""What is done, by name and content hash: SQLite, so that memory does not grow with the films.

The index is derived from the shards, which alone say what is done. `reconcile` compares the two
at every start: after a crash between a shard and its entry, or without the index, the shards are read
again. So a damaged index is deleted rather than repaired.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from pneumoscope.batch.films import NO_PATH
from pneumoscope.errors import DiskFull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Self

FILE = "index.sqlite"
_VERSION = 1
_TABLES = """
create table shards (name text primary key, stamp text not null) without rowid;
create table films (name text primary key, sha256 text not null, stamp text not null,
    shard text not null, failed integer not null) without rowid;
create index films_by_shard on films (shard);
create index films_by_content on films (sha256);
"""


class Entry(NamedTuple):
    """A film that has a row.

    Attributes:
        name: Its name.
        sha256: SHA-256 of its content; ``""`` if it could not be read.
        stamp: See `Film.stamp`.
        shard: Name of the shard that has the row.
        failed: Whether the row has an error.
    """

    name: str
    sha256: str
    stamp: str
    shard: str
    failed: bool


class Index:
    """The index of a batch."""

    def __init__(self, folder: Path) -> None:
        """Opens the index in a folder, or begins it anew if there is none that can be used.

        Raises:
            DiskFull: It does not fit; so do the methods that write.
        """
        self._file = folder / FILE
        try:
            self._database = _opened(self._file)
        except sqlite3.DatabaseError:
            self._file.unlink(missing_ok=True)
            with _room_for(self._file):
                self._database = _opened(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def reconcile(
        self, shards: Mapping[str, str], entries: Callable[[str], Iterable[Entry]]
    ) -> None:
        """Makes the index say what the shards say.

        Args:
            shards: Name of each shard to a text that changes with its content.
            entries: Gives what a shard contains.
        """
        known = dict(self._database.execute("select name, stamp from shards"))
        for name in known:
            if shards.get(name) != known[name]:
                self._forget(name)
        for name in sorted(shards):
            if known.get(name) != shards[name]:
                self.add(name, shards[name], entries(name))

    def add(self, shard: str, stamp: str, entries: Iterable[Entry]) -> None:
        """Notes the content of a shard, in place of what was known of it."""
        self._forget(shard)
        with _room_for(self._file), self._database:
            self._database.execute("insert into shards values (?, ?)", (shard, stamp))
            self._database.executemany(
                "insert or replace into films values (?, ?, ?, ?, ?)", entries
            )

    def _forget(self, shard: str) -> None:
        with _room_for(self._file), self._database:
            self._database.execute("delete from films where shard = ?", (shard,))
            self._database.execute("delete from shards where name = ?", (shard,))

    def get(self, name: str) -> Entry | None:
        """The film of this name, if it has a row."""
        row = self._database.execute("select * from films where name = ?", (name,)).fetchone()
        if row is None:
            return None
        name, sha256, stamp, shard, failed = row
        return Entry(name=name, sha256=sha256, stamp=stamp, shard=shard, failed=bool(failed))

    def without_path(self) -> set[str]:
        """Names of rows that a manifest gave no path for."""
        query = "select name from films where failed and sha256 = '' and name glob ?"
        return {name for (name,) in self._database.execute(query, (NO_PATH.format("[0-9]*"),))}

    def restamp(self, stamps: Mapping[str, str]) -> None:
        """Notes that files were written anew with the same content.

        Args:
            stamps: Name of a film to the stamp of its file.
        """
        with _room_for(self._file), self._database:
            self._database.executemany(
                "update films set stamp = ? where name = ?", ((s, n) for n, s in stamps.items())
            )

    def count(self) -> int:
        """Number of films that have a row."""
        return int(self._database.execute("select count(*) from films").fetchone()[0])


@contextmanager
def _room_for(file: Path) -> Iterator[None]:
    """Raises `DiskFull` where SQLite says so."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DiskFull(str(file)) from error
        raise


def _opened(file: Path) -> sqlite3.Connection:
    """The database, with its tables.

    Raises:
        sqlite3.DatabaseError: It is not an index, is damaged or of another version.
    """
    database = sqlite3.connect(file)
    try:
        # The shards are synced; the index can be made from them.
        database.execute("pragma synchronous = off")
        version = database.execute("pragma user_version").fetchone()[0]
        if version == 0:
            database.executescript(f"{_TABLES}pragma user_version = {_VERSION};")
        elif version != _VERSION or database.execute("pragma quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("another version, or damaged")
    except BaseException:
        database.close()
        raise
    return database
