"""Reading films where whole processes may be killed: counts attempts, so that none is repeated forever."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from pneumoscope.batch.reading import MOST_DEATHS, deadly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.batch.columns import Row
    from pneumoscope.batch.films import Film
    from pneumoscope.batch.reading import FilmReader


class Attempts(Protocol):
    """Counts attempts that were begun and not ended: their process was killed."""

    def begin(self, work: str) -> int:
        """Notes that an attempt begins; returns the number of earlier ones that did not end."""
        ...

    def end(self, work: str) -> None:
        """Notes that the work is done."""
        ...


class AttemptCounts:
    """The counts, in a process that outlives those that read."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, work: str) -> int:
        """See `Attempts.begin`."""
        earlier = self._begun[work]
        self._begun[work] += 1
        return earlier

    def end(self, work: str) -> None:
        """See `Attempts.end`."""
        self._begun.pop(work, None)


def rows_of(films: Sequence[Film], reader: FilmReader, attempts: Attempts) -> list[Row]:
    """The rows of films, of which one may have killed earlier attempts.

    The first attempt reads all at once. Later ones read film by film, to find the one; a film at which
    `MOST_DEATHS` more attempts have died gets a row with an error.
    """
    chunk = f"chunk {len(films)} {films[0].name}"
    if attempts.begin(chunk) == 0:
        rows = reader.rows(films)
    else:
        rows = [_row(film, reader, attempts) for film in films]
    attempts.end(chunk)
    return rows


def _row(film: Film, reader: FilmReader, attempts: Attempts) -> Row:
    work = f"film {film.name}"
    if attempts.begin(work) >= MOST_DEATHS:
        return deadly(film)
    (row,) = reader.rows([film])
    attempts.end(work)
    return row
