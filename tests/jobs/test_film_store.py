"""Films in memory and on the disk."""

from __future__ import annotations

from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.jobs.keys import Keys

SECRET = bytes(range(32))


def test_memory_for_films_is_bounded() -> None:
    films = FilmStore(10, Keys(SECRET))
    for name in "abc":
        films.put(name, bytes(4))
    assert [films.get(name) for name in "abc"] == [None, bytes(4), bytes(4)]
    films.get("b")
    films.put("d", bytes(4))  # b was used after c
    assert [films.get(name) for name in "bcd"] == [bytes(4), None, bytes(4)]
    films.put("large", bytes(11))
    assert films.get("large") is None
    films.drop(["b", "d", "unknown"])
    assert films._used_bytes == 0
