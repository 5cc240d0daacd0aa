from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pneumoscope.batch.attempts import AttemptCounts, rows_of
from pneumoscope.batch.columns import Row
from pneumoscope.batch.films import Film
from stub_reader import JOB, StubReader

FILMS = [Film(f"{name}.png", Path(f"{name}.png")) for name in ("a", "deadly", "b", "c")]


class Killed(Exception):
    """In the place of a signal."""


class Reader(StubReader):
    """A reader that is killed at a film, and notes what it was given."""

    def __init__(self, deadly: str = "deadly.png", times: int = 1000) -> None:
        super().__init__(JOB)
        self.deadly, self.times = deadly, times
        self.calls: list[list[str]] = []

    def rows(self, films: Sequence[Film]) -> list[Row]:
        self.calls.append([film.name for film in films])
        if self.times and any(film.name == self.deadly for film in films):
            self.times -= 1
            raise Killed
        return [self._row(Film(f.name.replace("deadly", "x"), f.source)) for f in films]


def until_read(reader: Reader, attempts: AttemptCounts) -> tuple[list[Row], int]:
    """As Ray does: again and again."""
    for deaths in range(20):
        try:
            return rows_of(FILMS, reader, attempts), deaths
        except Killed:
            continue
    raise AssertionError("tried without end")


def test_a_film_that_kills_each_attempt_gets_a_row_with_an_error() -> None:
    reader, attempts = Reader(), AttemptCounts()
    rows, deaths = until_read(reader, attempts)
    assert [row["path"] for row in rows] == ["a.png", "deadly.png", "b.png", "c.png"]
    assert [row.get("error_code") for row in rows] == [None, "UnreadableImage", None, None]
    assert rows[1]["error"].endswith("(it brought the worker process down)")
    assert deaths == 3  # once with others, twice alone
    assert reader.calls[0] == ["a.png", "deadly.png", "b.png", "c.png"]
    assert all(len(films) == 1 for films in reader.calls[1:])


def test_a_process_that_was_killed_by_chance_costs_nothing() -> None:
    for times in (1, 2):
        reader, attempts = Reader(times=times), AttemptCounts()
        rows, deaths = until_read(reader, attempts)
        assert not any("error_code" in row for row in rows)
        assert deaths == times
        assert attempts.begin("film a.png") == 0  # nothing is kept of what is done


def test_without_deaths_films_are_read_at_once() -> None:
    reader = Reader(deadly="")
    rows, deaths = until_read(reader, AttemptCounts())
    assert (len(rows), deaths, len(reader.calls)) == (4, 0, 1)
