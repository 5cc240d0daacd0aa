"""A batch from start to end: list, leave out what is done, read, write shards.

Rows that are not yet in a shard are at most those of one shard, those in work included, so a crash
loses no more. A row counts as done when its shard is written; the index follows.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol

from pneumoscope.batch.columns import ERROR_CODE, PATH, SHA256, STAMP
from pneumoscope.batch.index import Entry, Index
from pneumoscope.batch.job import claim
from pneumoscope.batch.reading import UNCHANGED
from pneumoscope.batch.shards import Shards
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from pneumoscope.batch.columns import Row
    from pneumoscope.batch.films import Film
    from pneumoscope.batch.job import ReadJob
    from pneumoscope.batch.listing import Listing
    from pneumoscope.batch.places import Place

SHARD_ROWS = 1000
"""Rows of a shard: some seconds of work on two cores."""


class Engine(Protocol):
    """Whatever makes rows of films.

    Attributes:
        chunk_films: Films in a chunk.
        capacity: Films that may be in work at once; 0 if that is not known.
    """

    chunk_films: int
    capacity: int

    def results(self, chunks: Iterator[list[Film]]) -> Generator[list[Row], None, None]:
        """The rows of all films, in any order."""
        ...


@dataclass(slots=True)
class Tally:
    """What a run has done so far.

    Attributes:
        listed: Films of the source.
        skipped: Films that had their row before, or come twice in the source.
        written: Rows that this run made.
        failed: Rows among them whose film could not be read.
        stopped: Whether too many films could not be read.
        all_listed: Whether ``listed`` is final.
    """

    listed: int = 0
    skipped: int = 0
    written: int = 0
    failed: int = 0
    stopped: bool = False
    all_listed: bool = field(default=False, compare=False)

    @property
    def done(self) -> int:
        """Films of the source that have a row."""
        return self.skipped + self.written


def run(
    listing: Listing,
    place: Place,
    job: ReadJob,
    engine: Engine,
    *,
    shard_rows: int = SHARD_ROWS,
    limit_errors: int | None = None,
    retry_errors: bool = False,
    step: Callable[[Tally], None] = lambda _tally: None,
) -> Tally:
    """Reads every film of a listing that has no row yet.

    Args:
        listing: The films.
        place: Where the shards are.
        job: How films are read.
        engine: Reads them.
        shard_rows: Rows of a shard, at most.
        limit_errors: The run stops when more films than this could not be read; None for no limit.
        retry_errors: Whether films whose row has an error are read again.
        step: Called after each chunk.

    Raises:
        UsageError: The listing is empty, another run writes into the place, or it holds other shards.
    """
    films = listing.films()
    first = next(films, None)
    if first is None:
        raise UsageError(
            f"{listing.identity}: no films found", "Is it empty, or does it hold no images?"
        )
    tally = Tally()
    with place.locked() as folder:
        claim(place, listing.identity, job)
        shards = Shards(place, job.columns)
        with Index(folder) as index:
            index.reconcile(shards.stamps(), shards.entries)
            writer = _Writer(shards, index, max(1, shard_rows - engine.capacity))
            # A cell that was filled in since, or a row that was moved: its error is obsolete.
            obsolete = index.without_path()
            listed = _seen(chain([first], films), obsolete)
            unread = _unread(listed, index, tally, retry_errors=retry_errors)
            try:
                with closing(engine.results(_chunks(unread, engine.chunk_films))) as results:
                    for rows in results:
                        writer.add(rows, tally)
                        step(tally)
                        if limit_errors is not None and tally.failed > limit_errors:
                            tally.stopped = True
                            break
                if tally.all_listed:
                    writer.remove(obsolete)
            finally:  # also after Ctrl-C: the work is done
                writer.flush()
    return tally


def _seen(films: Iterable[Film], names: set[str]) -> Iterator[Film]:
    """The same films; takes the names out that they have."""
    for film in films:
        names.discard(film.name)
        yield film


def _unread(
    films: Iterable[Film], index: Index, tally: Tally, *, retry_errors: bool
) -> Iterator[Film]:
    """The films that have no row of their present content."""
    for film in films:
        tally.listed += 1
        entry = index.get(film.name)
        if entry is None or (entry.failed and retry_errors):
            yield film
        elif film.stamp in ("", entry.stamp) and not film.is_stamped_late:
            tally.skipped += 1
        else:
            yield replace(film, known_sha256=entry.sha256, known_stamp=entry.stamp)
    tally.all_listed = True


def _chunks(films: Iterator[Film], size: int) -> Iterator[list[Film]]:
    while chunk := list(islice(films, size)):
        yield chunk


class _Writer:
    """Collects rows into shards; each film has one row at most."""

    def __init__(self, shards: Shards, index: Index, rows: int) -> None:
        """Writes a shard whenever there are so many rows."""
        self._shards = shards
        self._index = index
        self._most = rows
        self._rows: dict[str, Row] = {}
        self._obsolete: dict[str, set[str]] = defaultdict(set)
        self._stamps: dict[str, str] = {}

    def add(self, rows: Sequence[Row], tally: Tally) -> None:
        """Takes the rows of a chunk."""
        for row in rows:
            name = row[PATH]
            entry = self._index.get(name)
            if row.get(UNCHANGED):
                self._stamps[name] = row[STAMP]
            if row.get(UNCHANGED) or name in self._rows or _is_same(entry, row):
                tally.skipped += 1
                continue
            if entry is not None:
                self._obsolete[entry.shard].add(name)
            self._rows[name] = row
            tally.written += 1
            tally.failed += row.get(ERROR_CODE) is not None
            if len(self._rows) >= self._most:  # also within a chunk: Ray's are large
                self.flush()

    def remove(self, names: Iterable[str]) -> None:
        """Takes the rows of these names out of their shards."""
        for name in names:
            entry = self._index.get(name)
            if entry is not None:
                self._obsolete[entry.shard].add(name)

    def flush(self) -> None:
        """Writes what there is.

        Obsolete rows go first: after a crash in between, a film has no row, and is read again, rather
        than two.
        """
        # Taken first: a crash must not make a later call write them once more.
        obsolete, self._obsolete = self._obsolete, defaultdict(set)
        rows, self._rows = self._rows, {}
        stamps, self._stamps = self._stamps, {}
        for shard, names in obsolete.items():
            self._shards.remove(shard, names)
            self._index.add(shard, self._shards.stamp(shard), self._shards.entries(shard))
        if rows:
            shard = self._shards.append(list(rows.values()))
            entries = [_entry(row, shard) for row in rows.values()]
            self._index.add(shard, self._shards.stamp(shard), entries)
        self._index.restamp(stamps)


def _is_same(entry: Entry | None, row: Row) -> bool:
    """Whether a film that comes twice has the row already."""
    return entry is not None and not entry.failed and entry.sha256 == (row[SHA256] or "")


def _entry(row: Row, shard: str) -> Entry:
    failed = row.get(ERROR_CODE) is not None
    return Entry(row[PATH], row[SHA256] or "", row[STAMP], shard, failed)
