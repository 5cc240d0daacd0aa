from __future__ import annotations

from pathlib import Path

import pytest

from drawn import name_films
from pneumoscope.data.public_sets.film_index import films_by_stem, present
from pneumoscope.errors import DataError


def test_films_by_their_names_in_a_table(tmp_path: Path) -> None:
    root = name_films(tmp_path, "b/1.png", "a/1.png", "a/2.dcm", "masks/3.png")
    films = films_by_stem(root)
    assert films == {"1": root / "a/1.png", "2": root / "a/2.dcm"}
    assert films_by_stem(root, lambda path: path.parent.name == "b") == {"1": root / "b/1.png"}
    table = root / "t.csv"
    assert present(table, films, ["2", "1"]) == (["2", "1"], ())
    assert present(table, films, ["2", "9"]) == (
        ["2"], ("films of t.csv that are not there: 1 of 2",),
    )  # fmt: skip
    with pytest.raises(DataError, match="none of its 1 films"):
        present(table, films, ["9"])
