"""What destinations get."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.jobs.tables import FilmRow, now
from pneumoscope.pacs.destinations.base import StoredFilm


def test_arrays_come_back_from_a_row() -> None:
    heat = np.arange(6, dtype=np.float32)
    row = FilmRow(
        id="0" * 32,
        created=now(),
        result={"label": "NORMAL"},
        heatmap=heat.tobytes(),
        heatmap_rows=2,
    )
    film = StoredFilm.of_row(row, b"film")
    assert film.heatmap is not None
    assert film.heatmap.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert film.lungs is None
    assert (film.film, film.created) == (b"film", row.created)


def test_a_film_without_a_result_is_not_delivered() -> None:
    with pytest.raises(ValueError, match="no result"):
        StoredFilm.of_row(FilmRow(id="0" * 32, created=now(), result=None), b"film")
