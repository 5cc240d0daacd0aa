"""The films of the run that wrote a bundle."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from pneumoscope.data.listing import Entry
from pneumoscope.errors import DataError
from pneumoscope.evidence.evaluation.films import _unseen
from pneumoscope.evidence.evaluation.run_films import run_films

LIST = """path,sha256,patient,split,normal,ill
../data/a.png,aa,p1,train,1,0
../data/b.png,bb,p2,validation,0,1
"""


def bundle(run: Path) -> Any:
    return SimpleNamespace(path=run / "bundle")


def entry(path: Path) -> Entry:
    return Entry(path, path.name, (1.0, 0.0), "p", True, None)


def test_the_list_of_a_run_names_its_films(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "films.csv").write_text(LIST)
    run = run_films(bundle(tmp_path / "run"))
    assert run is not None
    assert run.splits == {
        tmp_path / "data" / "a.png": "train", tmp_path / "data" / "b.png": "validation",
    }  # fmt: skip
    assert (run.hashes, run.trained, run.patients) == ({"aa", "bb"}, {"aa"}, {"p1"})


@pytest.mark.parametrize("text", [None, "", "path,split\n1", "\x00"])
def test_without_a_readable_list_nothing_is_known(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "films.csv").write_text(text)
    run = run_films(bundle(tmp_path))
    assert run is None or not run.splits


def test_training_films_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "films.csv").write_text(LIST)
    runs = (run_films(bundle(tmp_path / "run")), None)
    films = tuple(entry(tmp_path / "data" / name) for name in ("a.png", "b.png", "c.png"))
    kept, words, number = _unseen(tmp_path, films, "all films", runs)
    assert [film.name for film in kept] == ["b.png", "c.png"]
    assert (words, number) == ("all films; without 1 training film of the run", 1)
    assert _unseen(tmp_path, films, "all films", (None,)) == (films, "all films", 0)
    with pytest.raises(DataError, match=r"all films \(1\) are training films of the run"):
        _unseen(tmp_path, films[:1], "all films", runs)
